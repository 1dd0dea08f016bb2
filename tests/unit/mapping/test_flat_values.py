"""Browsee shows flat values only: no shipped mapping sends an object or a list, whatever it is given."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls, JsonObject
from tests.unit.mapping.reading import read, ruleset
from tests.unit.mapping.shipped_messages import PRESETS, shipped_messages

NESTED: list[JsonObject] = [
    {
        "a": {"b": {"c": 1}},
        "list": ["x", 2],
        "objects": [{"a": [1]}, {}],
        "mixed": [1, {"a": 1}, [2]],
        "none": {},
        "no": [],
    },
    {
        "products": [{"product_id": ["p"], "id": {"a": 1}, "variants": ["a"], "dims": {"h": 1}}],
        "filters": {"a": []},
        "$tags": ["a", "b"],
    },
    {"page": {"url": ["x"]}, "name": {"first": "Ada"}, "firstName": ["Ada"], "phone": ["1"], "total": {"amount": 5}},
    {
        "order_id": {"a": 1},
        "product_id": {"a": 1},
        "currency": ["EUR"],
        "quantity": [1],
        "keywords": {"a": 1},
        "url": {"x": 1},
        "version": [1],
        "campaign": {"name": []},
    },
    {"content_asset_ids": [["a"], ["b"]], "invitee_email": ["a@b.test"], "trial_start_date": {}, "plan": ["pro"]},
]
"""Fields that are nested in every way, under names that the mappings read too."""


def messages() -> Iterator[JsonObject]:
    """The shipped ones, and each of the nested ones as every type of event."""
    yield from (message for _, message in shipped_messages())
    events = [
        *("Order Completed", "Product Viewed", "Cart Viewed", "Video Content Started", "Application Opened", "Other"),
        *("Video Playback Started", "Install Attributed", "Invite Sent", "Trial Started", "Signed Up"),
    ]
    for fields in NESTED:
        context = {
            "traits": fields,
            "page": fields,
            "app": {"version": [1]},
            "groupId": ["g"],
            "campaign": {"name": {"x": 1}},
        }
        for event in events:
            yield {"type": "track", "event": event, "properties": fields, "context": context}
        for kind in ("page", "screen", "identify"):
            yield {"type": kind, "name": {"x": ["y"]}, "properties": fields, "traits": fields, "context": context}


def nested_in(rules: Ruleset) -> list[tuple[str, Any]]:
    """Every field of a call that is a list or an object, but for `$tags`, which is a list of texts."""
    rendered = (rules.render(read({"userId": "u-1", **message})) for message in messages())
    bodies = [call.body for outcome in rendered if isinstance(outcome, Calls) for call in outcome.calls]
    fields = [field for body in bodies for word in ("properties", "traits") for field in body.get(word, {}).items()]
    return [
        (name, value)
        for name, value in fields
        if isinstance(value, dict | list) and not (name == "$tags" and all(isinstance(tag, str) for tag in value))
    ]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.stem)
def test_a_shipped_mapping_sends_flat_values_only(preset: Path) -> None:
    """Nested objects become flat names, lists become texts, empty ones are left out."""
    assert nested_in(ruleset(preset.read_text())) == []


def test_without_the_settings_nested_values_are_sent() -> None:
    """What would be found if a shipped mapping did not flatten."""
    rules = [{"when": {"type": "identify"}, "identify": True}, {"track": "T"}]
    assert len(nested_in(ruleset(json.dumps({"version": 1, "rules": rules})))) > 100
