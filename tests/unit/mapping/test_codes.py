"""Every error and warning, seeded once: its code, its line and column, and the words that help.

`¦` stands before the place that the finding has to point at; it is taken out before the file is read.
"""

import pytest

from adapter.errors import MappingError
from adapter.mapping.language.codes import CODES
from adapter.mapping.load import check, load
from tests.unit.mapping.reading import read

HEAD = "version: 1\n"
RULE = HEAD + "rules:\n  - track: T\n"
VALUE = RULE + "    properties:\n      v: "
WHEN = HEAD + "rules:\n  - track: T\n    when: "
GUARD = HEAD + "rules: [{track: T}]\nprivacy:\n  - "
HASHED = HEAD + "privacy: [{named: [email], do: [hash]}]\nrules: "
TABLE = HEAD + "tables: {names: {a: b}}\nrules:\n  - track: {from: event, apply: [{lookup: names}]}\n    when: {event: "
FOLDED = HEAD + "settings: {names: folded}\n"
NAMED = "rules: [{track: {from: event, apply: [{lookup: t}]}}]\n"
SPELLED = (
    "rules:\n  - when: {type: page}\n    drop: true\n"
    "  - when: {type: track, event: Order Completed, properties.a: 1}\n    track: B\n  - when: "
)
TEST = HEAD + "rules: [{track: T}]\ntests:\n  - "

SEEDED = [
    ("E100", "¦", "the file is empty"),
    ("E101", HEAD + "rules:\n¦\t- track: T\n", "indent with spaces instead of tabs"),
    ("E102", HEAD + "rules: [{track: T, properties: {a: ¦&x properties.b}}]\n", "anchors are not read"),
    ("E103", RULE + "    ¦track: OTHER\n", "`track` is written twice in the same place (first on line 3)"),
    ("E104", VALUE + "{value: ¦1e999}\n", "too large for JSON"),
    ("E122", HEAD + "rules: [{track: ¦'{{event}}'}]\n", "placeholders have one brace: `{event}`"),
    ("E122", VALUE + "{text: ¦'a {{ properties.y }} b'}\n", "placeholders have one brace: `{properties.y}`"),
    ("E163", RULE + "    rename: {'utm_*': ¦'*_*'}\n", "one `*` on each side"),
    ("E163", RULE + "    rename: {utm: ¦'c_*'}\n", "one `*` on each side"),
    ("E151", VALUE + "{from: properties, apply: [{rename: {'*': ¦x}}]}\n", "would become `x`"),
    ("E158", HEAD + "tables: {t: {file: ¦t.csv}}\nrules: [{track: T, when: {event: {in: t}}}]\n", "without its folder"),
    ("E156", HEAD + "tables: {t: {a: x}}\n" + "rules: [{track: T, properties: {v: {from: properties.a, apply: "
     "[{lookup: {in: t, get: ¦b}}]}}}]\n", "leave `get` out"),
    ("E126", VALUE + "¦derived.x\n", "no value `x` in `derived`"),
    ("E126", HEAD + "derived: {a: ¦derived.b, b: type}\nrules: [{track: T, properties: {a: derived.a}}]\n",
     "stands below"),
    ("E126", HEAD + "derived: {a: ¦derived.a}\nrules: [{track: T, properties: {a: derived.a}}]\n", "this value itself"),
    ("E126", HEAD + "derived: {a: type}\nprepare: [{named: [b], do: [{plus: ¦derived.a}]}]\n"
     "rules: [{track: T, properties: {a: derived.a}}]\n", "after `privacy` and `prepare`"),
    ("E150", RULE + "prepare: [{named: [a], do: ¦5}]\n", "a list of steps is expected"),
    ("E150", RULE + "prepare: [{named: [a], do: [¦[trim]]}]\n", "a step is a word"),
    ("E151", VALUE + "{from: properties.a, apply: [{date: {from: ¦'%d.%m.%Y %d'}}]}\n", "`%d` is there twice"),
    ("E151", VALUE + "{from: properties.a, apply: [{date: {from: ¦'%H:%M'}}]}\n", "it has no year"),
    ("E151", VALUE + "{from: properties.a, apply: [{date: {¦zone: Europe/Berlin}}]}\n", "is for `as` and `from`"),
    ("W208", VALUE + "{from: traits, apply: [{get: ¦properties.plan}]}\n", "write {from: properties.plan}"),
    ("E173", RULE + "prepare: [¦{do: [trim]}]\n", "this one has neither"),
    ("E173", RULE + "prepare: ¦{named: [a], do: [trim]}\n", "a list of blocks"),
    ("E172", RULE + "prepare: [{fields: [¦timestamp], do: [trim]}]\n", "cannot be guarded"),
    ("W215", HEAD + "derived: {¦a: type}\nrules: [{track: T}]\n", "nothing uses `a`"),
    ("E105", HEAD + "rules: [{reject: ¦true}]\n", "`reject`, the reason, is text"),
    ("E107", HEAD + "rules: [¦{reject: no, drop: true}]\n", "exactly one thing"),
    ("E105", HEAD + "rules: [{track: T, sample: {share: ¦2, by: userId}}]\n", "at most 1"),
    ("E131", WHEN + "{context.ip: {in_net: [¦10.0.0.1/8]}}\n", "10.0.0.0/8"),
    ("E156", HEAD + "tables: {t: {a: {brand: x}}}\n" + "rules: [{track: T, properties: {v: {from: properties.a, apply: "
     "[{lookup: {in: t, get: ¦brnd}}]}}}]\n", "did you mean `brand`?"),
    ("E151", VALUE + "{from: properties.a, apply: [{replace: ¦{with: x}}]}\n", "`find`, plain text, or `pattern`"),
    ("E163", RULE + "    rename: {'*': ¦snake}\n", "write `names: [snake]`"),
    ("E151", VALUE + "{from: properties.a, apply: [{sort: ¦price}]}\n", "{by: item.price}"),
    ("E118", VALUE + "{from: properties.a, apply: [{date: {¦format: '%A'}}]}\n", "write `as`"),
    ("E152", VALUE + "{from: properties.a, apply: [¦url_decode]}\n", "{url: path}"),
    ("E163", RULE + "    names: [¦truncate]\n", "one of trim, lower, upper, title, snake, kebab"),
    ("E163", RULE + "    names: ¦snake\n", "a list of steps"),
    ("E151", VALUE + "{from: properties.a, apply: [{url: ¦hots}]}\n", "did you mean `host`?"),
    ("E118", VALUE + "{from: properties.a, apply: [{url: {¦param: x}}]}\n", "not a word of `url`"),
    ("E153", VALUE + "{from: properties.a, apply: [{extract: ¦'(a'}]}\n", "not a regular expression"),
    ("E151", VALUE + "{from: properties.a, apply: [{date: {as: ¦'%Q'}}]}\n", "here is `%Q`"),
    ("E151", VALUE + "{from: properties.a, apply: [{date: {as: ¦iso}}]}\n", "which has none"),
    ("E151", VALUE + "{from: properties.a, apply: [{date: {from: ¦'%A'}}]}\n", "here is `%A`"),
    ("E151", VALUE + "{from: properties.a, apply: [{date: {as: '%Y', zone: ¦Europa/Bern}}]}\n", "as in Europe/Berlin"),
    ("E151", VALUE + "{from: properties.a, apply: [{date: {as: '%Y', zone: ¦../../etc/passwd}}]}\n", "no time zone"),
    ("E151", VALUE + "{from: properties.a, apply: [{since: {from: timestamp, in: ¦day}}]}\n", "did you mean `days`?"),
    ("E151", VALUE + "{from: properties.a, apply: [{number: ¦','}]}\n", "`number` is a block of words"),
    ("E151", VALUE + "{from: properties.a, apply: [{number: {decimal: ¦';'}}]}\n", "`decimal` is `.` or `,`"),
    ("E151", VALUE + "{from: properties.a, apply: [{number: {thousands: ¦''}}]}\n", "`,`, `.`, a space or `'`"),
    ("E151", VALUE + "{from: properties.a, apply: [{number: ¦{thousands: .}}]}\n", "are both `.`"),
    ("E118", VALUE + "{from: properties.a, apply: [{number: {¦group: ','}}]}\n", "write `thousands`"),
    ("E151", VALUE + "{from: properties.a, apply: [{get: ¦[1]}]}\n", "a place in a list"),
    ("E151", VALUE + "{from: properties.a, apply: [{sort: {by: item, down: ¦up}}]}\n", "true or false"),
    ("E105", HEAD + "rules: ¦T\n", "`rules`, a list of rules, is expected, not 'T'"),
    ("E105", HEAD + "rules: ¦[]\n", "needs at least one member"),
    ("E105", "¦[1]\n", "a mapping file is a block of words, not a list"),
    ("E105", RULE + "    sample: ¦0\n", "above 0, at most 1"),
    ("E105", HEAD + "settings: {max_calls: ¦5001}\nrules: [{track: T}]\n", "from 1 to 5000"),
    ("E105", HEAD + "settings: {nulls: ¦kep}\nrules: [{track: T}]\n", "did you mean `keep`?"),
    ("E105", HEAD + "rules: [{drop: ¦false}]\n", "true or a reason"),
    ("E105", HEAD + "vars: {a: ¦[1]}\nrules: [{track: T}]\n", "a constant, not a list"),
    ("E105", HEAD + "tables: {t: ¦{}}\nrules: [{track: T}]\n", "at least one line"),
    ("E105", TEST + "{name: n, given: {}, expect: ¦{drop: true, unmatched: true}}\n", "one of drop, reject"),
    ("E105", TEST + "{name: n, given: ¦7, expect: [{track: T}]}\n", "`given` is a message"),
    ("E106", "version: ¦2\nrules: [{track: T}]\n", "reads `version: 1`, not the number 2"),
    ("E107", HEAD + "rules:\n  - ¦drop: true\n    track: T\n", "this one does drop, track"),
    ("E107", HEAD + "rules:\n  - ¦name: nothing\n", "this one does nothing"),
    ("E107", HEAD + "rules:\n  - drop: true\n    ¦only: [a]\n", "`only` belongs to a call"),
    ("E108", "¦version: 1\n", "a mapping file needs `rules`"),
    ("E110", RULE + "¦rulez: []\n", "`rulez` is not a word of a mapping file; did you mean `rules`?"),
    ("E111", RULE + "    ¦propertes: {a: properties.b}\n", "did you mean `properties`?"),
    ("E111", HEAD + "rules:\n  - when: {type: track}\n    ¦trak: T\n", "did you mean `track`?"),
    ("E112", HEAD + "rules: [{send: [{track: T, ¦sample: 1}]}]\n", "`sample` is not a word of a call"),
    ("E113", HEAD + "settings: {¦null: omit}\nrules: [{track: T}]\n", "write `nulls`"),
    ("E114", GUARD + "{named: [a], do: remove, ¦field: [b]}\n", "write `fields`"),
    ("E115", VALUE + "{from: properties.a, ¦aply: [trim]}\n", "did you mean `apply`?"),
    ("E116", TEST + "{name: n, given: {}, expect: [{track: T}], ¦givn: {}}\n", "did you mean `given`?"),
    ("E117", TEST + "{name: n, given: {}, expect: [{track: T, ¦property: {}}]}\n", "not a word of an expected call"),
    ("E118", VALUE + "{from: properties.a, apply: [{mask: {keep: 1, ¦show: 2}}]}\n", "not a word of `mask`"),
    ("E120", VALUE + "¦$.properties.total\n", "leave out the leading `$.`: write `properties.total`"),
    ("E120", VALUE + "¦properties..total\n", "a name is expected"),
    ("E120", VALUE + "¦properties[x]\n", "wants [*], [0], [-1] or [key=value]"),
    ("E121", VALUE + "¦web\n", "For constant text write {value: web}"),
    ("E121", VALUE + '¦"{properties.a} x"\n', "for text with placeholders write {text:"),
    ("E121", WHEN + "{¦typ: track}\n", "did you mean `type`?"),
    ("E122", VALUE + '{text: ¦"a {properties.b"}\n', "a `{` without its `}`"),
    ("E123", VALUE + "¦item.total\n", "`item` only means something inside `each`, `map`, `where` or `collect`"),
    ("E123", HEAD + "settings: {userId: ¦item.id}\nrules: [{track: T, each: properties.l}]\n", "`item` only"),
    ("E141", HEAD + "settings: {anonymousId: ¦[userId]}\nrules: [{drop: true}]\n", "a value is a path"),
    ("E124", HEAD + "vars: {shop: 1}\nrules: [{track: T, properties: {v: ¦vars.shp}}]\n", "did you mean `shop`?"),
    ("E130", WHEN + "{event: {¦liek: A*}}\n", "did you mean `like`?"),
    ("E131", WHEN + "{event: {exists: ¦1}}\n", "`exists` is true or false"),
    ("E131", WHEN + "{event: {like: A*, ignore_case: ¦1}}\n", "`ignore_case` is true or false"),
    ("E131", WHEN + "{properties.a: {above: 1, ¦ignore_case: true}}\n", "needs an operator on text beside it"),
    ("E132", TABLE + "{in: ¦name}}\n", "did you mean `names`?"),
    ("E133", WHEN + '{properties.total: {at_least: ¦"100"}}\n', "`at_least` compares numbers; '100' is not one"),
    ("E134", WHEN + '{event: {regex: ¦"(a+)+"}}\n', "could take for ever"),
    ("E135", WHEN + "¦{}\n", "at least one line"),
    ("E135", WHEN + "{event: ¦{}}\n", "a check needs at least one of"),
    ("E135", WHEN + "{event: ¦{ignore_case: true}}\n", "a check needs at least one of"),
    ("E140", VALUE + "¦{from: properties.a, value: 1}\n", "this one has from, value"),
    ("E140", VALUE + "¦{default: 1}\n", "this one has none"),
    ("E141", VALUE + "¦null\n", "for null write {value: null}"),
    ("E150", VALUE + "{from: properties.a, apply: ¦trim}\n", "a list of steps is expected"),
    ("E150", VALUE + "{from: properties.a, apply: [¦[], upper]}\n", "a step is a word"),
    ("E150", VALUE + "{from: properties.a, apply: [trim, ¦{}]}\n", "a step is a word"),
    ("E151", VALUE + "{from: properties.a, apply: [{truncate: ¦0}]}\n", "from 1 to"),
    ("E151", VALUE + "{from: properties.a, apply: [¦replace]}\n", "`replace` needs a setting"),
    ("E151", VALUE + "{from: properties.a, apply: [{¦trim: 1}]}\n", "`trim` has no setting"),
    ("E152", VALUE + "{from: properties.a, apply: [¦numbr]}\n", "`numbr` is not a step; did you mean `number`?"),
    ("E152", VALUE + "{from: properties.a, apply: [{¦trunc: 1}]}\n", "did you mean `truncate`?"),
    ("E153", VALUE + '{from: properties.a, apply: [{regex: {pattern: ¦"(", with: x}}]}\n', "not a regular expression"),
    ("E154", GUARD + "{named: [a], do: [{¦times: 2}]}\n", "reads other fields"),
    ("E156", VALUE + "{from: properties.a, apply: [{lookup: ¦plan}]}\n", "no table `plan`"),
    ("E157", FOLDED + "tables: {t: {Order Completed: A, ¦order_completed: B}}\n" + NAMED, "are one name where"),
    ("E160", HEAD + "rules: [{send: [¦{only: [a]}]}]\n", "this one has neither"),
    ("E161", HEAD + "rules: [{identify: true, ¦properties: {a: traits.b}}]\n", "sets `traits`, not `properties`"),
    ("E162", RULE + "    use: [¦where]\n", "no shared block `where`"),
    ("E163", RULE + "    flatten: ¦____\n", "a separator has 1 to 3 characters"),
    ("E164", RULE + "    rename: {a: c, b: ¦c}\n", "cannot both become `c`"),
    ("E170", GUARD + "¦{fields: [properties.a], named: [b], do: remove}\n", "this one has both"),
    ("E171", GUARD + "{named: [a], do: ¦hide}\n", "`do` is `remove` or a list of steps"),
    ("E172", GUARD + "{fields: [¦vars.a], do: remove}\nvars: {a: 1}\n", "`vars` cannot be guarded"),
    ("W201", HEAD + "rules:\n  - when: {type: track}\n    track: Order¦ #1\n", "the value is only 'Order'"),
    ("W202", RULE + "  - ¦when: {type: track, event: A}\n    track: B\n", "rule 1 on line 3 takes every event"),
    ("W203", HEAD + "tables: {¦names: {a: b}}\nrules: [{track: T}]\n", "nothing uses `names`"),
    ("W204", HEAD + "shared: {¦where: {a: properties.b}}\nrules: [{track: T}]\n", "nothing uses `where`"),
    ("W205", HASHED + "[{when: {¦traits.email: A}, track: T}]\n", "changed by `privacy`"),
    ("W206", RULE + "    flatten: _\n    only: [a.b, ¦a_b]\n", "both become `a_b`"),
    ("W207", VALUE + "¦{list: [properties.a]}\n", "flat values only"),
    ("W208", HEAD + "rules: [{track: ¦event}]\n", "write {from: event}"),
    ("W208", VALUE + "{from: properties.a, default: ¦properties.y}\n", "for the path write {first: […]}"),
    ("W208", VALUE + "{value: ¦properties.y}\n", "write {from: properties.y}"),
    ("W208", VALUE + "{text: ¦traits.email}\n", "write {from: traits.email}"),
    ("W208", WHEN + "{properties.a: {is: ¦properties.b}}\n", "a check compares with a constant"),
    ("W208", WHEN + "{properties.a: ¦context.page.url}\n", "a check compares with a constant"),
    ("W213", RULE + "    only: [¦properties.a]\n", "write `a`"),
    ("W213", RULE + "    except: [b, ¦traits.c.d]\n", "write `c.d`"),
    ("W214", WHEN + "{properties.total: ¦'> 100'}\n", "write {above: 100}"),
    ("W214", WHEN + "{properties.total: {in: [1, ¦'!=5']}}\n", "write {not: 5}"),
    ("W214", WHEN + "{any: [{properties.paid: ¦yes}]}\n", "for a boolean write true"),
    ("W210", WHEN + "{type: ¦purchase}\n", "libraries send track, identify"),
    ("E125", VALUE + "¦event.properties.y\n", "`event` is text or a number"),
    ("E125", WHEN + "{¦userId.email: {exists: true}}\n", "nothing is below it"),
    ("E120", VALUE + "¦properties.a || properties.b\n", "write {from: [a, b]}"),
    ("E120", VALUE + "¦properties.a ?? properties.b\n", "write {from: [a, b]}"),
    ("E120", VALUE + "{text: ¦'{properties.m|?}'}\n", "write {from: [a, b]}"),
    ("E120", VALUE + "¦properties.a + properties.b\n", "the step `plus` for numbers"),
    ("E120", VALUE + "¦properties.a=b\n", 'is quoted: `."a=b"`'),
    ("W210", WHEN + "{type: ¦Track}\n", "did you mean `track`?"),
    ("W210", WHEN + "{any: [{type: {in: [page, ¦trak]}}]}\n", "did you mean `track`?"),
    ("W211", WHEN + "{type: identify, ¦event: Signed Up}\n", "identify messages have no `event`"),
    ("W216", RULE + "    only: [¦'products[*].sku']\n", "write `products.sku`"),
    ("W217", WHEN + "{userId: ¦1001}\n", 'write "1001"'),
    ("W218", VALUE + "¦context.ip_address\n", "libraries send `context.ip`"),
    ("W220", WHEN + "{properties.total: ¦1_000}\n", "write 1000"),
    ("W219", WHEN + "{event: ¦\u201cOrder Completed\u201d}\n", "straight"),
    ("W212", VALUE + "{from: properties.a, apply: [number, ¦upper]}\n", "`upper` makes text of the number"),
    ("W209", FOLDED + SPELLED + "{type: track, ¦event: order_completed}\n    track: C\n", "rule 2 on line 6 spells"),
    ("W202", FOLDED + SPELLED + "{type: track, event: product.added}\n    track: C\n"
     "  - ¦when: {type: track, event: [Product Added]}\n    track: D\n", "every track event of these names"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text", "words"), SEEDED, ids=[f"{row[0]} {row[2][:40]}" for row in SEEDED])
def test_a_seeded_mistake_is_reported_where_it_is(code: str, text: str, words: str) -> None:
    """The mistake is the only error, its place is exact to the column, and the text says what to do."""
    before = text[: text.index("¦")]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    findings = [finding for finding in check(text.replace("¦", ""), file="f.yaml", read=read) if finding.code]
    assert [(finding.code, finding.line, finding.column) for finding in findings] == [(code, line, column)]
    assert words in findings[0].message
    assert findings[0].blocks == code.startswith("E")


def test_a_hash_without_a_key_says_how_to_make_one() -> None:
    """E155 belongs to the server's settings, so `check` is silent and `load` refuses."""
    text = VALUE + "{from: properties.a, apply: [hash]}\n"
    assert not any(finding.blocks for finding in check(text, file="f.yaml", read=read))
    with pytest.raises(MappingError, match=r"f\.yaml:5:39: error E155: .*openssl rand -hex 32"):
        load(text, file="f.yaml", read=read, hash_key=None)


def test_every_code_is_seeded() -> None:
    """Every code has a mistake that causes it; E109 is the net under the others.

    E155, E159 and E165 are about the machine, and have tests of their own.
    """
    assert {row[0] for row in SEEDED} | {"E109", "E155", "E159", "E165"} == set(CODES)


def test_all_errors_of_a_file_are_reported_at_once() -> None:
    """Errors in different parts of a file do not wait for one another."""
    text = "version: 1\nrulez: 1\nrules:\n  - track: T\n    propertes: {}\n  - drop: true\n    when: {typ: track}\n"
    with pytest.raises(MappingError) as caught:
        load(text, file="f.yaml", read=read, hash_key=None)
    for code in ("E110", "E111", "E121"):
        assert code in str(caught.value)
