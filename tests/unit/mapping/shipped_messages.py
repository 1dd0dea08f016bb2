"""Every message at hand: those of the shipped mappings' tests and of the wire cases."""

import json
from collections.abc import Iterator
from typing import Any

from adapter.model import JsonObject
from tests.unit.mapping.reading import parsed
from tests.unit.mapping.test_cases import ROOT

PRESETS = sorted((ROOT / "mappings").glob("*.yaml"))


def shipped_messages() -> list[tuple[str, JsonObject]]:
    """Each with the name of what it is from."""
    cases = sorted((ROOT / "tests/cases/wire").glob("*.json"))
    sent = [(case.stem, message) for case in cases for message in _messages_of(json.loads(case.read_text()))]
    return sent + [
        (f"{preset.stem}: {test['name']}", test["given"])
        for preset in PRESETS
        for test in parsed(preset.read_text())["tests"]
    ]


def _messages_of(case: JsonObject) -> Iterator[JsonObject]:
    requests: list[JsonObject] = case.get("requests") or [case["request"]]
    for request in requests:
        body: Any = request.get("body")
        members = body.get("batch", [body]) if isinstance(body, dict) else body if isinstance(body, list) else []
        yield from (member for member in members if isinstance(member, dict))
