"""Warnings: a mapping that works, but possibly not as intended. Reads the file, never an event."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from adapter.files.document import Document, DocumentPath
from adapter.files.finding import Finding, Severity
from adapter.mapping.compile.compiled import Compiled
from adapter.mapping.compile.lint_names import numbers_for_ids, odd_words, patterns_as_names
from adapter.mapping.compile.lint_silent import (
    NAMED_BLOCKS,
    TYPES,
    misspelt_types,
    nameless_types,
    numbers_made_text,
    odd_texts,
    paths_as_text,
)
from adapter.mapping.compile.pins import Pinned, covers, pinned_by, share_a_type, taken_by
from adapter.mapping.compile.privacy import both_spellings
from adapter.mapping.language.paths import EventPath, Key, Misspelt, parse_path
from adapter.mapping.language.words import JOINED, ROOTS
from adapter.mapping.run.guard_walk import folded_globs
from adapter.mapping.run.naming import fold

_FLAT_STEPS: Final = frozenset({"join", "json", "sum", "count", "min", "max", "first", "last", "get"})
_LIST_STEPS: Final = frozenset({"map", "where", "collect", "split", "unique", "sort", "keys"})
_FIELD_ROOTS: Final = frozenset({"properties", "traits", "context", "item"})
_OBJECT_STEPS: Final = frozenset({"pick", "drop", "only", "except", "rename"})


def warnings_of(document: Document, compiled: Compiled) -> Sequence[Finding]:
    """All warnings, and a note on types that no rule handles. The document compiled without errors."""
    linter = _Linter(document)
    linter.unused("tables", compiled.used_tables, code="W203")
    linter.unused("derived", compiled.used_derived, code="W215")
    linter.unused("shared", compiled.used_shared, code="W204")
    linter.unreached_rules()
    linter.names_spelled_otherwise()
    linter.guarded_conditions()
    linter.calls()
    linter.silent_words()
    linter.unhandled_types()
    return tuple(dict.fromkeys(linter.findings))


class _Linter:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._data = document.data
        self.findings: list[Finding] = []
        self._folds_names = document.data.get("settings", {}).get("names") == "folded"
        self._lists_as_text = document.data.get("settings", {}).get("lists") == "text"
        self._unreached: set[int] = set()

    def _warn(self, code: str, path: DocumentPath, message: str, *, of_key: bool = False) -> None:
        document = self._document
        mark = document.mark_of_key(path) if of_key else document.mark_of(path)
        self.findings.append(document.finding(Severity.WARNING, code, mark, message))

    def unused(self, block: str, used: frozenset[str], *, code: str) -> None:
        for name in self._data.get(block, ()):
            if name not in used:
                self._warn(code, (block, name), f"nothing uses `{name}`", of_key=True)

    # Rules

    def _pins(self) -> Sequence[Pinned]:
        tables = self._data.get("tables", {})
        every = Pinned(None, None, None, whole=True)
        return [pinned_by(rule["when"], tables) if "when" in rule else every for rule in self._data["rules"]]

    def unreached_rules(self) -> None:
        earlier: list[tuple[int, Pinned]] = []
        for place, pinned in enumerate(map(self._folded, self._pins())):
            taker = next((number for number, wide in earlier if covers(wide, pinned)), None)
            if taker is not None:
                self._unreached.add(place)
                line = self._line_of(taker)
                what = taken_by(earlier, taker)
                self._warn("W202", ("rules", place), f"never reached: rule {taker + 1} on line {line} takes {what}")
            if pinned.whole:
                earlier.append((place, pinned))

    def _folded(self, pinned: Pinned) -> Pinned:
        """The events that a rule matches, with names compared as this file sets it."""
        if pinned.events is None or not self._folds_names:
            return pinned
        return replace(pinned, events=frozenset(map(fold, pinned.events)))

    def names_spelled_otherwise(self) -> None:
        """Rules that are reached only by a name that an earlier rule has in another spelling."""
        if not self._folds_names:
            return
        earlier: dict[str, list[tuple[str, int, Pinned]]] = {}
        for place, pinned in enumerate(self._pins()):
            for name in sorted(pinned.events or ()):
                before = earlier.setdefault(fold(name), [])
                met = next((met for met in before if share_a_type(met[2], pinned) and met[1] != place), None)
                before.append((name, place, pinned))
                if met is None or met[0] == name or place in self._unreached or self._do_the_same(place, met[1]):
                    continue
                message = (
                    f"`{name}` is the name that rule {met[1] + 1} on line {self._line_of(met[1])} spells `{met[0]}`, "
                    "because names are `folded`; that rule is asked first"
                )
                self._warn("W209", ("rules", place, "when", "event"), message, of_key=True)

    def _line_of(self, place: int) -> int:
        return self._document.mark_of(("rules", place)).line

    def _do_the_same(self, *places: int) -> bool:
        matching = {"name", "when"}
        one, other = (
            {word: part for word, part in self._data["rules"][place].items() if word not in matching}
            for place in places
        )
        return bool(one == other)

    def silent_words(self) -> None:
        """Words that are allowed and have no effect, or another one than intended."""
        for path, condition in _conditions(("rules",), self._data["rules"]):
            for code, place, message in (*misspelt_types(path, condition), *odd_texts(path, condition)):
                self._warn(code, place, message)
            for code, place, message, _ in numbers_for_ids(path, condition):
                self._warn(code, place, message)
        for number, pinned in enumerate(self._pins()):
            for code, place, message in nameless_types(number, pinned):
                self._warn(code, place, message, of_key=True)
        for way, part in self._parts():
            for code, place, message in (*numbers_made_text(way, part), *paths_as_text(way, part)):
                self._warn(code, place, message)
        for code, place, message, of_key in odd_words(self._data):
            self._warn(code, place, message, of_key=of_key)

    def _parts(self) -> Iterator[tuple[DocumentPath, Any]]:
        """The parts of the file that hold values, without the names that the author chose."""
        for word in ("rules", "privacy", "prepare"):
            yield (word,), self._data.get(word, ())
        for name, value in self._data.get("derived", {}).items():
            yield ("derived", name), value
        for block, fields in self._data.get("shared", {}).items():
            for name, value in fields.items():
                yield ("shared", block, name), value

    def unhandled_types(self) -> None:
        pins = self._pins()
        unhandled = [kind for kind in TYPES if all(pin.types is not None and kind not in pin.types for pin in pins)]
        if unhandled:
            message = f"no rule handles: {', '.join(unhandled)}"
            mark = self._document.mark_of_key(("rules",))
            self.findings.append(self._document.finding(Severity.NOTE, "", mark, message))

    # Privacy

    def guarded_conditions(self) -> None:
        # A guard of `values` changes only the personal data in a text.
        guards = [_Guarded(guard) for guard in self._data.get("privacy", ()) if "values" not in guard]
        if not guards:
            return
        for path, condition in _conditions(("rules",), self._data["rules"]):
            for line in condition:
                read = parse_path(line) if line not in JOINED.words else None
                if isinstance(read, EventPath) and any(guard.touches(read) for guard in guards):
                    message = f"`{line}` is changed by `privacy` before any rule looks at it"
                    self._warn("W205", (*path, line), message, of_key=True)

    # Calls

    def calls(self) -> None:
        for path, call in _calls(self._data["rules"]):
            self._constant_name(path, call)
            self._names_with_root(path, call)
            self._clashing_names(path, call)
            separator = call.get("flatten", self._data.get("settings", {}).get("flatten", False))
            for code, place, message, of_key in patterns_as_names(path, call, separator or None):
                self._warn(code, place, message, of_key=of_key)
            word = "properties" if "track" in call else "traits"
            self._nested_values((*path, word), call.get(word, {}))
        for name, fields in self._data.get("shared", {}).items():
            self._nested_values(("shared", name), fields)

    def _constant_name(self, path: DocumentPath, call: Mapping[str, Any]) -> None:
        name = call.get("track")
        if type(name) is str and (name in ROOTS or isinstance(parse_path(name), EventPath)):
            message = f"`track: {name}` is constant text; for the path write {{from: {name}}}"
            self._warn("W208", (*path, "track"), message)

    def _names_with_root(self, path: DocumentPath, call: Mapping[str, Any]) -> None:
        copied = call.get("copy")
        if copied == "raw" or (type(copied) is list and "raw" in copied):
            return
        for word in ("only", "except"):
            for place, name in enumerate(call.get(word, ())):
                root, dot, below = name.partition(".")
                if dot and root in _FIELD_ROOTS:
                    message = f"names here are below `copy`, which is where the fields start: write `{below}`"
                    self._warn("W213", (*path, word, place), message)

    def _clashing_names(self, path: DocumentPath, call: Mapping[str, Any]) -> None:
        separator = call.get("flatten", self._data.get("settings", {}).get("flatten", False))
        if type(separator) is not str:
            return
        seen: dict[str, str] = {}
        for place, name in enumerate(call.get("only", ())):
            flat = name.replace('"', "").replace(".", separator)
            if flat in seen and seen[flat] != name:
                message = f"`{seen[flat]}` and `{name}` both become `{flat}` when flattened; the first stays"
                self._warn("W206", (*path, "only", place), message)
            seen.setdefault(flat, name)

    def _nested_values(self, path: DocumentPath, fields: Mapping[str, Any]) -> None:
        for name, value in fields.items():
            # `$tags` is the only list that Browsee documents.
            if name != "$tags" and _is_nested(value, self._lists_as_text):
                message = f"`{name}` is a list or an object; Browsee documents flat values only"
                self._warn("W207", (*path, name), message)


def _conditions(path: DocumentPath, value: Any) -> Iterator[tuple[DocumentPath, Mapping[str, Any]]]:
    """Every condition of the rules with its place: those in `when`, and those nested in them."""
    members = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, member in members:
        within = (*path, key)
        if key in NAMED_BLOCKS and type(member) is dict:
            for name, part in member.items():  # a name that the author chose is not a word of the language
                yield from _conditions((*within, name), part)
        elif key == "when" and type(member) is dict:
            yield from _nested_conditions(within, member)
        elif key != "value":
            yield from _conditions(within, member)


def _nested_conditions(
    path: DocumentPath, condition: Mapping[str, Any]
) -> Iterator[tuple[DocumentPath, Mapping[str, Any]]]:
    yield path, condition
    for word in ("any", "all"):
        for place, part in enumerate(condition.get(word, ())):
            yield from _nested_conditions((*path, word, place), part)
    if "not" in condition:
        yield from _nested_conditions((*path, "not"), condition["not"])


def _calls(rules: Sequence[Mapping[str, Any]]) -> Iterator[tuple[DocumentPath, Mapping[str, Any]]]:
    for place, rule in enumerate(rules):
        if "track" in rule or "identify" in rule:
            yield ("rules", place), rule
        for number, call in enumerate(rule.get("send", ())):
            yield ("rules", place, "send", number), call


def _is_nested(value: Any, lists_as_text: bool) -> bool:
    """Whether a value is a list or an object, as far as the file shows; `lists_as_text`: a list is sent as text."""
    is_list, is_object = _kinds_of(value)
    return is_object or (is_list and not lists_as_text)


def _kinds_of(value: Any) -> tuple[bool, bool]:
    """Whether a value is a list, and whether it is an object."""
    if type(value) is str:
        return "[*]" in value or value.endswith(".*"), False
    if type(value) is not dict:
        return False, False
    source = value.get("value", value.get("from"))
    is_list, is_object = "list" in value, "fields" in value
    if "value" in value:
        is_list, is_object = is_list or type(source) is list, is_object or type(source) is dict
    elif type(source) is str:
        is_list = is_list or _kinds_of(source)[0]
    for step in value.get("apply", ()):
        name = step if type(step) is str else next(iter(step))
        if name in _FLAT_STEPS:
            is_list = is_object = False
        is_list, is_object = is_list or name in _LIST_STEPS, is_object or name in _OBJECT_STEPS
    return is_list, is_object


class _Guarded:
    """The paths that a guard changes, as far as they can be compared with other paths."""

    def __init__(self, guard: Mapping[str, Any]) -> None:
        paths = [parse_path(text) for text in guard.get("fields", ())]
        self._paths = [way for path in paths if not isinstance(path, Misspelt) for way in both_spellings(path)]
        self._is_meant = folded_globs(guard.get("named", ()))

    def touches(self, path: EventPath) -> bool:
        names = [segment.name for segment in path.segments if isinstance(segment, Key)]
        if any(map(self._is_meant, [path.root, *names])):
            return True
        return any(_overlap(guarded, path) for guarded in self._paths)


def _overlap(guarded: EventPath, path: EventPath) -> bool:
    """Whether one of the two is inside the other, or they are equal."""
    pairs = zip(guarded.segments, path.segments, strict=False)
    return guarded.root == path.root and all(one == other or not isinstance(one, Key) for one, other in pairs)
