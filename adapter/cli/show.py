"""Colours the texts of errors and findings on a terminal; changes no word of them, and nothing elsewhere."""

from rich.console import Console
from rich.text import Text

_STYLES = (
    (r"(?m)^\S+:\d+:\d+(?=: )", "bold"),
    (r"(?m)(?<=: )(error|test failed)( E\d+)?(?=: )", "bold red"),
    (r"(?m)(?<=: )warning( W\d+)?(?=: )", "bold yellow"),
    (r"(?m)(?<=: )note(?=: )", "bold cyan"),
    (r"(?m)^ +\d* \| ", "dim"),
    (r"(?m)(?<=^         \| ).*\^$", "bold red"),
)


def coloured(text: str) -> Text:
    """`text` with places, severities and carets in colour."""
    shown = Text(text)
    for pattern, style in _STYLES:
        shown.highlight_regex(pattern, style)
    return shown


def show(text: Text | str, *, error: bool = False) -> None:
    """Print `text` to stdout, or to stderr; never wrapped, so that carets stay under their place."""
    Console(stderr=error, highlight=False).print(text, soft_wrap=True, markup=False)
