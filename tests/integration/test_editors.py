"""Editors complete a mapping, explain its words and underline mistakes, as yaml-language-server answers them."""

from collections.abc import Iterator

import pytest

from adapter.mapping.language.step_words import STEPS
from adapter.mapping.language.words import CALL, CHECK, FILE, RULE, VALUE
from tests.docs.pages import ROOT, headings
from tests.language_server import LanguageServer, language_server

START = "version: 1\nrules:\n"
PAGE = "https://github.com/browsee/browsee-adapter/blob/main/docs/mapping.md#"


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    with language_server(ROOT / "schemas/adapter/mapping.json") as running:
        yield running


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 1\nte§\n", set(FILE.words) - {"version"}),
        (f"{START}  - §name: x\n", {*RULE.words, "rename an event", "order with products", "drop noise"} - {"name"}),
        (f"{START}  - when:\n      §\n", {"type", "event", "userId", "properties.…", "any", "all", "not", "age"}),
        (f"{START}  - when: {{ty§}}\n", {"type"}),
        (f"{START}  - when: {{type: §}}\n", {"track", "identify", "page", "screen", "group", "alias"}),
        (f"{START}  - when:\n      type: §\n", {"track", "identify", "page", "screen", "group", "alias"}),
        (f"{START}  - when:\n      event:\n        §\n", {"like", "in", "regex", "exists"}),
        (f"{START}  - send:\n      - §track: X\n", {"identify", "when", "properties", "traits"} & set(CALL.words)),
        (f"{START}  - track: X\n    properties:\n      a:\n        §\n", set(VALUE.words)),
        (f"{START}  - track: {{from: event, apply: [§]}}\n", {name for name, step in STEPS.items() if step.bare}),
        (f"{START}  - track: X\n    copy: §\n", {"none"}),
        (f"{START}  - drop: true\nsettings:\n  names: §\n", {"exact", "folded"}),
    ],
    ids=["file", "rule", "when", "when {", "type {", "type", "check", "call", "value", "step", "copy", "setting"],
)  # fmt: skip
def test_it_completes(server: LanguageServer, text: str, expected: set[str]) -> None:
    """At each position, what the language has there."""
    assert expected <= server.completions(text).keys()


@pytest.mark.parametrize("name", [name for name, step in STEPS.items() if step.bare])
def test_each_step_has_its_own_text(server: LanguageServer, name: str) -> None:
    """What it does, an example, and where to read on; not one text for all of them."""
    shown = server.hover(f"{START}  - track: {{from: event, apply: [§{name}]}}\n")
    assert STEPS[name].means in shown
    assert "→" in shown
    assert f"{PAGE}steps" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{START}  - when: {{ty§pe: track}}\n    drop: true\n", "What kind of message it is"),
        (f"{START}  - when: {{event: {{li§ke: a*}}}}\n    drop: true\n", CHECK.words["like"].means),
        (f"{START}  - dr§op: true\n", RULE.words["drop"].means),
        (f"{START}  - track: {{fr§om: event}}\n", VALUE.words["from"].means),
        (f"{START}  - track: {{from: event, apply: [{{trun§cate: 5}}]}}\n", STEPS["truncate"].means),
        (f"{START}  - drop: true\nte§sts: []\n", FILE.words["tests"].means),
    ],
    ids=["type", "check", "rule", "value", "step", "file"],
)
def test_it_explains(server: LanguageServer, text: str, shown: str) -> None:
    """The word under the cursor."""
    assert shown in server.hover(text)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{when: {typ: track}, drop: true}", "Property typ is not allowed."),
        ("{track: {from: evnt}}", "Not a path: a path starts with `type`, `event`"),
        ("{track: X, drop: true}", "`track` cannot be combined with `drop`"),
        ("{name: x}", "one of `drop`, `reject`, `track`, `identify`, `send` is missing"),
        ("{track: X, traits: {a: properties.b}}", "`traits` cannot be combined with `track`"),
        ("{drop: true, flatten: _}", "`flatten` cannot be combined with `drop`"),
        ("{track: {from: event, text: x}}", "`text` cannot be combined with `from`"),
        ("{when: {age: {over: 7days}}, drop: true}", "A duration is a number above 0 and ms, s, m, h or d"),
        ("{track: {from: event, apply: [sneak]}}", 'Value must be "trim" | "lower"'),
    ],
    ids=["word", "path", "two actions", "no action", "traits", "beside drop", "two sources", "duration", "step"],
)
def test_it_says_in_words_what_is_wrong(server: LanguageServer, rule: str, message: str) -> None:
    """No pattern, and no 'matches a schema that is not allowed'."""
    problems = server.problems(f"{START}  - {rule}\n")
    assert any(problem.startswith(message) for problem in problems), problems
    assert not any("schema" in problem or "pattern" in problem for problem in problems)


def test_it_has_nothing_to_say_of_a_sound_file(server: LanguageServer) -> None:
    """Such as each mapping that comes with the adapter."""
    for file in sorted((ROOT / "mappings").glob("*.yaml")):
        text = file.read_text(encoding="utf-8").replace("../schemas", str(ROOT / "schemas"))
        assert server.problems(text) == [], file.name


def test_the_links_of_the_schema_lead_to_sections() -> None:
    """A heading that is renamed would leave them behind."""
    schema = (ROOT / "schemas/adapter/mapping.json").read_text(encoding="utf-8")
    sections = {part.split(")")[0] for part in schema.split(PAGE)[1:]}
    assert sections
    assert sections <= set(headings((ROOT / "docs/mapping.md").read_text(encoding="utf-8")))
