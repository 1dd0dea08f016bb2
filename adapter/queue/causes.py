"""Causes without the parts that name one event, so that equal causes have equal texts. Pure."""

import re

MAX_CHARS = 1000

_PARTS = re.compile(
    r"""
    "[^"]*" | '[^']*' | `[^`]*` | “[^”]*” | «[^»]*»                  # what is quoted
  | \b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b         # a UUID
  | \b(?:0x)?(?=[0-9a-fA-F]*[0-9])[0-9a-fA-F]{6,}\b                  # hexadecimal digits, one decimal among them
  | \b[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*\b                            # a word with a digit: an id, a number
    """,
    re.VERBOSE,
)
_SPACE = re.compile(r"\s+")


def fold_cause(text: str) -> str:
    """`text` with quoted parts, UUIDs, hexadecimal digits, numbers and words with digits replaced by `#`, so that
    refusals with one cause are equal whatever id they quote. Only the first 1,000 characters count.
    """
    return _SPACE.sub(" ", _PARTS.sub("#", text[:MAX_CHARS])).strip()
