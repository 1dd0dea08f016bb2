"""A variable that looks like a setting and is none is named, with the one that was meant."""

import pytest

from adapter.settings.environment import unknown_variables

KUBERNETES: tuple[str, ...] = ("ADAPTER_SERVICE_HOST", "ADAPTER_SERVICE_PORT", "BROWSEE_ADAPTER_SERVICE_PORT_HTTP")
KUBERNETES += ("BROWSEE_ADAPTER_PORT", "BROWSEE_ADAPTER_PORT_80_TCP", "BROWSEE_ADAPTER_PORT_80_TCP_ADDR")


def test_a_misspelt_variable_is_named_with_the_one_that_was_meant() -> None:
    """The value is never quoted: it may be a secret."""
    (said,) = unknown_variables({"BROWSEE_APIKEY": "s3cret"}, ())
    assert "BROWSEE_APIKEY is set but not used" in said
    assert "did you mean `BROWSEE_API_KEY`?" in said
    assert "s3cret" not in said


@pytest.mark.parametrize("name", [*KUBERNETES, "ADAPTER_SEND_KEY", "ADAPTER_CONFIG", "PATH", "ADAPTER_BROWSEE_URL"])
def test_what_has_a_meaning_is_not_named(name: str) -> None:
    """Kubernetes sets variables of its own for each service."""
    assert list(unknown_variables({name: "x"}, ())) == []


def test_a_variable_that_the_settings_name_is_used() -> None:
    """`${ADAPTER_SHOP_KEY}` in a settings file is not a mistake."""
    assert list(unknown_variables({"ADAPTER_SHOP_KEY": "x"}, {"ADAPTER_SHOP_KEY"})) == []
