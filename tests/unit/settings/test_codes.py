"""Every code of settings is explained, by an example that `check` finds it in."""

import re
from pathlib import Path

import pytest

from adapter.mapping.language.codes import CODES
from adapter.settings.codes import SAME_AS, SETTINGS_CODES
from adapter.settings.load import check_settings
from adapter.settings.mistakes import explain_settings_code

PACKAGE = Path(__file__).parents[3] / "adapter/settings"


def test_every_code_of_the_settings_has_its_line() -> None:
    """A code that a message shows can be looked up."""
    used = {code for file in PACKAGE.glob("*.py") for code in re.findall(r'"([EW]3\d\d)"', file.read_text("utf-8"))}
    assert used == {*SETTINGS_CODES, *SAME_AS}
    assert SETTINGS_CODES.keys() & CODES.keys() == set()


@pytest.mark.parametrize("code", sorted({*SETTINGS_CODES, *SAME_AS}))
def test_an_example_has_its_mistake_and_no_other(code: str) -> None:
    known = SAME_AS.get(code, code)
    found = check_settings(SETTINGS_CODES[known].example, file=Path("f.yaml"), environ={})
    assert [SAME_AS.get(finding.code, finding.code) for finding in found] == [known]

    said = explain_settings_code(code.lower())
    assert said is not None
    assert said.startswith(f"{code}: {SETTINGS_CODES[known].means}.\n\nExample:\n\n")
    assert said.endswith(SETTINGS_CODES[known].cure)
    assert explain_settings_code("E399") is None
