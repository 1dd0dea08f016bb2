"""The whole set-ups: every source has a message, which the schemas take and the named mapping makes into calls."""

import re

import pytest

from adapter.ingest.validate import Validator
from adapter.service.applications import event_validator
from tests.docs.pages import PAGES
from tests.docs.setups import PAGE, Setup, becomes, setups

SETUPS = list(setups())
EACH = pytest.mark.parametrize("setup", SETUPS, ids=[setup.source for setup in SETUPS])


@pytest.fixture(scope="module")
def validator() -> Validator:
    return event_validator()


def test_every_section_has_a_message() -> None:
    assert [setup.source for setup in SETUPS] == re.findall(r"(?m)^## (.*)$", PAGES[PAGE])


@EACH
def test_the_mapping_makes_calls_of_the_message(setup: Setup) -> None:
    """None of these is dropped, refused or taken by no rule, and the person is the one of the message."""
    shown = becomes(setup.message, setup.mapping)

    assert shown.startswith("sent  by ")
    assert f"userId={setup.message['userId']}" in shown
    assert "warning" not in shown


@EACH
def test_the_schemas_take_the_message(setup: Setup, validator: Validator) -> None:
    assert validator.problems(setup.message["type"], setup.message) == ()
