"""Loads a mapping file: strict YAML, every check, the tests in it.

The text and a function that reads the files of its tables come as arguments; nothing else is read from disk or network.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NotRequired, TypedDict, Unpack

from adapter.errors import MappingError
from adapter.files.document import Document, read_document
from adapter.files.finding import Finding, Severity, as_text
from adapter.mapping.compile.compiled import Compiled
from adapter.mapping.compile.document import compile_document
from adapter.mapping.compile.filetests import DEMO_KEY, ReadEvent, TestResult, run_tests
from adapter.mapping.compile.lint import warnings_of
from adapter.mapping.compile.table_files import ReadTable, unreadable
from adapter.mapping.run.ruleset import Ruleset, SourceOptions
from adapter.mapping.schema import refusals_of
from adapter.model import JsonObject

_USUAL = SourceOptions()
_NO_KEY: Final = (
    "`hash` needs a secret key of the server: make one with `openssl rand -hex 32` and set it as `hash_key` in "
    "the settings or as ADAPTER_HASH_KEY; or use {hash: sha256}, which has none"
)
_NO_PLACES: Final = (
    "`geo` needs a database of places: name one as `geo.database` in the settings or as ADAPTER_GEO_DATABASE, such "
    "as GeoLite2-City.mmdb"
)


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings of a check, in the order of the file's lines, the results of its tests, and the number of rules.

    `rules` is None for a file without rules: settings, or a mapping with errors, whose rules are not all known.
    """

    findings: Sequence[Finding]
    tests: Sequence[TestResult] = ()
    rules: int | None = None

    @property
    def passed(self) -> int:
        """The number of passed tests."""
        return sum(not test.difference for test in self.tests)


@dataclass(frozen=True, slots=True)
class Examined:
    """The results for a text as the mapping of a source. `compiled` is None if the text has errors; with failing tests
    it shows what the text does, but must not be activated.

    `privacy` is the block of that name in the file, None if there is none.
    """

    findings: Sequence[Finding]
    tests: Sequence[TestResult]
    compiled: Ruleset | None
    privacy: Any

    @property
    def ruleset(self) -> Ruleset | None:
        """The ruleset to activate; None if the text has errors or failing tests."""
        return None if any(finding.blocks for finding in self.findings) else self.compiled


class LoadOptions(TypedDict):
    """The options of `load` and `examine`: the name of the file in findings, how messages are read, and the settings of
    the source. `vars` override those of the mapping; `read_table` reads the files of its tables.
    """

    file: str
    read: ReadEvent
    hash_key: str | None
    vars: NotRequired[JsonObject | None]
    source: NotRequired[SourceOptions]
    read_table: NotRequired[ReadTable]


def load(text: str, **options: Unpack[LoadOptions]) -> Ruleset:
    """The ruleset of a mapping. Raises MappingError, whose text lists every error and failed test, for a mapping that
    must not be activated.
    """
    examined = examine(text, **options)
    if examined.ruleset is None:
        raise _refusal(examined.findings)
    return examined.ruleset


def examine(text: str, **options: Unpack[LoadOptions]) -> Examined:
    """The results of `load` and `check` together, and the ruleset if the text has no errors. Never raises."""
    read_table = options.get("read_table", unreadable)
    document, checked = _checked(text, file=options["file"], read=options["read"], read_table=read_table)
    findings = _ordered(checked.findings)
    privacy = document.data.get("privacy") if document is not None and isinstance(document.data, dict) else None
    if document is None or _has_errors(findings):
        return Examined(findings, checked.tests, None, privacy)
    compiled = compile_document(
        document,
        hash_key=options["hash_key"],
        variables=options.get("vars"),
        source=options.get("source", _USUAL),
        read_table=read_table,
    )
    problems = [*compiled.findings, *_lacking(document, compiled)]
    if _has_errors(problems):
        return Examined(_ordered([*findings, *problems]), checked.tests, None, privacy)
    return Examined(findings, checked.tests, compiled.ruleset, privacy)


def check(text: str, *, file: str, read: ReadEvent, read_table: ReadTable = unreadable) -> Sequence[Finding]:
    """All findings of a mapping, in the order of its lines; its tests run if it has no errors."""
    return check_with_tests(text, file=file, read=read, read_table=read_table).findings


def check_with_tests(text: str, *, file: str, read: ReadEvent, read_table: ReadTable = unreadable) -> Checked:
    """The findings of `check`, with the results of its tests and the number of rules."""
    _, checked = _checked(text, file=file, read=read, read_table=read_table)
    return replace(checked, findings=_ordered(checked.findings))


def _ordered(findings: Sequence[Finding]) -> Sequence[Finding]:
    return sorted(findings, key=lambda finding: (finding.line, finding.column))


def _checked(text: str, *, file: str, read: ReadEvent, read_table: ReadTable) -> tuple[Document | None, Checked]:
    document = read_document(text, file=file)
    if document.data is None and any(finding.blocks for finding in document.findings):
        return None, Checked(document.findings)
    compiled = compile_document(document, hash_key=DEMO_KEY, read_table=read_table)
    findings = [*document.findings, *compiled.findings]
    if not any(finding.blocks for finding in findings):
        # A fault that the compiler misses and the schema refuses is still reported, in fewer words.
        findings += refusals_of(document)
    if any(finding.blocks for finding in findings):
        return document, Checked(findings)
    tests = run_tests(document, compiled.ruleset, read)
    findings += [*warnings_of(document, compiled), *tests.findings]
    return document, Checked(findings, tests.results, len(compiled.ruleset.rules))


def _lacking(document: Document, compiled: Compiled) -> Sequence[Finding]:
    """Steps that need a setting that is missing."""
    lacking = [("E155", path, _NO_KEY) for path in sorted(compiled.unkeyed, key=str)]
    lacking += [("E165", path, _NO_PLACES) for path in sorted(compiled.unlocated, key=str)]
    return [document.finding(Severity.ERROR, code, document.mark_of(path), why) for code, path, why in lacking]


def _has_errors(findings: Sequence[Finding]) -> bool:
    """Whether the text cannot be compiled; a failing test is not an error of the rules."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def _refusal(findings: Sequence[Finding]) -> MappingError:
    return MappingError("\n".join(as_text(found) for found in findings if found.blocks), is_listing=True)
