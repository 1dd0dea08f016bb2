"""The shipped mappings cover the events that they are for."""

import json

import pytest

from adapter.model import Calls
from tests.unit.mapping.reading import event, ruleset
from tests.unit.mapping.test_cases import ROOT

NAMES = json.loads((ROOT / "tests/cases/preset_events.json").read_text())
GENERAL = {"All other track events, in Browsee's spelling"}


@pytest.mark.parametrize("preset", NAMES)
def test_a_preset_names_every_event_of_its_specification(preset: str) -> None:
    """No event of the specification falls to the rule for all others, and each is sent, or dropped on purpose."""
    rules = ruleset((ROOT / f"mappings/{preset}.yaml").read_text())
    for name, outcome in NAMES[preset].items():
        rendered = rules.render(event(event=name, properties={"products": [{"product_id": "p"}]}))
        if outcome == "dropped":
            assert not isinstance(rendered, Calls), name
        else:
            assert isinstance(rendered, Calls), name
            assert rendered.calls[0].body["event"] == outcome
            assert rendered.calls[0].rule not in GENERAL


@pytest.mark.parametrize("preset", ["default", "ecommerce", "saas", "mobile", "video", "web", "rudderstack", "privacy"])
def test_every_preset_takes_the_four_types_that_browsee_knows(preset: str) -> None:
    """A preset is a whole mapping: identify, page, screen and any track event end as calls."""
    rules = ruleset((ROOT / f"mappings/{preset}.yaml").read_text())
    for kind in ("identify", "page", "screen", "track"):
        assert isinstance(rules.render(event(type=kind, event="Some Event", userId="u")), Calls)
