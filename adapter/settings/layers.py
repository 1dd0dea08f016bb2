"""Settings of one origin, and how they are laid over each other. Pure.

A `Layer` holds values already read, so that layers can be stacked without asking again what a text meant or which
folder a relative path counts from.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from adapter.mapping.document import Path
from adapter.mapping.finding import Finding
from adapter.model import JsonObject
from adapter.settings.shape import Reader, Shape, Trouble


@dataclass(frozen=True, slots=True)
class Layer:
    """What one origin says: `values` nested as in a file; `place` turns a problem into a finding in that origin."""

    values: JsonObject
    findings: tuple[Finding, ...]
    place: Callable[[Trouble], Finding]


@dataclass(frozen=True, slots=True)
class Stack:
    """Layers over each other. `values` is what is in force, every source with its defaults."""

    layers: tuple[Layer, ...]
    values: JsonObject

    @property
    def findings(self) -> list[Finding]:
        """The problems of each layer by itself."""
        return [finding for layer in self.layers for finding in layer.findings]

    def place(self, trouble: Trouble) -> Finding:
        """A finding in the layer whose value it is that is in force."""
        named = tuple(key for key in trouble.path if isinstance(key, str))
        owners = [layer for layer in self.layers if has(layer.values, named)]
        return (owners or self.layers)[-1].place(trouble)


def layer_of(
    data: Any,
    shape: Shape,
    *,
    reading: Mapping[str, Reader],
    place: Callable[[Trouble], Finding],
    unset: Collection[Path] = (),
) -> Layer:
    """`data` judged by the schema and read; with a problem in it, `values` is empty.

    What stands at a path of `unset` is not judged, because its text is not known.
    """
    troubles = [trouble for trouble in shape.troubles(data) if trouble.path not in unset]
    values: JsonObject = {}
    if not troubles:
        values, unread = shape.read(data, reading)
        troubles = [trouble for trouble in unread if trouble.path not in unset]
    return Layer({} if troubles else values, tuple(place(trouble) for trouble in troubles), place)


def stacked(layers: Sequence[Layer], *, source_defaults: JsonObject) -> Stack:
    """`layers`, the lowest first, laid over each other."""
    values: JsonObject = reduce(overlaid, (layer.values for layer in layers), {})
    sources = {name: overlaid(source_defaults, source) for name, source in values.get("sources", {}).items()}
    return Stack(tuple(layers), {**values, "sources": sources})


def overlaid(below: Any, above: Any) -> Any:
    """`above` laid over `below`, group by group; a list or a value replaces the one under it."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{key: overlaid(below.get(key), value) for key, value in above.items()}}


def has(values: Any, path: Sequence[str]) -> bool:
    """There is something at `path`."""
    for key in path:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True
