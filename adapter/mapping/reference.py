"""The tables of `docs/mapping.md`, made from the words of the language. The text between them is written by hand.

A table is between `<!-- table: rule -->` and `<!-- end -->`; `renewed` replaces it by the current one.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from adapter.mapping.language import words
from adapter.mapping.language.codes import CODES
from adapter.mapping.language.foreign import FOREIGN
from adapter.mapping.language.step_words import STEPS

_MARKED: Final = re.compile(r"(<!-- table: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SHAPES: Final[Mapping[str, str]] = MappingProxyType({
    "any text": "text", "scalar": "constant", "scalars": "names and constants", "constant": "anything",
    "names": "old: new", "names list": "list of names", "true": "`true`", "boolean": "`true` or `false`",
    "separator": "1–3 characters, or `false`", "share": "number up to 1", "call limit": "1–5000",
    "age": "`{over: duration}`",
    "nulls": "`omit` or `keep`", "lists": "`keep` or `text`",
    "name comparison": "`exact` or `folded`", "reason": "`true`, or a reason",
    "globs": "list of names",
    "scalar or scalars": "constant, or a list", "table or scalars": "table, or a list",
    "globs or value": "list of names, or a value",
    "globs or glob": "glob, or a list",
    "expectation": "calls, or an outcome", "id": "text or null", "remedy": "`remove`, or steps",
    "fields": "name: value", "derived": "name: value", "personal kinds": "list of kinds",
    "object": "a block", "version": "`1`", "copy": "path, paths or `none`",
})  # fmt: skip
"""Shapes whose name in the table of words needs another wording."""


def renewed(page: str) -> str:
    """The page with every table renewed. An unknown table is a KeyError: the page names one that does not exist."""
    return _MARKED.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}{match[3]}", page)


def _of_block(block: words.Block) -> Callable[[], str]:
    rows = [
        (f"`{name}`" + (" (required)" if word.required else ""), _SHAPES.get(word.takes, word.takes), word.means)
        for name, word in block.words.items()
    ]
    return lambda: _table(("key", "value", "meaning"), rows)


def _of_steps() -> str:
    rows = []
    for name, facts in STEPS.items():
        value, step, result = facts.example
        rows.append((f"`{name}`", facts.means, f"`{_shown(value)}` → `{_written(step)}` → `{_shown(result)}`"))
    return _table(("step", "does", "example"), rows)


def _of_foreign() -> str:
    rows = []
    for called, table in FOREIGN.items():
        by_remedy: dict[str, list[str]] = {}
        for word, remedy in table.items():
            by_remedy.setdefault(remedy, []).append(f"`{word}`".replace("|", "\\|"))
        rows += [(called, " ".join(given), remedy) for remedy, given in by_remedy.items()]
    return _table(("in", "instead of", "write"), [row for row in rows if row[0] != "a call"])


def _of_codes() -> str:
    return "".join(f"### {code}\n\n{means}.\n\n" for code, means in CODES.items())


def _of_roots() -> str:
    return ", ".join(f"`{root}`" for root in words.ROOTS) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _written(step: Any) -> str:
    """A step as written in a file."""
    if not isinstance(step, dict):
        return str(step) if isinstance(step, str) else _shown(step)
    return "{" + ", ".join(f"{name}: {_setting(setting)}" for name, setting in step.items()) + "}"


def _setting(setting: Any) -> str:
    if isinstance(setting, dict):
        return _written(setting)
    plain = isinstance(setting, str) and re.fullmatch(r"[a-z0-9_.]+", setting)
    return setting if plain else _shown(setting)


TABLES: Final[Mapping[str, Callable[[], str]]] = MappingProxyType({
    "file": _of_block(words.FILE),
    "settings": _of_block(words.SETTINGS),
    "rule": _of_block(words.RULE),
    "value": _of_block(words.VALUE),
    "check": _of_block(words.CHECK),
    "condition": _of_block(words.JOINED),
    "guard": _of_block(words.GUARD),
    "prepare": _of_block(words.PREPARE),
    "sample": _of_block(words.SAMPLE),
    "test": _of_block(words.TEST),
    "expected call": _of_block(words.EXPECTED),
    "ending": _of_block(words.ENDING),
    "steps": _of_steps,
    "foreign": _of_foreign,
    "roots": _of_roots,
    "codes": _of_codes,
})  # fmt: skip
"""Every table, by its name in the page."""
