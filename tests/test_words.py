"""The words of the project: one for each idea, the field's own. `docs/glossary.md` defines them."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = [file for folder in ("adapter", "reliability") for file in sorted((ROOT / folder).rglob("*.py"))]
WRITTEN = (
    *("*.md", "docs/*.md", "mappings/**/*.yaml", "deploy/**/*.yaml", "deploy/**/*.json"),
    *("schemas/**/*.json", "schemas/*.yaml"),
)
PAGES = sorted({file for pattern in WRITTEN for file in ROOT.glob(pattern) if file.name != "CHANGELOG.md"})

RETIRED_CLASSES = {
    "Allowance", "ApiParts", "Chosen", "Desk", "DeskConsole", "Group", "Happening", "KindOfCall", "Looked", "Made",
    "Often", "Parts", "Patience", "Rejected", "Situation", "Standing", "Story", "Ticket", "Unclear", "Why",
}  # fmt: skip
RETIRED_MODULES = {
    "activation", "answers", "asked", "desk", "desk_console", "entries", "guard", "happenings", "hasty", "letters",
    "lines", "loss", "made_secrets", "operator", "read_anew", "sentences", "stories", "told", "unsynced", "wrong",
}  # fmt: skip
RETIRED_FUNCTIONS = {
    "put_back", "revive", "is_crammed", "readmit", "reopen_unmatched", "spoken", "told", "built", "judged", "read_anew",
}  # fmt: skip
RETIRED_KEYS = {"atWork", "failedTries", "gotThrough", "logEmptied", "mappedBy"}
"""Of the API's JSON: what took their place stands in CHANGELOG.md."""

RETIRED_PROSE = re.compile(
    r"\b(told|mend(s|ed|ing)?|at work|put to work|made secrets|made-secrets|hangs on)\b", re.IGNORECASE
)
RETIRED_CODE_PROSE = re.compile(r"\b(nobody|whoever|anew|got through|put back)\b|\"\"\"Who ", re.IGNORECASE)
"""Of docstrings, comments and messages: the subject comes first, and has a name."""
MEANT = {"the answers told the truth"}
"""Sentences in which such a word has its plain meaning."""
RETIRED_IN_PAGES = re.compile(
    r"\b(nobody|whoever|somebody|everybody|whichever|anew|newcomers?|dearest|beforehand|at hand|so that none"
    r"|(got|gets?|getting) through|(stands?|standing) (in|under|beside|behind)|(held|holds?) (them |it |each )?against"
    r"|(tries|tried|try) again|comes? again|puts? back|may be said|goe?s? along"
    r"|(is|are) no (object|number|text|list|event|ids?|date|product))\b",
    re.IGNORECASE,
)
"""Of pages, schemas, mappings and files of `deploy`: a subject with a noun, and the field's verb, say it better."""


RETIRED_NAMES = {"receipt", "receipts", "desk", "story", "stories", "brought"}
"""Of variables, arguments and attributes: an event's number is its `seq`, operators have an admin and read records."""


@cache
def nodes(file: Path) -> tuple[ast.AST, ...]:
    """Every node of a module, parsed once for all tests."""
    return tuple(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))


def defined(kind: type[ast.AST]) -> Iterator[tuple[str, str]]:
    """Names that modules of the package define at their top, or as methods, each with its file."""
    for file in CODE:
        for node in nodes(file):
            if isinstance(node, kind):
                yield getattr(node, "name", ""), str(file.relative_to(ROOT))


def test_retired_names_do_not_come_back() -> None:
    """A second word for an idea would have to be looked up."""
    classes = {(name, file) for name, file in defined(ast.ClassDef) if name in RETIRED_CLASSES}
    functions = {name for kind in (ast.FunctionDef, ast.AsyncFunctionDef) for name in defined(kind)}
    assert classes == set()
    assert {(name, file) for name, file in functions if name in RETIRED_FUNCTIONS} == set()
    assert {file.stem for file in CODE} & RETIRED_MODULES == set()


def test_retired_variables_do_not_come_back() -> None:
    """The number of an event has one name in SQL, in code and in the description of the API."""
    kinds = {ast.Name: "id", ast.arg: "arg", ast.Attribute: "attr", ast.keyword: "arg"}
    found = {
        (str(file.relative_to(ROOT)), name)
        for file in CODE
        for node in nodes(file)
        if type(node) in kinds and (name := getattr(node, kinds[type(node)])) in RETIRED_NAMES
    }
    assert found == set()


def test_a_public_class_has_its_name_for_itself() -> None:
    """`Limit` means the same in every file."""
    files = defaultdict(set)
    for file in CODE:
        module = nodes(file)[0]
        assert isinstance(module, ast.Module)
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                files[node.name].add(str(file.relative_to(ROOT)))
    assert {name: found for name, found in files.items() if len(found) > 1} == {}


def test_keys_that_were_renamed_are_gone() -> None:
    """The API, its description and the commands use one name."""
    texts = [*CODE, ROOT / "schemas/openapi.yaml", *(ROOT / "docs").glob("*.md")]
    found = {(key, str(file)) for file in texts for key in RETIRED_KEYS if key in file.read_text(encoding="utf-8")}
    assert found == set()


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_pages_use_the_fields_words(file: Path) -> None:
    """A reader of Kafka's, Stripe's or PostgreSQL's documentation finds nothing to look up."""
    lines = file.read_text(encoding="utf-8").splitlines()
    odd = [line for line in lines if RETIRED_PROSE.search(line) and not any(meant in line for meant in MEANT)]
    assert odd == []
    assert [line for line in lines if RETIRED_IN_PAGES.search(line)] == []


def test_docstrings_and_messages_use_the_fields_words() -> None:
    """The same for what the code says."""
    odd = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in CODE
        for line in file.read_text(encoding="utf-8").splitlines()
        if (RETIRED_PROSE.search(line) or RETIRED_CODE_PROSE.search(line)) and "_OLD_NAME" not in line
    ]
    assert odd == []
