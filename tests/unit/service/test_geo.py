"""Places by a database of the operator's own: read, replaced while in use, refused, and named by the settings."""

import json
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from adapter.errors import ConfigError, MappingError
from adapter.mapping.load import check_with_tests
from adapter.model import Calls
from adapter.service.geo import GeoDatabase
from adapter.service.mappings import loader, read_message
from adapter.settings.load import load_settings
from tests.fakes import FakeClock

BERLIN = {
    "continent": {"code": "EU"},
    "country": {"iso_code": "DE", "names": {"en": "Germany", "de": "Deutschland"}},
    "subdivisions": [{"names": {"en": "Land Berlin"}}],
    "city": {"names": {"en": "Berlin"}},
    "location": {"time_zone": "Europe/Berlin"},
}
PARTS = {
    "country": "DE", "country_name": "Germany", "continent": "EU", "region": "Land Berlin", "city": "Berlin",
    "timezone": "Europe/Berlin",
}  # fmt: skip
MAPPING = """\
version: 1
rules:
  - track: T
    copy: none
    properties: {city: {from: context.ip, apply: [{geo: city}], default: unknown}}
tests:
  - name: by a table of the test
    given: {type: track, event: E, context: {ip: 198.51.100.1}}
    geo: {198.51.100.1: {city: Paris}}
    expect: [{properties: {city: Paris}}]
"""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def write(path: Path, places: dict[str, Any]) -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    for net, place in places.items():
        writer.insert_network(IPSet([net]), place)
    aside = path.with_suffix(".new")
    writer.to_db_file(str(aside))
    aside.replace(path)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "places.mmdb"
    write(
        path,
        {"203.0.113.0/24": BERLIN, "2001:db8::/32": {"country": "FR", "city": "Paris", "timezone": "Europe/Paris"}},
    )
    return path


def test_places_are_looked_up(database: Path) -> None:
    """In the form of MaxMind and in that of IPinfo; what is no address, or not there, is nowhere."""
    places = GeoDatabase(database)
    assert places("203.0.113.7") == PARTS
    assert places("2001:db8::1") == {"country": "FR", "city": "Paris", "timezone": "Europe/Paris"}
    for address in ("192.0.2.1", "text", "", "203.0.113.7, 192.0.2.1", "\ud800"):
        assert places(address) == {}


def test_a_replaced_database_is_used_within_10_s(database: Path, clock: FakeClock) -> None:
    """One that is half written, or missing, leaves the last one active."""
    places = GeoDatabase(database, monotonic_s=clock)
    write(database, {"203.0.113.0/24": {"city": "Bonn"}})
    assert places("203.0.113.7") == PARTS
    clock.advance(11)
    assert places("203.0.113.7") == {"city": "Bonn"}
    database.write_bytes(b"half")
    clock.advance(11)
    assert places("203.0.113.7") == {"city": "Bonn"}
    database.unlink()
    clock.advance(11)
    assert places("203.0.113.7") == {"city": "Bonn"}
    write(database, {"203.0.113.0/24": {"city": "Ulm"}})
    clock.advance(11)
    assert places("203.0.113.7") == {"city": "Ulm"}


@pytest.mark.parametrize("content", [None, b"", b"text"], ids=["missing", "empty", "no database"])
def test_a_database_of_no_use_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    """With its path and the reason."""
    path = tmp_path / "places.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"geo\.database: .*places\.mmdb: cannot be used"):
        GeoDatabase(path)


def settings_in(folder: Path, text: str) -> Any:
    (folder / "adapter.yaml").write_text(text)
    (folder / "m.yaml").write_text(MAPPING)
    return load_settings(file=folder / "adapter.yaml", environ={"BROWSEE_API_KEY": "k"})


def test_the_settings_name_the_database(tmp_path: Path, database: Path) -> None:
    """Relative to their file; without one a mapping that needs it does not go live."""
    sources = "sources: {shop: {mapping: m.yaml}}\n"
    settings = settings_in(tmp_path, "geo: {database: places.mmdb}\n" + sources)
    assert settings.geo_database == database
    message = {"type": "track", "event": "E", "userId": "u", "context": {"ip": "203.0.113.7"}}
    rendered = loader(settings, settings.sources[0])(MAPPING).render(read_message(message))
    assert isinstance(rendered, Calls)
    assert rendered.calls[0].body["properties"] == {"city": "Berlin"}
    settings = settings_in(tmp_path, sources)
    with pytest.raises(MappingError, match=r"E165: `geo` needs a database of places"):
        loader(settings, settings.sources[0])(MAPPING)


def test_tests_have_places_of_their_own() -> None:
    """So that they pass on a machine without a database; an unknown part is an error."""
    checked = check_with_tests(MAPPING, file="m.yaml", read=read_message)
    assert (checked.passed, [found for found in checked.findings if found.blocks]) == (1, [])
    wrong = check_with_tests(
        MAPPING.replace("{city: Paris}}\n    expect", "{town: Paris}}\n    expect"), file="m", read=read_message
    )
    assert "`town` is not one of country" in json.dumps([found.message for found in wrong.findings])
