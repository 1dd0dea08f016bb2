"""The settings of one origin, and how layers of settings override each other. Pure.

A `Layer` holds values that are read already, so layers can be stacked without knowing what a text meant or what a
relative path is relative to.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from adapter.files.document import DocumentPath
from adapter.files.finding import Finding
from adapter.model import JsonObject
from adapter.settings.shape import SettingProblem, SettingsShape, ValueReader


@dataclass(frozen=True, slots=True)
class Layer:
    """The settings of one origin: `values` nested as in a file; `place` turns a problem into a finding in that
    origin.
    """

    values: JsonObject
    findings: tuple[Finding, ...]
    place: Callable[[SettingProblem], Finding]


@dataclass(frozen=True, slots=True)
class Stack:
    """Layers over each other. `values` are the settings in force, every source with its defaults."""

    layers: tuple[Layer, ...]
    values: JsonObject

    @property
    def findings(self) -> list[Finding]:
        """The problems of each layer by itself."""
        return [finding for layer in self.layers for finding in layer.findings]

    def place(self, problem: SettingProblem) -> Finding:
        """A finding in the layer whose value is in force."""
        named = tuple(key for key in problem.path if isinstance(key, str))
        owners = [layer for layer in self.layers if has(layer.values, named)]
        return (owners or self.layers)[-1].place(problem)


def layer_of(
    data: Any,
    shape: SettingsShape,
    *,
    reading: Mapping[str, ValueReader],
    place: Callable[[SettingProblem], Finding],
    unset: Collection[DocumentPath] = (),
) -> Layer:
    """`data` checked by the schema and read; values with a problem are left out of `values`.

    Values at the paths of `unset` cause no problems, because their text is not known.
    """
    refused = shape.problems(data)
    sound = _without(data, (), {problem.path for problem in refused})
    values, unread = shape.read(sound, reading)
    if unread:
        values, _ = shape.read(_without(sound, (), {problem.path for problem in unread}), reading)
    reported = (problem for problem in (*refused, *unread) if problem.path not in unset)
    return Layer(values, tuple(place(problem) for problem in reported), place)


def stacked(layers: Sequence[Layer], *, source_defaults: JsonObject) -> Stack:
    """`layers`, lowest first, over each other."""
    values: JsonObject = reduce(overlaid, (layer.values for layer in layers), {})
    sources = {name: overlaid(source_defaults, source) for name, source in values.get("sources", {}).items()}
    return Stack(tuple(layers), {**values, "sources": sources})


def overlaid(below: Any, above: Any) -> Any:
    """`above` over `below`, group by group; a list or a value replaces the one below."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{key: overlaid(below.get(key), value) for key, value in above.items()}}


def has(values: Any, path: Sequence[str]) -> bool:
    """Whether there is a value at `path`."""
    for key in path:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def _without(data: Any, path: DocumentPath, refused: Collection[DocumentPath]) -> Any:
    """`data` without the values at the paths of `refused`; in a list None keeps the position."""
    if path in refused:
        return None if path else {}
    if isinstance(data, dict):
        return {
            key: _without(inner, (*path, key), refused) for key, inner in data.items() if (*path, key) not in refused
        }
    if isinstance(data, list):
        return [_without(inner, (*path, index), refused) for index, inner in enumerate(data)]
    return data
