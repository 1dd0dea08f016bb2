"""How findings are shown to people and to machines."""

import pytest

from adapter.files.finding import Finding, Severity, as_github, as_json, as_text, did_you_mean, nearest

UNKNOWN = Finding(Severity.ERROR, "E111", "shop.yaml", 11, 5, "`propertes` is no word", "    propertes:")


def test_text_shows_the_line_and_a_caret() -> None:
    """Place, severity, code and message; then the source line and a caret under the column."""
    assert as_text(UNKNOWN).split("\n") == [
        "shop.yaml:11:5: error E111: `propertes` is no word",
        "      11 |     propertes:",
        "         |     ^",
    ]


def test_a_tab_before_the_place_keeps_the_caret_under_it() -> None:
    """The caret's indent repeats tabs, so that it is right at any tab width."""
    finding = Finding(Severity.ERROR, "E101", "f.yaml", 9, 3, "no", "\ta\tb")
    assert as_text(finding).split("\n")[2] == "         | \t ^"


def test_a_very_long_line_is_shown_in_part() -> None:
    """Only the surroundings of the place are shown, with the caret still under it."""
    finding = Finding(Severity.ERROR, "E101", "f.yaml", 1, 5001, "no", "x" * 5000 + "!" + "y" * 5000)
    _, shown, caret = as_text(finding).split("\n")
    assert len(shown) < 200
    assert shown[caret.index("^")] == "!"


@pytest.mark.parametrize(
    ("finding", "headline"),
    [
        (Finding(Severity.FAILED, "", "p.yaml", 11, 42, "name: x"), "p.yaml:11:42: test failed: name: x"),
        (Finding(Severity.NOTE, "", "p.yaml", 0, 0, "no test"), "p.yaml: note: no test"),
        (Finding(Severity.WARNING, "W203", "p.yaml", 2, 1, "x"), "p.yaml:2:1: warning W203: x"),
    ],
    ids=["failed test", "whole file", "warning"],
)
def test_headlines(finding: Finding, headline: str) -> None:
    """A finding without code or place says neither."""
    assert as_text(finding) == headline


def test_json_is_flat_data() -> None:
    """Machines get every field but the source line; a missing code is null."""
    assert as_json(UNKNOWN) == {
        "file": "shop.yaml", "line": 11, "column": 5,
        "severity": "error", "code": "E111", "message": "`propertes` is no word",
    }  # fmt: skip


def test_github_gets_a_workflow_command() -> None:
    """Characters that would end the command are escaped."""
    finding = Finding(Severity.NOTE, "", "a,b.yaml", 3, 1, "50 %\nof it")
    assert as_github(finding) == "::notice file=a%2Cb.yaml,line=3,col=1,title=note::50 %25%0Aof it"


@pytest.mark.parametrize(
    ("word", "meant"), [("numbr", "number"), ("Number", "number"), ("propertes", "properties"), ("zzz", None)]
)
def test_the_word_that_was_meant(word: str, meant: str | None) -> None:
    """A near word is named, whatever its case; a far one is not guessed."""
    assert nearest(word, ["number", "properties", "lower"]) == meant
    assert did_you_mean(word, ["number", "properties"]) == (f"; did you mean `{meant}`?" if meant else "")
