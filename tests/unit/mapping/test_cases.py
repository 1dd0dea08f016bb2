"""The language as a whole: whole files with their own tests, and the behaviour of peers in this language."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapter.mapping.load import check
from adapter.mapping.run.scalars import same
from adapter.model import Calls, JsonObject
from tests.unit.mapping.reading import read, ruleset

ROOT = Path(__file__).parents[3]
FILES = sorted([*(ROOT / "tests/cases/mapping").glob("*.yaml"), *(ROOT / "mappings").glob("*.yaml")])
ROWS: list[dict[str, Any]] = json.loads((ROOT / "tests/cases/mapping_cases.json").read_text())
ABSENT = {"absent": True}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_whole_files_are_clean_and_keep_their_own_promises(file: Path) -> None:
    """Every example and every shipped mapping has no error, no warning and no failing test."""
    findings = check(file.read_text(), file=file.name, read=read)
    assert [finding.headline for finding in findings if finding.severity != "note"] == []


def event_of(row: dict[str, Any]) -> JsonObject:
    """The message of a row: its input stands under `properties`, unless the row is about a whole message."""
    whole = row.get("whole") or "when" in row
    message = row["input"] if whole else {"properties": row["input"]}
    return {"type": "track", "event": "E", "anonymousId": "a", **message}


def of_kind(kind: str) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in ROWS if kind in row]


def rule(**words: Any) -> str:
    return json.dumps({"version": 1, "rules": [{"track": "T", "copy": "none", **words}]})


@pytest.mark.parametrize("row", of_kind("value"))
def test_values_of_peers(row: dict[str, Any]) -> None:
    """Each row gives the value written down for this language; `absent` writes no key."""
    mapping = rule(properties={"v": row["value"]}).replace('"rules"', '"settings":{"nulls":"keep"},"rules"')
    rendered = ruleset(mapping).render(read(event_of(row)))
    assert isinstance(rendered, Calls)
    properties = rendered.calls[0].body.get("properties", {})
    assert properties == ({} if row["expected"] == ABSENT else {"v": row["expected"]})
    assert row["expected"] == ABSENT or same(properties["v"], row["expected"])


@pytest.mark.parametrize("row", of_kind("when"))
def test_conditions_of_peers(row: dict[str, Any]) -> None:
    """Each row's condition holds or does not, as written down for this language."""
    rendered = ruleset(rule(when=row["when"])).render(read(event_of(row)))
    assert isinstance(rendered, Calls) == row["expected"]


@pytest.mark.parametrize("row", of_kind("call"))
def test_fan_outs_of_peers(row: dict[str, Any]) -> None:
    """Each row's call block makes the calls written down for this language."""
    text = json.dumps({"version": 1, "rules": [row["call"]]})
    rendered = ruleset(text).render(read(event_of(row)))
    assert isinstance(rendered, Calls)
    assert [call.body["properties"] for call in rendered.calls] == row["expected"]


def test_no_row_is_left_out() -> None:
    """Every row has a kind that a test here reads."""
    assert len(ROWS) == sum(len(of_kind(kind)) for kind in ("value", "when", "call")) == 70
