"""Shows settings to people: what is in force, with every secret masked. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from adapter.model import Secret
from adapter.settings.settings import Settings

_MASK = "***"


def describe(settings: Settings) -> dict[str, str]:
    """Every setting in force by its dotted name, units in the names: `{"retry.for_s": "259200", …}`.

    A secret is shown as `***`, so that one can see whether it is there.
    """
    return dict(_lines("", settings))


def _lines(name: str, value: object) -> Iterator[tuple[str, str]]:
    for key, inner in _parts(value):
        dotted = f"{name}.{key}" if name else key
        if _is_group(inner):
            yield from _lines(dotted, inner)
        elif inner is not None and inner != ():
            yield dotted, _shown(inner)


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, tuple):
        yield from ((getattr(inner, "name", str(index)), inner) for index, inner in enumerate(value))
    elif is_dataclass(value):
        yield from ((field.name, getattr(value, field.name)) for field in fields(value) if field.name != "name")


def _is_group(value: object) -> bool:
    # An address or a queue shows itself in one word; a group of settings has no text of its own.
    if isinstance(value, Mapping):
        return True
    if isinstance(value, tuple):
        return any(is_dataclass(inner) for inner in value)
    return is_dataclass(value) and type(value).__str__ is object.__str__


def _shown(value: object) -> str:
    if isinstance(value, Secret):
        return _MASK
    if isinstance(value, tuple):
        return ", ".join(_shown(inner) for inner in value)
    if isinstance(value, float):
        return f"{value:g}" if value < 10**6 else f"{value:.0f}"
    return str(value)
