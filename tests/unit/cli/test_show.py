"""Colours help the eye and change no word."""

import pytest

from adapter.cli.show import coloured

TEXT = """\
shop.yaml:11:5: error E111: `propertes` is not a word of a rule; did you mean `properties`?
      11 |     propertes:
         |     ^
shop.yaml:12:1: warning W201: a comment
shop.yaml: note: no test reaches 'x'"""


def test_the_text_stays_as_it_is() -> None:
    """What is shown can be searched and pasted."""
    assert coloured(TEXT).plain == TEXT


@pytest.mark.parametrize(
    ("part", "style"),
    [
        ("shop.yaml:11:5", "bold"),
        ("error E111", "bold red"),
        ("      11 | ", "dim"),
        ("    ^", "bold red"),
        ("warning W201", "bold yellow"),
        ("note", "bold cyan"),
    ],
)
def test_places_severities_and_carets_stand_out(part: str, style: str) -> None:
    """One sees at a glance what is an error, and where."""
    shown = coloured(TEXT)
    assert (part, style) in {(shown.plain[span.start : span.end], str(span.style)) for span in shown.spans}
