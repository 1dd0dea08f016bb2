"""The tests in a mapping file: an event is merged over a test message, rendered, and compared with the expectation.

`expect` lists every call in order; of each, the keys that are written are compared exactly and the others are ignored.
Runs on the compiled mapping with a fixed hash key, so that expected hashes can be written down.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from adapter.files.document import Document
from adapter.files.finding import Finding, Severity
from adapter.mapping.compile.node import Node
from adapter.mapping.compile.reader import Reader
from adapter.mapping.language.words import ENDING, EXPECTED, TEST
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.flat import NOT_FLAT
from adapter.mapping.run.places import PARTS
from adapter.mapping.run.ruleset import Ruleset
from adapter.mapping.run.scalars import json_of, same
from adapter.model import Calls, Dropped, Event, JsonObject, Refused, Rendered, Unmatched, WarningKind
from adapter.wire.instants import parse_instant

DEMO_KEY: Final = "demo-key"
"""The hash key of tests in files."""
MAX_TESTS: Final = 2_000
BASE: Final[Mapping[str, Any]] = {
    "messageId": "test-message",
    "anonymousId": "test-anon",
    "timestamp": "2024-01-02T03:04:05.678Z",
}
"""The message that `given` is merged over, so that tests stay short."""

ReadEvent: TypeAlias = Callable[[JsonObject], Event]
"""The normalisation of ingest, without its schema check; an argument, because mapping does not import ingest."""


def check_tests(root: Node, reader: Reader) -> None:
    """Add findings about the form of the tests."""
    if not root.has("tests"):
        return
    for part in reader.members(root.at("tests"), "E105", "`tests`, a list of tests,", at_most=MAX_TESTS) or ():
        if not reader.block(part, TEST, "E105"):
            continue
        if part.has("name"):
            reader.text(part.at("name"), "E105", "`name`", at_most=500)
        if part.has("given") and type(part.value["given"]) is not dict:
            reader.error("E105", part.at("given"), "`given` is a message, a block")
        if part.has("geo"):
            _check_places(part.at("geo"), reader)
        if part.has("expect"):
            _check_expectation(part.at("expect"), reader)


def _check_places(node: Node, reader: Reader) -> None:
    for place in reader.entries(node, "E105", "`geo`, a block of `address: parts`,") or ():
        for part in reader.entries(place, "E105", "the parts of a place") or ():
            reader.text(part, "E105", f"`{part.name}`", at_most=200)
            if part.name not in PARTS:
                reader.error_of_key("E105", part, f"`{part.name}` is not one of {', '.join(PARTS)}")


def _check_expectation(node: Node, reader: Reader) -> None:
    if type(node.value) is list:
        for call in reader.members(node, "E105", "`expect`, a list of calls,") or ():
            _check_call(call, reader)
        return
    if node.has("track") or node.has("identify"):
        reader.error("E117", node, "the expected calls are a list: `expect: [{track: …}]`")
        return
    if not reader.block(node, ENDING, "E105"):
        return
    if len(node.value) != 1:
        reader.error("E105", node, "an expectation is a list of calls, or one of drop, reject and unmatched")
    if node.has("drop") and node.value["drop"] is not True:
        reader.text(node.at("drop"), "E105", "`drop`, true or part of the reason,", at_most=200)
    if node.has("reject"):
        reader.text(node.at("reject"), "E105", "`reject`, part of the reason,")
    if node.has("unmatched"):
        reader.only_true(node.at("unmatched"), "E105", "unmatched")


def _check_call(node: Node, reader: Reader) -> None:
    if not reader.block(node, EXPECTED, "E105"):
        return
    if not node.value:
        reader.error("E105", node, "an expected call needs at least one of " + ", ".join(EXPECTED.words))
    if node.has("identify"):
        reader.only_true(node.at("identify"), "E105", "identify")
    for word in ("track", "timestamp"):
        if node.has(word):
            reader.text(node.at(word), "E105", f"`{word}`", at_least=0)
    for word in ("userId", "anonymousId"):
        if node.has(word) and node.value[word] is not None:
            reader.text(node.at(word), "E105", f"`{word}`, an id or null,", at_least=0)
    for word in ("properties", "traits"):
        if node.has(word) and type(node.value[word]) is not dict:
            reader.error("E105", node.at(word), f"`{word}` is a block")


@dataclass(frozen=True, slots=True)
class TestResult:
    """The result of one test. `line` is its line; `difference` says what was expected and found, "" if it passed."""

    name: str
    line: int
    difference: str


@dataclass(frozen=True, slots=True)
class FileTests:
    """The results of the tests of a file. `findings`: one for each failed test, and notes."""

    findings: Sequence[Finding]
    results: Sequence[TestResult] = ()


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where an expectation is not met, and the difference."""

    node: Node
    text: str


def run_tests(document: Document, ruleset: Ruleset, read: ReadEvent) -> FileTests:
    """Run every test of a document without blocking findings.

    Notes name the rules that no test reaches, in one line, and say if a file has no tests.
    """
    data = document.data
    if not data.get("tests"):
        note = "the file has no tests; with `tests:` a change that breaks a rule cannot go live"
        return FileTests([document.finding(Severity.NOTE, "", document.mark_of_key(("tests",)), note)])
    findings: list[Finding] = []
    reached: set[str] = set()
    results: list[TestResult] = []
    tests = list(Node(data, ()).at("tests").members())
    for test in tests:
        rendered = rendered_of(test, ruleset, read)
        reached |= _rules_of(rendered)
        findings += _notes_of_nested(test, rendered, document)
        mismatch = mismatch_of(test.at("expect"), rendered)
        name, line = str(test.value["name"]), document.finding(Severity.NOTE, "", document.mark_of(test.path), "").line
        results.append(TestResult(name, line, "" if mismatch is None else mismatch.text))
        if mismatch is not None:
            mark = document.mark_of(mismatch.node.path)
            why = _why(test, rendered, ruleset, read, mismatch)
            findings.append(document.finding(Severity.FAILED, "", mark, f"{name}: {mismatch.text}{why}"))
    missed = [place for place, rule in enumerate(ruleset.rules) if rule.name not in reached]
    if missed:
        names = ", ".join(f"'{ruleset.rules[place].name}'" for place in missed)
        mark = document.mark_of(("rules", missed[0]))
        findings.append(document.finding(Severity.NOTE, "", mark, f"no test reaches {names}"))
    return FileTests(findings, results)


def _why(test: Node, rendered: Rendered, ruleset: Ruleset, read: ReadEvent, mismatch: Mismatch) -> str:
    """What the event itself says about a mismatch: why no rule matches, or why a value is absent."""
    if isinstance(rendered, Unmatched):
        hint = ruleset.hint(_received(test.value["given"], read))
        return f"; {hint}" if hint else ""
    warnings = rendered.warnings if isinstance(rendered, Calls) else ()
    about = [each for each in warnings if each.kind is not WarningKind.NOT_FLAT and _last(each.field) in mismatch.text]
    return f"; {about[0].field}: {about[0].cause}" if about else ""


def _last(field: str) -> str:
    return field.rpartition(".")[2]


def rendered_of(test: Node, ruleset: Ruleset, read: ReadEvent) -> Rendered:
    """The result for the event of a test."""
    places = test.value.get("geo", {})
    return ruleset.render_located(_received(test.value["given"], read), lambda address: places.get(address, {}))


def _received(given: JsonObject, read: ReadEvent) -> Event:
    """The event of a test: received when it happened, or at `receivedAt`, so that its age is always the same."""
    event = read({**BASE, **given})
    received_at = parse_instant(given.get("receivedAt"))
    return replace(event, received_at=received_at or event.timestamp)


def _notes_of_nested(test: Node, rendered: Rendered, document: Document) -> Sequence[Finding]:
    """A note for each field that a call of a test sends as a list or an object."""
    warnings = rendered.warnings if isinstance(rendered, Calls) else ()
    mark = document.mark_of(test.at("expect").path)
    return [
        document.finding(Severity.NOTE, "", mark, f"{test.value['name']}: `{warned.field}` is sent as {warned.cause}")
        for warned in warnings
        if warned.kind is WarningKind.NOT_FLAT and warned.cause.endswith(NOT_FLAT)
    ]


def _rules_of(rendered: Rendered) -> set[str]:
    match rendered:
        case Calls(calls):
            return {call.rule for call in calls}
        case Dropped() | Refused():
            return {rendered.rule}
        case Unmatched():
            return set()


def mismatch_of(expect: Node, rendered: Rendered) -> Mismatch | None:
    """The difference between `rendered` and `expect`; None if there is none."""
    if type(expect.value) is list:
        return _calls_mismatch(expect, rendered)
    word = next(iter(expect.value))
    wanted = expect.value[word]
    found = outcome_text(rendered)
    fits = {"drop": isinstance(rendered, Dropped), "reject": isinstance(rendered, Refused)}.get(
        word, isinstance(rendered, Unmatched)
    )
    if not fits:
        return Mismatch(expect, f"expected {word}, got {found}")
    if type(wanted) is str and wanted not in found:
        return Mismatch(expect.at(word), f"expected '{wanted}' in the reason, got {found}")
    return None


def outcome_text(rendered: Rendered) -> str:
    """A result in one line of words."""
    match rendered:
        case Calls(calls):
            names = ", ".join(str(call.body.get("event", "identify")) for call in calls)
            return f"{len(calls)} call{'s' if len(calls) > 1 else ''} ({names})"
        case Dropped():
            return f"dropped: {rendered.reason}: {rendered.text}"
        case Refused():
            return "rejected: " + "; ".join(problem.message for problem in rendered.problems)
        case Unmatched():
            return "unmatched: no rule takes it"


def _calls_mismatch(expect: Node, rendered: Rendered) -> Mismatch | None:
    if not isinstance(rendered, Calls):
        return Mismatch(expect, f"expected {_count(len(expect.value))}, got {outcome_text(rendered)}")
    for place, (wanted, call) in enumerate(zip(expect.members(), rendered.calls, strict=False), 1):
        got = {**call.body, "track": call.body.get("event", ABSENT), call.kind: call.body.get("event", True)}
        for word in wanted.members():
            found = got.get(word.name, {} if word.name in {"properties", "traits"} else ABSENT)
            difference = _difference(word.value, found)
            if difference:
                return Mismatch(_where(word, found), f"call {place}, {word.name}: {difference}")
    if len(expect.value) != len(rendered.calls):
        return Mismatch(expect, f"expected {_count(len(expect.value))}, got {outcome_text(rendered)}")
    return None


def _where(wanted: Node, found: Any) -> Node:
    """The first member of a block that differs; the whole of any other value, and of a block that lacks a member."""
    members = wanted.members() if type(wanted.value) is dict and type(found) is dict else ()
    return next((member for member in members if not same(member.value, found.get(member.name, ABSENT))), wanted)


def _count(calls: int) -> str:
    return f"{calls} call{'s' if calls > 1 else ''}"


def _difference(wanted: Any, found: Any) -> str:
    if type(wanted) is dict and type(found) is dict:
        names = [*wanted, *(name for name in found if name not in wanted)]
        pairs = [(name, wanted.get(name, ABSENT), found.get(name, ABSENT)) for name in names]
        return "; ".join(
            f"{name}: expected {shown(want)}, got {shown(got)}" for name, want, got in pairs if not same(want, got)
        )
    if same(wanted, found) or (wanted is None and found is ABSENT):
        return ""
    return f"expected {shown(wanted)}, got {shown(found)}"


def shown(value: Any) -> str:
    """A value of an event or a call in one line, cut if it is long."""
    text = f"'{ABSENT if value is ABSENT else value}'" if value is ABSENT or type(value) is str else str(json_of(value))
    return text if len(text) <= 200 else text[:199] + "…"
