"""Words of other languages and wrong spellings: none passes in silence, and each message names the word that helps.

`¦` stands before the place that the finding points at. One mistake gives one finding.
"""

import json
from collections.abc import Iterator

import pytest

from adapter.mapping.language import words
from adapter.mapping.language.foreign import FOREIGN
from adapter.mapping.language.step_settings import STEP_SETTINGS
from adapter.mapping.language.step_words import STEPS
from adapter.mapping.load import check
from tests.unit.mapping.reading import read, value_of

HEAD = "version: 1\n"
RULE = HEAD + "rules:\n  - track: T\n"
FRAMES = {
    "a mapping file": RULE + "¦{}: 1\n",
    "settings": HEAD + "settings: {{¦{}: omit}}\nrules: [{{track: T}}]\n",
    "a rule": RULE + "    ¦{}: x\n",
    "a call": HEAD + "rules: [{{send: [{{track: T, ¦{}: x}}]}}]\n",
    "a value": RULE + "    properties: {{v: {{from: properties.a, ¦{}: x}}}}\n",
    "a path": RULE + "    properties: {{v: ¦{}}}\n",
    "the start of a path": RULE + "    properties: {{v: ¦{}.x}}\n",
    "a check": RULE + "    when: {{properties.a: {{exists: true, ¦{}: 5}}}}\n",
    "a condition": RULE + "    when: {{type: track, ¦{}: [{{type: page}}]}}\n",
    "a step": RULE + "    properties: {{v: {{from: properties.a, apply: [¦{}]}}}}\n",
    "`sample`": RULE + "    sample: {{share: 0.1, by: userId, ¦{}: x}}\n",
    "`date`": RULE + "    properties: {{v: {{from: properties.a, apply: [{{date: {{¦{}: x}}}}]}}}}\n",
    "`number`": RULE + "    properties: {{v: {{from: properties.a, apply: [{{number: {{¦{}: x}}}}]}}}}\n",
    "`since`": RULE + "    properties: {{v: {{from: timestamp, apply: [{{since: {{from: sentAt, ¦{}: x}}}}]}}}}\n",
    "`sort`": RULE + "    properties: {{v: {{from: properties.a, apply: [{{sort: {{¦{}: x}}}}, first]}}}}\n",
    "`lookup`": HEAD + "tables: {{t: {{a: b}}}}\nrules:\n  - track: T\n"
    "    properties: {{v: {{from: properties.a, apply: [{{lookup: {{in: t, ¦{}: x}}}}]}}}}\n",
    "`replace`": RULE + "    properties: {{v: {{from: properties.a, apply: [{{replace: {{with: y, ¦{}: x}}}}]}}}}\n",
    "a privacy guard": RULE + "privacy: [{{named: [a], do: remove, ¦{}: x}}]\n",
    "a test": RULE + "tests: [{{name: n, given: {{}}, expect: [{{track: T}}], ¦{}: x}}]\n",
}
"""A file with one word too many, by the block that the word is in."""

BLOCKS = {
    "a mapping file": words.FILE.words, "settings": words.SETTINGS.words, "a rule": words.RULE.words,
    "a call": words.CALL.words, "a value": words.VALUE.words, "a check": words.CHECK.words,
    "a condition": words.JOINED.words,
    "a path": words.ROOTS, "the start of a path": words.ROOTS, "a step": STEPS, "a privacy guard": words.GUARD.words,
    "a test": words.TEST.words, "`sample`": words.SAMPLE.words,
    **{f"`{name}`": STEP_SETTINGS[name].words for name in ("date", "number", "since", "sort", "lookup", "replace")},
}  # fmt: skip

MISSPELT = {
    "a mapping file": "rulez:rules tabels:tables setings:settings sharde:shared privcy:privacy tsets:tests",
    "a rule": "trak:track identfy:identify propertes:properties exept:except onyl:only renam:rename whne:when "
    "sned:send",
    "a call": "propperties:properties timestmap:timestamp flaten:flatten userid:userId annonymousId:anonymousId",
    "a value": "form:from defualt:default aply:apply requried:required frist:first lsit:list txt:text",
    "a check": "exist:exists abov:above at_leest:at_least belw:below regx:regex contians:contains lik:like",
    "a step": "numbr:number roud:round truncat:truncate lookupp:lookup flattn:flatten uniqe:unique colect:collect "
    "integr:integer boolen:boolean rplace:replace maskk:mask trunc:truncate hsah:hash splt:split jion:join",
    "a privacy guard": "namd:named valeus:values filds:fields",
    "a test": "gven:given expct:expect nam:name",
}
"""Words with a letter wrong, each with the one that was meant."""

ALONE = [
    (RULE + "    when: {properties.a: {not: {¦gt: 5}}}\n", "write `above`"),
    (RULE + "    properties: {v: {from: properties.a, apply: ¦lower}}\n", "write `[lower]`"),
    (RULE + "    properties: {v: {¦if: {type: track}, then: properties.a, else: properties.b}}\n", "write `when`"),
    (RULE + "    properties: {v: {from: properties.a, apply: [{lookup: ¦{a: b}}]}}\n", "a block of `tables`"),
    (HEAD + "rules: [{drop: ¦false}]\n", "without it nothing is dropped"),
    (RULE + "    when: {¦or: [{type: track}, {type: page}]}\n", "write `any`"),
    (RULE + "    properties: {v: {from: properties.a, apply: [{¦substring: 3}]}}\n", "`truncate`"),
    (HEAD + "tables: {t: {a: b}}\nrules:\n  - track: T\n    properties:\n"
     "      v: {from: properties.a, apply: [{lookup: {in: t, else: ¦kep}}]}\n", "near to `keep`"),
    (RULE + "    properties: {v: ¦'properties.a || properties.b'}\n", "from: [a, b]"),
    (RULE + "    properties: {v: ¦$.properties.a}\n", "leave out the leading `$.`"),
    (RULE + "    properties: {v: ¦'@properties.a'}\n", "did you mean `properties`"),
    (RULE + "    properties: {v: ¦'{{properties.a}}'}\n", "a path has no braces"),
    (HEAD + "rules: [{track: ¦'{{event}}'}]\n", "placeholders have one brace"),
    (RULE + "    properties: {v: ¦'properties[\"a\"]'}\n", "quote"),
    (RULE + "    properties: {v: ¦properties.a.}\n", "a name is expected"),
    (RULE + "    properties: {v: ¦event.name}\n", "nothing is below it"),
    (RULE + "    properties: {v: ¦null}\n", "{value: null}"),
    (RULE + "    properties: {v: ¦user_id}\n", "did you mean `userId`"),
    (RULE + "    properties: {v: ¦some text}\n", "For constant text write {value: some text}"),
    (RULE + "    when: {properties.a: {above: ¦'5'}}\n", "compares numbers"),
    (RULE + "    when: {properties.a: {in: ¦plans}}\n", "no table `plans`"),
    (RULE + "    when: ¦[{type: track}]\n", "a block of lines"),
    (RULE + "    when: ¦type == track\n", "a block of lines"),
]  # fmt: skip


PATHS = {
    "properties.a - properties.b": "the step `minus`",
    "properties.a * 2": "the step `times`",
    "properties.a / 100": "`divided_by`",
    "properties.a > 5": "{above: …}",
    "properties.a, properties.b": "[a, b]",
    "properties.a and traits.b": "two lines of a condition",
    "properties.a or traits.b": "write `any`",
    "properties.a if traits.b": "write `when`",
    "properties.a?.b": "has no `?`",
    "properties.a == 1": "has no `=`",
    "properties.a.toLowerCase()": "functions are steps",
    "lower(properties.a)": "{from: properties.a, apply: [lower]}",
    "properties.'a.b'": 'quoted with "',
    "properties.a\\.b": 'quoted with "',
    "properties['a.b']": 'write `properties."a.b"`',
    "properties.l[last]": "`[-1]`",
    "properties.l[first]": "`[0]`",
    "properties.l[].a": "`[*]`",
    "properties.l[index]": "{get: {from: index}}",
    "properties.l[?(@.a=1)]": "the step `where`",
    "properties.l[a!=1]": "the step `where`",
    "properties.l[a=1,b=2]": "the step `where`",
    "properties->a": "as in `properties.name`",
    "properties/a": "as in `properties.name`",
    "$.total": "`properties.total`",
    "{{ properties.a }}": "write `properties.a`",
    "${properties.a}": "write `properties.a`",
    "<%= properties.a %>": "write `properties.a`",
    "{properties.a} {properties.b}": "{text: '{properties.a} {properties.b}'}",
    "@properties.a": "did you mean `properties`",
    "direct": "{value: direct}",
    "total": "is `properties.total`",
}
"""Expressions and paths of other languages, and what the message names."""

NAMES = [
    "Order ID",
    "Price (USD)",
    "Terms & Conditions",
    "Shipping - Cost",
    "utm:source",
    "24/7",
    "C#",
    "50%",
    "Reason if any",
    "Country / Region",
    "$current_url",
    "a-b",
    "Hello!",
    "it's",
    "in stock",
    "x ~ y",
    "Name, first",
]
"""Names that forms and spreadsheets send."""


REMEDIES = [
    (RULE + "    use: ¦std\n", "write [std]"),
    (RULE + "privacy: [{named: [card], do: ¦[remove]}]\n", "`do: remove`"),
    (RULE + "privacy: [¦context.ip]\n", "{fields: [context.ip], do: remove}"),
    (RULE + "privacy: [{named: [card], do: [{mask: ¦4}]}]\n", "{keep: 4}"),
    (RULE + "tests: [{name: n, given: {}, expect: ¦{track: T}}]\n", "`expect: [{track: …}]`"),
    (RULE + "    properties: {v: {from: properties.a, required: ¦yes}}\n", "write true"),
    (RULE + "    properties: {v: ¦[properties.a]}\n", "{list: […]}"),
    (RULE + "    properties: {v: {from: properties.a, default: ¦{from: event}}}\n", "{from: [a, b]}"),
    (RULE + "    properties: {v: {¦properties.a: 5}}\n", "{value: true, when: {…}, default: false}"),
    (RULE + "    properties: {v: {¦properties.a}}\n", "without braces"),
    (HEAD + "rules: [{track: {¦event}}]\n", '"{event}" in quotes'),
    (RULE + "    rename: {a: n, b: ¦n}\n", "n: {from: [properties.a, properties.b]}"),
    (RULE + "    sample: {share: 0.1, by: userId, ¦rate: 1}\n", "write `share`"),
    (RULE + "    sample: ¦10\n", "a tenth is 0.1"),
    (RULE + "    when: {any: ¦{event: A, properties.b: 1}}\n", "write `- ` before each member"),
    (RULE + "    when: {not: ¦[{event: A}, {event: B}]}\n", "write `not: {any: […]}`"),
    (RULE + "    when: {properties: {¦plan: pro}}\n", "`properties.plan: …`"),
    (RULE + "    when: {properties.items: {contains: ¦{category: Games}}}\n", "[*].category: {contains: Games}"),
    (RULE + "    when: {properties.a: {above: ¦'100'}}\n", "write 100"),
    (RULE + "    when: {properties.a: {above: ¦1_000}}\n", "write 1000"),
    (RULE + "    when: {properties.a: {above: ¦.5}}\n", "write 0.5"),
    (RULE + "    when: {context.app.version: {at_least: ¦2.10.0}}\n", "`derived` with [{split"),
    (RULE + "    when: {timestamp: {above: ¦2024-06-01}}\n", "{date: {as: epoch}}"),
    (RULE + "    when: {properties.a: {in: ¦vars.x}}\n", "`vars` has no lists"),
    (HEAD + "vars: {x: ¦[DE, AT]}\nrules: [{track: T}]\n", "in: [a, b]"),
    (HEAD + "tables: {t: ¦[DE, AT]}\nrules: [{track: T}]\n", "keys of a table"),
    (RULE + "    properties: {v: {from: properties.a, apply: [{date: {from: ¦DD/MM/YYYY}}]}}\n", "write `%d/%m/%Y`"),
    (RULE + "    properties: {v: {from: timestamp, apply: [{date: {as: '%H', zone: ¦context.timezone}}]}}\n",
     "a zone is a constant"),
    (RULE + "    properties: {v: {from: properties.a, apply: [{url: {query: ¦[a, b]}}]}}\n", "`first` of values"),
    (RULE + "    when: {event: {like: ¦*Order}}\n", "quote a text that starts with *"),
    (RULE + "    ¦when:{event: A}\n", "a space is needed after the colon"),
    (RULE + "    properties: {v: {value: ¦99999999999999999999}}\n", "quote it if it is text"),
]  # fmt: skip
"""First guesses, and the words of the message that lead to the right spelling."""


def _foreign() -> Iterator[tuple[str, str, str]]:
    for called, table in FOREIGN.items():
        for word, remedy in table.items():
            yield called, word, f"write {remedy}"


def _misspelt() -> Iterator[tuple[str, str, str]]:
    for called, written in MISSPELT.items():
        for pair in written.split():
            word, _, meant = pair.partition(":")
            yield called, word, f"did you mean `{meant}`?"


def _quoted(word: str) -> str:
    return word if word.replace("_", "").isalnum() else f"'{word}'"


def _found(text: str) -> list[tuple[int, int, str]]:
    findings = check(text, file="f.yaml", read=read)
    return [(found.line, found.column, found.message) for found in findings if found.blocks]


def _place(text: str) -> tuple[int, int]:
    before = text[: text.index("¦")]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


@pytest.mark.parametrize(("called", "word", "helps"), [*_foreign(), *_misspelt()])
def test_a_wrong_word_is_reported_with_the_one_that_helps(called: str, word: str, helps: str) -> None:
    """At its place, once, and with what to write."""
    text = FRAMES[called].format(_quoted(word))
    [(line, column, message)] = _found(text.replace("¦", ""))
    assert (line, column) == _place(text)
    assert message.endswith(helps)


@pytest.mark.parametrize(("text", "helps"), [*ALONE, *REMEDIES])
def test_a_wrong_guess_is_one_finding(text: str, helps: str) -> None:
    """However many words of it are wrong."""
    [(line, column, message)] = _found(text.replace("¦", ""))
    assert (line, column) == _place(text)
    assert helps in message


@pytest.mark.parametrize("path", PATHS)
def test_an_expression_is_not_read_as_a_path(path: str) -> None:
    """It would be absent in every event. The message names what to write, at its place."""
    text = RULE + f"    properties: {{v: ¦{json.dumps(path)}}}\n"
    [(line, column, message)] = _found(text.replace("¦", ""))
    assert (line, column) == _place(text)
    assert PATHS[path] in message


@pytest.mark.parametrize("name", NAMES)
def test_a_name_with_spaces_and_signs_needs_no_quotes(name: str) -> None:
    """Senders use such names; nothing in them is an operator."""
    assert value_of(f"properties.{name}", properties={name: 5}) == (5, [])
    assert value_of(f"properties.{name}.x", properties={name: {"x": 5}}) == (5, [])


def test_only_where_a_constant_can_stand_does_a_message_offer_one() -> None:
    """Left of a check and within braces only a path can stand."""
    for text in ("    when: {¦total: 5}\n", "    properties: {v: {text: ¦'{total}'}}\n"):
        [(_, _, message)] = _found(RULE + text.replace("¦", ""))
        assert "`properties.total`" in message
        assert "{value" not in message


def test_a_name_of_the_file_is_offered_with_its_root() -> None:
    """A value of `derived`, a constant of `vars`."""
    head = HEAD + "vars: {shop: eu}\nderived: {origin: properties.c}\nrules:\n  - track: T\n"
    for name, path in (("shop", "vars.shop"), ("origin", "derived.origin")):
        for text in (f"    properties: {{v: {name}}}\n", f"    when: {{{name}: x}}\n"):
            [(_, _, message)] = _found(head + text)
            assert message.endswith(f"write `{path}`")


def test_no_foreign_word_is_one_of_ours() -> None:
    """Else it would never be asked for."""
    assert {called: set(table) & set(BLOCKS[called]) for called, table in FOREIGN.items()} == {
        called: set() for called in FOREIGN
    }


def test_words_that_are_only_a_little_alike_are_not_suggested() -> None:
    """Advice that leads astray costs more than none."""
    for word in ("float", "set", "values", "floor", "match", "remove", "concat", "filter", "minus_one"):
        text = FRAMES["a check"].format(word)
        [(_, _, message)] = _found(text.replace("¦", ""))
        assert "did you mean" not in message
