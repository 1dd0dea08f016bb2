"""Parts of the location of an IP address: the results of the step `geo`. Pure; the database is an argument."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Final, TypeAlias

PARTS: Final = ("country", "country_name", "continent", "region", "city", "timezone")
INSTALL: Final = 'pip install "browsee-adapter[geo]"'

Locate: TypeAlias = Callable[[str], Mapping[str, Any]]
"""The parts of the location of an IP address, as text; empty if it is unknown or not an address."""


def nowhere(_address: str) -> Mapping[str, Any]:
    """Used if there is no database."""
    return {}


def is_installed() -> bool:
    """Whether the extra is installed."""
    return find_spec("maxminddb") is not None


def parts_of(record: Any) -> dict[str, str]:
    """The parts in a record of MaxMind's format, with English names; also of IPinfo's, whose fields are plain texts."""
    if type(record) is not dict:
        return {}
    regions = record.get("subdivisions")
    found = {
        "country": _code(record.get("country")) or record.get("country_code"),
        "country_name": _name(record.get("country")) or record.get("country_name"),
        "continent": _code(record.get("continent"), key="code"),
        "region": _name(regions[0]) if type(regions) is list and regions else record.get("region"),
        "city": _name(record.get("city")) or record.get("city"),
        "timezone": _timezone(record),
    }
    return {part: value for part, value in found.items() if type(value) is str and value}


def _code(place: Any, *, key: str = "iso_code") -> Any:
    return place.get(key) if type(place) is dict else place


def _name(place: Any) -> Any:
    names = place.get("names") if type(place) is dict else None
    return names.get("en") if type(names) is dict else None


def _timezone(record: Mapping[str, Any]) -> Any:
    location = record.get("location")
    return location.get("time_zone") if type(location) is dict else record.get("timezone")
