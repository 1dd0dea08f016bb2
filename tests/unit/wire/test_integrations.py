"""Whether `integrations` switches a destination on or off."""

import pytest

from adapter.wire.integrations import is_switched_on


@pytest.mark.parametrize("value", [False, "false", " FALSE "])
@pytest.mark.parametrize("name", ["Browsee", "browsee", "BROWSEE"])
def test_false_switches_off(name: str, value: object) -> None:
    """As a word or as a text, whatever the case of the name."""
    assert is_switched_on({"All": True, name: value}, "Browsee") is False


@pytest.mark.parametrize("value", [True, {}, {"option": 1}, "true", "yes", 0, ""])
def test_anything_else_switches_on(value: object) -> None:
    """An object holds options of the destination."""
    assert is_switched_on({"browsee": value}, "Browsee") is True


@pytest.mark.parametrize("said", [None, {}, {"All": False}, {"Browsee": None}, {"Browsee 2": False}, [], "Browsee", 5])
def test_what_does_not_name_it_says_nothing(said: object) -> None:
    """Null is as good as nothing, and so is what is no object."""
    assert is_switched_on(said, "Browsee") is None


def test_one_entry_that_switches_off_is_enough() -> None:
    """In either order."""
    assert is_switched_on({"Browsee": True, "browsee": False}, "Browsee") is False
    assert is_switched_on({"browsee": False, "Browsee": True}, "Browsee") is False
