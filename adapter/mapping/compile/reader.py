"""Reads the parts of a mapping with checks: a part is read as the type that it must have, and errors are collected.

After an error a reader continues with a placeholder, so that all problems of a file are reported at once. The result of
a compilation with a blocking finding is discarded.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

from adapter.files.document import Document, DocumentPath
from adapter.files.finding import Finding, Severity, did_you_mean
from adapter.mapping.compile.node import ItemUse, Node, Scope, kind_of
from adapter.mapping.compile.paths import compile_below, compile_path
from adapter.mapping.compile.table_files import ReadTable, names_file, read_table, unreadable
from adapter.mapping.language.foreign import help_for, worth_a_finding
from adapter.mapping.language.paths import EventPath, Key, Misspelt, parse_path
from adapter.mapping.language.words import Block
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Get, constant
from adapter.model import JsonObject
from adapter.wire.ids import NO_IDS

MAX_TEXT = 10_000
"""Characters of a text in a mapping; event names, reasons and separators have smaller limits."""


def _of_form(word: str, value: Any, called: str) -> str:
    """What an unknown word was meant to be, by its form."""
    if ":" in word:
        return f"; a space is needed after the colon: `{word.replace(':', ': ', 1)}`"
    if called != "a value" or not isinstance(parse_path(word), EventPath):
        return ""
    if value is None:
        return f'; for the path write `{word}` without braces, for text with it "{{{word}}}" in quotes'
    return "; whether a condition holds is written {value: true, when: {…}, default: false}"


_YES_NO: Final = {"yes": "true", "on": "true", "no": "false", "off": "false", "true": "true", "false": "false"}


class Reader:
    """The reading of one document. `tables`, `shared` and `vars` are what it defines, if they are blocks at all."""

    def __init__(
        self,
        document: Document,
        *,
        variables: JsonObject | None = None,
        hash_key: str | None,
        no_ids: frozenset[str] = NO_IDS,
        read_table: ReadTable = unreadable,
        has_places: bool = False,
    ) -> None:
        self.document = document
        self.hash_key = hash_key
        self.no_ids = no_ids
        self.findings: list[Finding] = []
        # A value that is not a table is one error; a lookup of it must not be a second one.
        self.tables = {name: table if type(table) is dict else {} for name, table in self._defined("tables").items()}
        self.shared = self._defined("shared")
        self.table_files = {name: table["file"] for name, table in self.tables.items() if names_file(table)}
        self._read_tables(read_table)
        self.folds_names = self._defined("settings").get("names") == "folded"
        self.variables: JsonObject = {**self._defined("vars"), **(variables or {})}
        self.used_tables: set[str] = set()
        self.used_shared: set[str] = set()
        self.wants_hash_key: set[DocumentPath] = set()
        self.has_places = has_places
        self.unlocated: set[DocumentPath] = set()
        self.item_use = ItemUse()
        self.derived: dict[str, Get] = {}
        self.derived_below: set[str] = set()
        self.derived_now = ""
        self.used_derived: set[str] = set()
        self.paths_read: defaultdict[str, list[EventPath]] = defaultdict(list)

    def _read_tables(self, read: ReadTable) -> None:
        """Replace the tables in files by their entries."""
        for name, file in self.table_files.items():
            try:
                self.tables[name] = read_table(self.tables[name], read)
            except ValueError as cause:
                self.tables[name] = {}
                self.error("E158", Node(file, ("tables", name, "file")), f"{file}: {cause}")

    def _defined(self, block: str) -> JsonObject:
        data = self.document.data
        found = data.get(block) if type(data) is dict else None
        return found if type(found) is dict else {}

    # What is wrong.

    def error(self, code: str, node: Node, message: str) -> None:
        """An error about the value at `node`."""
        self._note(code, node, message, of_key=False)

    def error_of_key(self, code: str, node: Node, message: str) -> None:
        """An error about the key of `node`."""
        self._note(code, node, message, of_key=True)

    def _note(self, code: str, node: Node, message: str, *, of_key: bool) -> None:
        document = self.document
        mark = document.mark_of_key(node.path) if of_key else document.mark_of(node.path)
        self.findings.append(document.finding(Severity.ERROR, code, mark, message))

    # Expected types. Each returns None, and adds an error, if the value has another type.

    def block(self, node: Node, block: Block, code: str) -> bool:
        """A block of these words, with all required ones; unknown words are reported and otherwise ignored."""
        if type(node.value) is not dict:
            is_short = len(block.words) == 1 and type(node.value) in {str, int, float}
            todo = f"; write {{{next(iter(block.words))}: {node.value}}}" if is_short else ""
            self.error(code, node, f"{block.called} is a block of words, not {kind_of(node.value)}{todo}")
            return False
        unknown = [key for key in node.value if key not in block.words]
        for key in worth_a_finding(unknown):
            hint = help_for(key, called=block.called, known=block.words) or _of_form(key, node.value[key], block.called)
            self.error_of_key(block.unknown, node.at(key), f"`{key}` is not a word of {block.called}{hint}")
        for word, facts in block.words.items():
            # A misspelt word is one mistake, not two.
            if facts.required and word not in node.value and not unknown:
                self.error_of_key("E108", node, f"{block.called} needs `{word}`")
        return True

    def members(self, node: Node, code: str, what: str, *, at_most: int = 10_000) -> Sequence[Node] | None:
        """A list with at least one member."""
        if type(node.value) is not list:
            todo = f"; write [{node.value}]" if type(node.value) is str else ""
            todo = "; write `- ` before each member" if type(node.value) is dict else todo
            self.error(code, node, f"{what} is expected, not {kind_of(node.value)}{todo}")
            return None
        if not node.value:
            self.error(code, node, f"{what} needs at least one member")
            return None
        if len(node.value) > at_most:
            self.error(code, node, f"{what} has at most {at_most} members, not {len(node.value)}")
            return None
        return list(node.members())

    def entries(self, node: Node, code: str, what: str) -> Sequence[Node] | None:
        """A block with at least one line of any name."""
        if type(node.value) is not dict:
            self.error(code, node, f"{what} is expected, not {kind_of(node.value)}")
            return None
        if not node.value:
            self.error(code, node, f"{what} needs at least one line")
            return None
        return list(node.members())

    def text(self, node: Node, code: str, what: str, *, at_least: int = 1, at_most: int = MAX_TEXT) -> str | None:
        """Text of a length within these limits."""
        if type(node.value) is not str:
            self.error(code, node, f"{what} is text, not {kind_of(node.value)}")
            return None
        if not at_least <= len(node.value) <= at_most:
            self.error(code, node, f"{what} has {at_least} to {at_most} characters, not {len(node.value)}")
            return None
        return node.value

    def whole(self, node: Node, code: str, what: str, *, at_least: int, at_most: int) -> int | None:
        """A whole number within these limits."""
        if type(node.value) is not int or not at_least <= node.value <= at_most:
            found = node.value if type(node.value) in {int, float} else kind_of(node.value)
            self.error(code, node, f"{what} is a whole number from {at_least} to {at_most}, not {found}")
            return None
        return node.value

    def boolean(self, node: Node, code: str, what: str) -> bool | None:
        """true or false."""
        if type(node.value) is not bool:
            todo = f"; write {_YES_NO[node.value]}" if type(node.value) is str and node.value in _YES_NO else ""
            self.error(code, node, f"{what} is true or false, not {kind_of(node.value)}{todo}")
            return None
        return node.value

    def only_true(self, node: Node, code: str, what: str) -> None:
        """The constant true, for words whose presence is their meaning."""
        if node.value is not True:
            self.error(code, node, f"`{what}` is written `{what}: true`")

    def choice(self, node: Node, code: str, choices: Sequence[str]) -> str | None:
        """One of a few words."""
        if type(node.value) is str and node.value in choices:
            return node.value
        meant = did_you_mean(node.value, choices) if type(node.value) is str else ""
        self.error(code, node, f"one of {', '.join(choices)} is expected{meant}")
        return None

    def is_scalar(self, node: Node, code: str, what: str, *, instead: str = "") -> bool:
        """Text, a number, a boolean or null; `instead` is what to write for a block or a list."""
        if type(node.value) in {dict, list}:
            self.error(code, node, f"{what} is a constant, not {kind_of(node.value)}{instead and f'; {instead}'}")
            return False
        return True

    # Paths and tables.

    def path(self, node: Node, code: str, scope: Scope) -> EventPath | None:
        """A path that is valid here."""
        if type(node.value) is not str:
            self.error(code, node, f"a path is expected, not {kind_of(node.value)}")
            return None
        return self.path_in(node.value, node, scope)

    def path_in(
        self, text: str, node: Node, scope: Scope, *, of_key: bool = False, or_constant: bool = True
    ) -> EventPath | None:
        """The path `text`, written at `node` (or, `of_key`, as its key); `or_constant`: a constant may stand there."""
        report = self.error_of_key if of_key else self.error
        path = parse_path(text)
        if isinstance(path, Misspelt):
            root = text.partition(".")[0]
            named = [word for word, names in (("derived", self.derived), ("vars", self.variables)) if root in names]
            hint = path.as_constant if or_constant and not of_key else ""
            hint = "; what the file computes is read from `derived`" if of_key and path.as_constant else hint
            report(path.code, node, path.message + (f"; write `{named[0]}.{text}`" if named else hint))
            return None
        if path.root in {"item", "index"} and not scope.has_item:
            report("E123", node, f"`{path.root}` only means something inside `each`, `map`, `where` or `collect`")
            return None
        self.paths_read[scope.field].append(path)
        if path.root == "item":
            self.item_use = self.item_use.with_path(path)
        if path.root == "derived" and not self._is_derived(path, node, scope, report):
            return None
        if path.root == "vars" and self.constant_of(path) is ABSENT:
            written = text.removeprefix("vars").lstrip(".")
            report("E124", node, f"no constant `{written}` in `vars`{did_you_mean(written, self.variables)}")
            return None
        return path

    def _is_derived(self, path: EventPath, node: Node, scope: Scope, report: Callable[[str, Node, str], None]) -> bool:
        """Whether `path` reads a derived value that exists at this place."""
        name = path.segments[0].name if path.segments and isinstance(path.segments[0], Key) else ""
        if scope.in_privacy or scope.is_early:
            report("E126", node, "`derived` is computed after `privacy` and `prepare`")
        elif name in self.derived_below:
            place = "is this value itself" if name == self.derived_now else "stands below"
            report("E126", node, f"`derived.{name}` {place}; a derived value reads those above it")
        elif name not in self.derived:
            report("E126", node, f"no value `{name}` in `derived`{did_you_mean(name, self.derived)}")
        else:
            self.used_derived.add(name)
            return True
        return False

    def constant_of(self, path: EventPath) -> Any:
        """The value of a path into `vars`; ABSENT if there is none."""
        match path.segments:
            case (Key(name),):
                return self.variables.get(name, ABSENT)
            case _:
                return ABSENT

    def getter(self, path: EventPath | None, scope: Scope | None = None) -> Get:
        """The closure that reads `path`; with a scope it warns of lists that are not written as lists."""
        if path is None:
            return constant(ABSENT)
        rule, skips_blanks = (scope.rule, scope.skips_blanks) if scope is not None else (None, False)
        match path.root, path.segments:
            case "vars", _:
                value = self.constant_of(path)
                is_skipped = skips_blanks and type(value) is str and not value.strip()
                return constant(ABSENT if is_skipped else value)
            case "derived", (Key(name), *below):
                start = self.derived[name]
                return compile_below(start, path, tuple(below), rule=rule, skips_blanks=skips_blanks)
            case _:
                return compile_path(path, rule=rule, skips_blanks=skips_blanks)

    def table(self, node: Node, code: str) -> JsonObject | None:
        """The table whose name is at `node`."""
        if type(node.value) is not str or node.value not in self.tables:
            name = node.value if type(node.value) is str else kind_of(node.value)
            todo = did_you_mean(name, self.tables)
            if not todo and name not in self.tables:
                todo = f"; for a list of constants write [{name}]" if "vars." not in name else "; `vars` has no lists"
            self.error(code, node, f"no table `{name}`{todo}")
            return None
        self.used_tables.add(node.value)
        return self.tables[node.value]
