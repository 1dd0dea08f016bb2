"""What `explain E150` shows is what `check` says."""

import pytest

from adapter.mapping.language.codes import CODES
from adapter.mapping.load import check
from adapter.mapping.mistakes import MARK, explain_code, is_code, mistakes
from tests.unit.mapping.reading import read


@pytest.mark.parametrize("code", sorted(mistakes()))
def test_an_example_has_its_mistake_and_no_other(code: str) -> None:
    text = mistakes()[code]
    before = text[: text.index(MARK)]

    found = [one for one in check(text.replace(MARK, ""), file="f.yaml", read=read) if one.code]

    place = before.count("\n") + 1, len(before) - before.rfind("\n")
    assert [(one.code, one.line, one.column) for one in found] == [(code, *place)]


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_is_explained_with_what_to_do(code: str) -> None:
    said = explain_code(code.lower())

    assert said is not None
    assert said.startswith(f"{code}: {CODES[code]}.\n\n")
    assert code not in mistakes() or f" {code}: " in said.partition("`check` says:")[2]


def test_a_code_of_something_else_is_not_explained() -> None:
    assert is_code("E302")
    assert explain_code("E302") is None
    assert not is_code("E1500")
    assert not is_code("E150.yaml")
