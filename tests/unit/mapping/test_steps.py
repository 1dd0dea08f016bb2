"""Each step on what it is for, on what it cannot use, on lists, on null."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.mapping.compile.steps import BUILDERS
from adapter.mapping.language.step_words import STEPS
from adapter.mapping.run import list_steps
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.scalars import same
from tests.unit.mapping.reading import value_of

DEEP: list[Any] = []
for _ in range(400):
    DEEP = [DEEP]


SIGNED_UP = "2024-01-02T00:00:00Z"


def applied(value: Any, *steps: Any, **words: Any) -> tuple[Any, list[str]]:
    return value_of(
        {"from": "properties.x", "apply": list(steps)}, properties={"x": value, "signed_up": SIGNED_UP}, **words
    )


def test_every_step_has_a_builder_and_a_word() -> None:
    """The table of words and the table of builders name the same steps."""
    assert set(STEPS) == set(BUILDERS)


@pytest.mark.parametrize("name", STEPS)
def test_the_example_of_each_step_is_true(name: str) -> None:
    """What the reference page shows of a step is what it does."""
    value, step, result = STEPS[name].example
    tables = {"plans": {"p_pro": "Pro"}} if name == "lookup" else None
    assert same(applied(value, step, tables=tables)[0], result)


@pytest.mark.parametrize("name", STEPS)
def test_null_and_missing_are_passed_over(name: str) -> None:
    """A null passes every step unchanged and what is missing stays absent, both without a warning."""
    step = STEPS[name].example[1]
    tables = {"plans": {"p_pro": "Pro"}} if name == "lookup" else None
    assert applied(None, step, tables=tables) == (None, [])
    assert value_of({"from": "properties.gone", "apply": [step]}, tables=tables) == (ABSENT, [])


@pytest.mark.parametrize(
    ("value", "step", "result"),
    [
        ("19.99", "number", 19.99), (" 19.99 ", "number", 19.99), ("5", "number", 5), (5.0, "number", 5.0),
        ("-1e3", "number", -1000.0), (".5", "number", 0.5), ("+7", "number", 7),
        ("$19.99", "number", ABSENT), ("1,299", "number", ABSENT), (True, "number", ABSENT), ("", "number", ABSENT),
        ("1e999", "number", ABSENT), ("9" * 400, "number", ABSENT), (10**400, "number", ABSENT),
        ("1_0", "number", ABSENT),
        ("nan", "number", ABSENT), ("0x10", "number", ABSENT), ("٣", "number", ABSENT), ({}, "number", ABSENT),
        ("5", "integer", 5), (5.0, "integer", 5), (5.7, "integer", ABSENT), ("3.7", "integer", ABSENT),
        (1e300, "integer", ABSENT), ("", "integer", ABSENT), (True, "integer", ABSENT),
        ("True", "boolean", True), ("YES", "boolean", True), (1, "boolean", True), ("on", "boolean", True),
        ("off", "boolean", False), (0, "boolean", False), ("no", "boolean", False), (False, "boolean", False),
        ("maybe", "boolean", ABSENT), (2, "boolean", ABSENT), ([], "boolean", []), ({}, "boolean", ABSENT),
        (5.0, "string", "5"), (True, "string", "true"), (1e21, "string", "1e+21"), (1e-7, "string", "1e-7"),
        (0.000015, "string", "0.000015"), (1704164645123, "string", "1704164645123"), ({"a": 5.0}, "string", '{"a":5}'),
        ("2024-05-06T07:08:09+02:00", "date", "2024-05-06T05:08:09.000Z"),
        ("2024-05-06", "date", "2024-05-06T00:00:00.000Z"),
        ("1704164645123", "date", "2024-01-02T03:04:05.123Z"), (1704164645.5, "date", "2024-01-02T03:04:05.500Z"),
        ("2024-13-01", "date", ABSENT), ("soon", "date", ABSENT), (True, "date", ABSENT), (12, "date", ABSENT),
        ("0001-01-01T00:00:00+14:00", "date", ABSENT), ("20240102", "date", ABSENT),
        ({"b": 1}, "json", '{"b":1}'), ([1.0], "json", "[1]"), (DEEP, "json", ABSENT),
        ("[1,2]", "parse_json", [1, 2]), ("{", "parse_json", ABSENT), ("NaN", "parse_json", ABSENT),
        (5, "parse_json", ABSENT),
    ],
)  # fmt: skip
def test_types(value: Any, step: str, result: Any) -> None:
    """Nothing is guessed and nothing rounds silently; what cannot be read is left out, with one warning."""
    found, warnings = applied(value, step)
    assert found is result or same(found, result)
    assert len(warnings) == (1 if result is ABSENT else 0)


@pytest.mark.parametrize(
    ("value", "step", "result"),
    [
        (5, "lower", "5"), (True, "upper", "TRUE"), ({}, "trim", ABSENT),
        ("camelUSCase", "snake", "camel_us_case"), ("Camel Case", "snake", "camel_case"), ("a.b-c", "snake", "a_b_c"),
        ("HTTPServer", "kebab", "http-server"), ("🎉", "snake", "🎉"), ("Été Indien", "snake", "été_indien"),
        ("it's ME", "title", "It's Me"),
        ("a+b+c", {"replace": {"find": "+", "with": "", "once": True}}, "ab+c"),
        ("AaB-aab", {"replace": {"find": "AAB", "with": "\\1", "ignore_case": True}}, "\\1-\\1"),
        ("x" * 3, {"truncate": 2}, "xx"), ("a", {"split": ","}, ["a"]),
        ([1, None, "b"], {"join": "-"}, "1-b"), ([{}], {"join": "-"}, ABSENT), ([], {"join": "-"}, ABSENT),
        ("a@b.test", {"regex": {"pattern": "(.*)@.*", "with": "\\1"}}, "a"),
        ("/p#x?y", "strip_query", "/p"), ("a", {"mask": {"keep": 3}}, "*"), ("abcd", "mask", "****"),
        ("A" * 64, {"hash": "sha256"}, "A" * 64), ("a" * 32, {"hash": "md5"}, "a" * 32),
        ("ada@shop.test", "hash", "1a62903510bc4e3f90f281019b7c343d704df6c911356309c2056f94316a7287"),
    ],
)  # fmt: skip
def test_texts(value: Any, step: Any, result: Any) -> None:
    """Text steps answer text, read numbers and booleans as text, and leave out what is none."""
    found = applied(value, step)[0]
    assert same(found, result) or found is result


def test_the_keyed_hash_is_always_applied() -> None:
    """Also a text that looks hashed already: a sender must not choose what is stored."""
    found, _ = applied("1" * 64, "hash")
    assert found != "1" * 64
    assert applied("1" * 64, {"hash": "hmac-sha256"})[0] == found


@pytest.mark.parametrize(
    ("value", "step", "result"),
    [
        (2.5, "round", 3), (-2.5, "round", -3), (1.005, {"round": 2}, 1.01), (7, {"round": 2}, 7),
        ("7", "round", ABSENT),
        (1.5e-7, {"round": 6}, 0.0), (27.5, {"round": 2}, 27.5), (-19.99, {"round": 2}, -19.99),
        (2.675, {"round": 2}, 2.68),
        (float("inf"), "number", ABSENT), (float("inf"), {"round": 2}, ABSENT),
        (1e300, "round", 1e300), (1e16, {"round": 1}, 1e16), (1.25e-7, {"round": 2}, 0.0),
        (3, {"times": 2.5}, 7.5), (1e308, {"times": 10}, ABSENT), (2**62, {"times": 4}, float(2**64)),
        ("3", {"times": 2}, ABSENT),
        (3, {"plus": "properties.gone"}, ABSENT), (True, {"plus": 1}, ABSENT), (10**400, {"plus": 0.5}, ABSENT),
        ([0.1, 0.2, 0.3], "sum", 0.6), ([], "sum", ABSENT), ([None], "sum", ABSENT),
        ([1, "2"], "sum", ABSENT), ([1, None], "sum", 1),
        ([1e308, 1e308], "sum", ABSENT), ([2**62, 2**62], "sum", float(2**63)),
        ([1, None], "count", 1), ({}, "count", 0), ([], "count", 0), ([], "min", ABSENT),
        ([], "first", ABSENT), ([None, 2], "last", 2), ([], "last", ABSENT),
        ([1, 1.0, "1", True, [1], [1.0]], "unique", [1, "1", True, [1]]),
        ([2, "a"], "min", ABSENT), ([2, 3.5], "max", 3.5), ("a", "max", ABSENT),
    ],
)  # fmt: skip
def test_numbers_and_lists(value: Any, step: Any, result: Any) -> None:
    """Arithmetic on numbers only, never beyond what JSON carries; of nothing comes nothing."""
    found = applied(value, step)[0]
    assert same(found, result) or found is result


@pytest.mark.parametrize(
    ("value", "step", "result"),
    [
        ({"a": {"b": 1, "c": 2}, "d": 3}, {"pick": ["a.b"]}, {"a": {"b": 1}}),
        ({"a": {"b": 1}, "d": 3}, {"drop": ["a.b"]}, {"d": 3}),
        ({"a": {}, "l": []}, {"drop": ["a.b", "l.x"]}, {"a": {}, "l": []}),
        ({"l": [{"x": 1}, {"x": 1, "y": 2}, 5]}, {"drop": ["l.x"]}, {"l": [{"y": 2}, 5]}),
        ({"l": [{"x": 1}, {"y": 2}, 5]}, {"pick": ["l.x"]}, {"l": [{"x": 1}]}),
        ({"a_x": 1, "b": 2}, {"pick": ["*_x"]}, {"a_x": 1}),
        ({"a.b": 1, "a": {"b": 2}}, {"pick": ['"a.b"']}, {"a.b": 1}),
        ([{"a": 1}, {"b": 2}, {}], {"pick": ["a"]}, [{"a": 1}, {}]),
        ({"b": 1}, {"pick": ["a"]}, ABSENT),
        ({}, {"drop": ["a"]}, {}),
        (5, {"pick": ["a"]}, ABSENT),
        ({"a": 1, "b": 2}, {"rename": {"a": "b", "b": "a"}}, {"a": 2, "b": 1}),
        ({"a": 1, "b": 2, "c": 3}, {"rename": {"a": "b"}}, {"b": 1, "c": 3}),
        ({"a": 1, "b": 2}, {"rename": {"a": "b", "b": "c"}}, {"b": 1, "c": 2}),
        ({"a": {"b": {}}, "c": [1, {"d": 2}]}, "flatten", {"a_b": {}, "c": [1, {"d": 2}]}),
        ({"a": {"b": 1}}, {"flatten": "."}, {"a.b": 1}),
        (5, "flatten", ABSENT),
    ],
)
def test_objects(value: Any, step: Any, result: Any) -> None:
    """Names reach inside objects and lists; what is emptied vanishes, what was sent empty stays."""
    found = applied(value, step)[0]
    assert same(found, result) or found is result


@pytest.mark.parametrize(
    ("value", "step", "cause"),
    [
        ({"a": {"b": 1}, "a_b": 2}, "flatten", "the same when flattened"),
        ({"a": 1, "b": 2}, {"rename": {"a": "b"}}, "took the place"),
    ],
    ids=["flatten", "rename"],
)
def test_clashes_warn(value: Any, step: Any, cause: str) -> None:
    """Where one of two names is lost, a warning says so."""
    assert cause in applied(value, step)[1][0]


def test_steps_act_on_each_member_of_a_list() -> None:
    """Members that a step cannot use are left out with one warning; nulls are passed over without."""
    assert applied([" A ", None, {}, 5], "trim", "lower") == (["a", "5"], ["`trim`: an empty object is not text"])


@pytest.mark.parametrize(
    ("value", "steps", "cause"),
    [
        ("1,234.50", ["trim", "number"], "`number`: a text with a comma is not a number"),
        ("$12", ["number"], "`number`: a text with a currency sign is not a number"),
        ("12 %", ["number"], "`number`: a text with a percent sign is not a number"),
        ("", ["number"], "`number`: an empty text is not a number"),
        (True, ["number"], "`number`: true or false is not a number"),
        ([1, "x"], ["number"], "`number`: a text with letters is not a number"),
        (10**400, ["number"], "`number`: the number is too large"),
        (5.7, ["integer"], "`integer`: a number is not a whole number"),
        ("soon", ["date"], "`date`: a text with letters is not a date"),
        ([1, "x"], ["sum"], "`sum`: not a list of numbers"),
        (5, [{"pick": ["a"]}], "`pick`: a number is not an object"),
        (5, ["flatten"], "`flatten`: a number is not an object"),
        (5, [{"plus": "properties.gone"}], "`plus`: `properties.gone` is absent"),
        (5, [{"times": {"from": ["name", "event"]}}],
         "`times`: `name`, `event` is a text with letters, not a number"),
        ("5", [{"times": 2}], "`times`: a text is not a number"),
        (1e308, [{"times": 10}], "`times`: the result is too large"),
    ],
    ids=str,
)  # fmt: skip
def test_a_cause_names_step_and_shape(value: Any, steps: Any, cause: str) -> None:
    """What was found is said by kind and shape; the value itself is in no message."""
    assert applied(value, *steps)[1] == [cause]


@pytest.mark.parametrize("total", ["sum", "min", "max"])
def test_a_total_is_of_all_members_or_absent(total: str) -> None:
    """A total without one member looks right, and is not. What the author has a default for is used."""
    prices = [{"p": "5"}, {"p": "1,5"}, {"p": 1}]
    no_total = f"`{total}`: a member could not be used, so there is no total"
    assert value_of({"from": "properties.v[*].p", "apply": ["number", total]}, properties={"v": prices}) == (
        ABSENT, ["`number`: a text with a comma is not a number", no_total]
    )  # fmt: skip
    read: Any = {"from": "item.p", "apply": ["number"]}
    found, causes = applied(prices, {"collect": read}, total)
    assert (found, causes[-1]) == (ABSENT, no_total)
    assert applied(prices, {"collect": {**read, "default": 2}}, total)[0] == {"sum": 8, "min": 1, "max": 5}[total]
    assert applied([*prices[::2], {}], {"collect": read}, total) == ({"sum": 6, "min": 1, "max": 5}[total], [])


@pytest.mark.parametrize("steps", [["number"], [{"round": 2}], [{"times": 1}], [{"plus": 0}]])
def test_zero_has_no_sign(steps: Any) -> None:
    """JavaScript and people write -0 as 0."""
    for value in (-0.0, -0.0001):
        found, _ = applied(value, *steps, {"round": 2})
        assert repr(found) in {"0", "0.0"}


def test_map_and_where_see_the_event_as_well() -> None:
    """Inside, `item` and `index` are the member; everything else is as outside, and is so again afterwards."""
    value = {
        "from": "properties.l",
        "apply": [{"where": {"item.n": {"above": 1}}}, {"map": {"n": "item.n", "at": "index", "o": "properties.o"}}],
    }
    found, _ = value_of(value, properties={"l": [{"n": 1}, None, {"n": 2}, {"n": 3}], "o": 7})
    assert found == [{"n": 2, "at": 0, "o": 7}, {"n": 3, "at": 1, "o": 7}]


LOOKUP = {"names": {"a": "Alpha", "5": 5, "n": None}}


@pytest.mark.parametrize(
    ("value", "setting", "result"),
    [
        ("a", "names", "Alpha"), (5, "names", 5), ("z", "names", "z"), ({"o": 1}, "names", {"o": 1}),
        ("n", "names", None),
        ("A", {"in": "names", "ignore_case": True}, "Alpha"), ("A", {"in": "names"}, "A"),
        ("z", {"in": "names", "else": "omit"}, ABSENT), ("z", {"in": "names", "else": {"value": 0}}, 0),
        (["a", "z"], {"in": "names", "else": "omit"}, ["Alpha"]), ({"o": 1}, {"in": "names", "else": "omit"}, ABSENT),
    ],
)  # fmt: skip
def test_lookups(value: Any, setting: Any, result: Any) -> None:
    """A miss keeps the value, leaves it out or becomes a constant, as the file says; never with a warning."""
    found, warnings = applied(value, {"lookup": setting}, tables=LOOKUP)
    assert same(found, result) or found is result
    assert warnings == []


def test_no_step_makes_a_text_without_end() -> None:
    """A text that would become too long is not made, and a warning says so."""
    grow = {"replace": {"find": "a", "with": "a" * 200}}
    assert len(applied("a", grow, grow)[0]) == 40_000
    assert applied("a", *[grow] * 8) == (ABSENT, ["`replace`: the text is too long"])
    assert applied(["a" * 40_000] * 2, {"join": ""}) == (ABSENT, ["`join`: not a list of texts, or too long"])
    assert value_of({"text": "{properties.x}{properties.x}"}, properties={"x": "a" * 40_000}) == (ABSENT, ["too long"])


def test_what_a_pattern_could_not_look_at_does_not_get_through() -> None:
    """A text too long to be searched is left out as a whole: its tail could hold what was to be taken out."""
    redact = {"regex": {"pattern": "[0-9]{4}", "with": "#"}}
    assert applied("1234" + "x" * 4000, redact)[0] == "#" + "x" * 4000
    assert applied("x" * 4093 + "1234", redact) == (ABSENT, ["`regex`: the text is too long"])


@pytest.mark.parametrize(
    ("value", "step", "result"),
    [
        (1999, {"times": 0.01}, 19.99),
        (0.1, {"plus": 0.2}, 0.3),
        ([0.1, 0.2], "sum", 0.3),
        ([10, 0.1, 0.2], "sum", 10.3),
        (1.1, {"times": 1.1}, 1.21),
        (3, {"times": 2}, 6),
        (1e308, {"times": 10}, None),
        (1e-300, {"times": 1e-300}, 0.0),
        (2**53 + 1, {"times": 1}, 2**53 + 1),
    ],
)
def test_numbers_are_computed_as_people_write_them(value: object, step: object, result: object) -> None:
    """In decimals of the digits that are printed, so that cents stay cents; what is too large is absent."""
    computed, _ = applied(value, step)
    assert computed == (ABSENT if result is None else result)


URL = "https://user:pw@www.Shop.test:8443/caf%C3%A9/a?utm_source=News+Letter&x=%26&utm_source=2&empty=#top?utm_source=3"


@pytest.mark.parametrize(("length", "is_readable"), [(2_000, True), (2_001, True), (65_536, True), (65_537, False)])
def test_a_url_is_read_up_to_a_length(length: int, is_readable: bool) -> None:
    """A port that is none makes it no URL at any length."""
    for port, is_url in (("80", True), ("80x", False)):
        url = f"https://a.test:{port}/?x=1&y="
        found, causes = applied(url.ljust(length, "z"), {"url": {"query": "x"}})
        assert (found, len(causes)) == (("1", 0) if is_readable and is_url else (ABSENT, 1))


@pytest.mark.parametrize(
    ("value", "step", "result"),
    [
        (URL, {"url": "host"}, "www.shop.test:8443"),
        (URL, {"url": "domain"}, "shop.test"),
        (URL, {"url": "path"}, "/café/a"),
        (URL, {"url": {"query": "utm_source"}}, "News Letter"),
        (URL, {"url": {"query": "x"}}, "&"),
        (URL, {"url": {"query": "empty"}}, None),
        (URL, {"url": {"query": "gone"}}, None),
        ("?utm_source=a%20b", {"url": {"query": "utm_source"}}, "a b"),
        ("utm_source=a", {"url": {"query": "utm_source"}}, "a"),
        ("/pricing?plan=pro", {"url": {"query": "plan"}}, "pro"),
        ("/a=b/c", {"url": {"query": "/a"}}, None),
        ("?a%20b=1", {"url": {"query": "a b"}}, "1"),
        ("?a+b=1", {"url": {"query": "a b"}}, "1"),
        ("?a+b=1", {"url": {"query": "a+b"}}, "1"),
        ("?a=1&%61=2", {"url": {"query": "a"}}, "1"),
        ("?%61=2&a=1", {"url": {"query": "a"}}, "2"),
        ("/pricing", {"url": "host"}, None),
        ("android-app://com.test/", {"url": "domain"}, "com.test"),
        ("", {"url": "host"}, None),
        ("%ff", {"url": "path"}, "\ufffd"),
        ("/de/shop", {"extract": "^/([a-z]{2})(?:/|$)"}, "de"),
        ("order 17 of 20", {"extract": "[0-9]+"}, "17"),
        ("nothing", {"extract": "[0-9]+"}, None),
        ("b", {"extract": "(a)|b"}, None),
        ({"a": {"b": 1}}, {"get": "a"}, {"b": 1}),
        ([1, 2, 3], {"get": -1}, 3),
        ([1, 2, 3], {"get": 3}, None),
        ({"7": "x"}, {"get": 7}, "x"),
        ({"a": 1}, {"get": "b"}, None),
        (10, {"minus": 2.5}, 7.5),
        (6, {"divided_by": 3}, 2),
        (1, {"divided_by": 3}, 1 / 3),
        (7.5, {"divided_by": 2.5}, 3),
        ([3, "b", 1, None, "a", {"x": 1}], "sort", [1, 3, "a", "b", {"x": 1}]),
        ([3, 1, 2], {"sort": {"down": True}}, [3, 2, 1]),
        ([{"n": 1, "p": 5}, {"n": 2}, {"n": 3, "p": 9}], {"sort": {"by": "item.p", "down": True}},
         [{"n": 3, "p": 9}, {"n": 1, "p": 5}, {"n": 2}]),
        ({"a": True, "b": False, "c": None, "d": 0}, "keys", ["a", "d"]),
        ("2024-01-02T23:30:00Z", {"date": {"as": "%A %H", "zone": "Asia/Tokyo"}}, "Wednesday 08"),
        ("2024-01-02T23:30:00Z", {"date": {"as": "%Y-%m-%d"}}, "2024-01-02"),
        ("2024-01-02T23:30:00.5Z", {"date": {"as": "epoch"}}, 1704238200),
        ("2024-01-02T23:30:00.5Z", {"date": {"as": "epoch_ms"}}, 1704238200500),
        (20241231, {"date": {"from": "%Y%m%d", "as": "%d %B"}}, "31 December"),
        (1e-07, {"round": 2}, 0.0),
        ("31/12/2024", {"date": {"from": "%d/%m/%Y"}}, "2024-12-31T00:00:00.000Z"),
        ("31/12/2024", {"date": {"from": "%d/%m/%Y", "zone": "America/New_York"}}, "2024-12-31T05:00:00.000Z"),
        ("2024-01-03T12:00:00Z", {"since": {"from": "properties.signed_up", "in": "hours"}}, 36),
        ("2024-01-01T00:00:00Z", {"since": {"from": "properties.signed_up"}}, -1),
        ("2024-01-01T00:00:00Z", {"since": {"from": "properties.gone"}}, None),
        ({"utm_source": 1, "utm_medium": 2, "x": 3}, {"rename": {"utm_*": "campaign_*", "utm_medium": "m"}},
         {"campaign_source": 1, "m": 2, "x": 3}),
        ({"a": 1}, {"rename": {"*": "company_*"}}, {"company_a": 1}),
    ],
)  # fmt: skip
def test_what_is_found_and_computed(value: Any, step: Any, result: Any) -> None:
    """Nothing found is absent, without a warning."""
    assert applied(value, step) == (ABSENT if result is None else result, [])


@pytest.mark.parametrize(
    ("value", "step", "cause"),
    [
        ("http://[broken", {"url": "host"}, "`url`: a text with letters is not a URL"),
        ("http://a.test:port/", {"url": "domain"}, "`url`: a text with letters is not a URL"),
        ({"a": 1}, {"url": "host"}, "`url`: an object is not a URL"),
        (7, {"extract": "[0-9]"}, "`extract`: a number is not text"),
        ("text", {"get": "a"}, "`get`: a text with letters is neither an object nor a list"),
        (7, {"divided_by": 0}, "`divided_by`: its operand is 0"),
        (1e300, {"divided_by": 1e-300}, "`divided_by`: the result is too large"),
        ("x", {"minus": 1}, "`minus`: a text with letters is not a number"),
        ("2024-01-01", {"minus": 1}, "`minus`: a text is not a number; the time between two dates is the step `since`"),
        (list(range(1001)), "sort", "`sort`: more than 1000 members"),
        ("text", "keys", "`keys`: a text with letters is not an object"),
        ("0001-01-01T00:00:00Z", {"date": {"as": "%Y", "zone": "America/New_York"}}, None),
        ("31.12.2024", {"date": {"from": "%d/%m/%Y"}}, "`date`: a text is not a date"),
        ("soon", {"since": {"from": "properties.signed_up"}}, "`since`: a text with letters is not a date"),
    ],
)
def test_what_cannot_be_read_is_absent_with_a_warning(value: Any, step: Any, cause: str | None) -> None:
    """The warning names the step and what it was given, never the value."""
    result, causes = applied(value, step)
    assert result is ABSENT
    assert causes == ([cause] if cause is not None else causes[:1])
    assert len(causes) == 1


@given(
    one=st.integers(-(10**7), 10**7),
    other=st.integers(-(10**7), 10**7),
    places=st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
@settings(max_examples=2_000, deadline=None)
def test_the_fast_way_of_arithmetic_is_the_decimal_one(one: int, other: int, places: tuple[int, int]) -> None:
    """Of numbers as people write them: what floats give is taken only where it is the same."""
    left, right = Decimal(one).scaleb(-places[0]), Decimal(other).scaleb(-places[1])
    for compute, exact in (
        (list_steps.product, left * right),
        (list_steps.added, left + right),
        (list_steps.difference, left - right),
    ):
        assert compute(float(left), float(right)) == float(exact)
    assert list_steps.total([float(left), float(right), 0.5]) == float(left + right + Decimal("0.5"))
