"""Reads the names of fields in a mapping: lists of globs, old names to new ones, separators."""

from collections.abc import Sequence
from typing import Final

from adapter.mapping.compile.node import Node
from adapter.mapping.compile.reader import Reader
from adapter.mapping.compile.spelling import NAME_STEPS
from adapter.mapping.run import shaping
from adapter.mapping.run.shaping import Renaming

MAX_NAMES: Final = 1_000
FLATTEN_CLASH: Final = "two names are the same when flattened; the first stays"
RENAME_CLASH: Final = "a renamed field took the place of one that was there"


def read_globs(node: Node, reader: Reader, code: str) -> Sequence[str]:
    """A list of names, which may be globs and reach inside objects."""
    parts = reader.members(node, code, "a list of names", at_most=MAX_NAMES) or ()
    texts = [(part, reader.text(part, code, "a name")) for part in parts]
    for part, text in texts:
        if text is not None and shaping.parse_glob(text) is None:
            reader.error(code, part, f"`{text}` is not a name; levels are parted by dots, a name with a dot is quoted")
    return [text for _, text in texts if text is not None]


def read_names(node: Node, reader: Reader, code: str) -> Renaming:
    """Old names to new ones; the `*` on each side matches the same text."""
    parts = reader.entries(node, code, "a block of `old: new`") or ()
    names = {part.name: text for part in parts if (text := reader.text(part, code, "a name")) is not None}
    for place, part in enumerate(parts):
        new = names.get(part.name, part.name)
        if max(part.name.count("*"), new.count("*")) > 1 or ("*" in new and "*" not in part.name):
            reader.error(
                code, part, "`rename` has one `*` on each side, which stands for the same: `utm_*: campaign_*`"
            )
        elif "*" in part.name and "*" not in new:
            is_spelling = part.name == "*" and new in NAME_STEPS
            todo = f"write `names: [{new}]`" if is_spelling else "put a `*` there too"
            reader.error(code, part, f"every field that `{part.name}` fits would become `{new}`; {todo}")
        earlier = next((other for other in parts[:place] if other.value == part.value), None)
        if earlier is not None and type(part.value) is str:
            reader.error(
                "E164",
                part,
                f"`{earlier.name}` and `{part.name}` cannot both become `{part.value}`; set the field instead, "
                f"{part.value}: {{from: [properties.{earlier.name}, properties.{part.name}]}}",
            )
    exact = {_unquoted(old): new for old, new in names.items() if "*" not in old}
    return Renaming(exact, [(old, new) for old, new in names.items() if old.count("*") == new.count("*") == 1])


def _unquoted(name: str) -> str:
    """A name with a dot may be quoted, as in `only`."""
    return name[1:-1] if len(name) > 2 and name[0] == name[-1] == '"' else name


def read_separator(node: Node, reader: Reader, code: str) -> str | None:
    """One to three characters."""
    return reader.text(node, code, "a separator", at_most=3)
