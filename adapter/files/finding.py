"""A problem of a file that a person wrote: where, what was found, what is allowed.

A finding is a value, so that one run shows every problem of a file. Rendering is plain text or data; colours are added
by the command line. Quotes nothing but the file itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from adapter.model import JsonObject
from adapter.printable import printable

_WIDTH = 160
"""Characters of a source line that are shown; a mapping on a single line would fill the terminal."""


class Severity(StrEnum):
    """The severity, as the word that is shown. Errors and failed tests keep a file from being used."""

    ERROR = "error"
    FAILED = "test failed"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem at a place of a file.

    `line` and `column` count characters from 1; both are 0 for a problem of the file as a whole. `code` (`E152`) is
    empty for failed tests and notes. `source` is the text of the line, or empty to show none.
    """

    severity: Severity
    code: str
    file: str
    line: int
    column: int
    message: str
    source: str = ""

    @property
    def blocks(self) -> bool:
        """Whether the finding keeps the file from being used."""
        return self.severity in (Severity.ERROR, Severity.FAILED)

    @property
    def headline(self) -> str:
        """`shop.yaml:11:5: error E111: …`, one line."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        label = f"{self.severity} {self.code}" if self.code else str(self.severity)
        return printable(f"{place}: {label}: {self.message}")


def as_text(finding: Finding) -> str:
    """The headline, the source line and a caret under the place; a note is its headline."""
    if not finding.source or not finding.line or finding.severity is Severity.NOTE:
        return finding.headline
    start = max(0, finding.column - _WIDTH // 2) if len(finding.source) > _WIDTH else 0
    shown = finding.source[start : start + _WIDTH]
    before = finding.source[start : finding.column - 1]
    # Tabs stay tabs, so that the caret stands under its character however wide the terminal makes them.
    indent = "".join("\t" if character == "\t" else " " for character in before)
    return f"{finding.headline}\n{finding.line:>8} | {shown}\n{'':>8} | {indent}^"


def as_json(finding: Finding) -> JsonObject:
    """The finding as data for machines; `code` is null where there is none."""
    return {
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "severity": str(finding.severity),
        "code": finding.code or None,
        "message": finding.message,
    }


_GITHUB_LEVELS = {
    Severity.ERROR: "error",
    Severity.FAILED: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "notice",
}


def as_github(finding: Finding) -> str:
    """A workflow command that GitHub shows as an annotation beside the line."""
    place = f"file={_escaped(finding.file, ',:')}"
    if finding.line:
        place += f",line={finding.line},col={finding.column}"
    title = finding.code or str(finding.severity)
    return f"::{_GITHUB_LEVELS[finding.severity]} {place},title={title}::{_escaped(finding.message)}"


def _escaped(text: str, also: str = "") -> str:
    for character in f"%\r\n{also}":
        text = text.replace(character, f"%{ord(character):02X}")
    return printable(text)


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that was probably meant, or None if none is similar: one letter in four may be wrong.

    A word that begins with `word` counts, too, if `word` has four letters. Case does not count; of equally similar
    words the first is returned.
    """
    written = word.lower()
    limit = max(1, len(written) // 4)
    is_begun = len(written) >= 4
    near = (
        (0 if is_begun and other.lower().startswith(written) else _distance(written, other.lower(), limit), other)
        for other in words
    )
    return min(((far, other) for far, other in near if far <= limit), key=lambda found: found[0], default=(0, None))[1]


def _distance(one: str, other: str, limit: int) -> int:
    """The number of letters to add, remove, change, or swap with their neighbour; more than `limit` if it is more.

    Optimal string alignment: https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance
    """
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    above, row = list[int](), list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        before, above, row = above, row, [place]
        for column, its in enumerate(other, 1):
            far = min(above[column] + 1, row[column - 1] + 1, above[column - 1] + (letter != its))
            if place > 1 and column > 1 and letter == other[column - 2] and its == one[place - 2]:
                far = min(far, before[column - 2] + 1)
            row.append(far)
        if min(row) > limit:
            return limit + 1
    return row[-1]


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`; did you mean `number`?`, to append to a message; "" if no word is similar."""
    meant = nearest(word, words)
    return f"; did you mean `{meant}`?" if meant is not None else ""
