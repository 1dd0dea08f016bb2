"""The words of steps: the part of the table in `language.words` that says which steps there are, each with an example.

`takes` names a shape of `schema.SHAPES`. What a step does is bound to its word in `compile.steps.BUILDERS`.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class StepWord:
    """One step. `bare`: it may stand alone; `takes`: the shape of its setting, or None if it has none.

    `example` is (value, step as written, result); a result that is absent is written as None.
    """

    kind: str
    means: str
    example: tuple[object, object, object]
    bare: bool = True
    takes: str | None = None


STEPS: Final[MappingProxyType[str, StepWord]] = MappingProxyType(
    {
        "trim": StepWord("Text", "Takes white space from both ends", ("  a b ", "trim", "a b")),
        "lower": StepWord("Text", "Small letters", ("Ab", "lower", "ab")),
        "upper": StepWord("Text", "Capital letters", ("Ab", "upper", "AB")),
        "title": StepWord("Text", "Every word begins with a capital", ("jerry's BIG day", "title", "Jerry's Big Day")),
        "snake": StepWord(
            "Text",
            "`snake_case`; camelCase is split only where nothing else separates words, and a text without a word stays",
            ("iOS App Opened", "snake", "ios_app_opened"),
        ),
        "kebab": StepWord(
            "Text", "`kebab-case`, split as `snake` does", ("OrderCompleted", "kebab", "order-completed")
        ),
        "replace": StepWord(
            "Text",
            "Puts `with` in place of `find`, which is plain text, or of what a `pattern` finds",
            ("$19", {"replace": {"find": "$", "with": ""}}, "19"),
            bare=False,
            takes="step replace",
        ),
        "regex": StepWord(
            "Text",
            "As `replace` with `pattern`: a text in which nothing is found stays; `\\1` is the first group",
            ("a-12", {"regex": {"pattern": "[0-9]+", "with": "n"}}, "a-n"),
            bare=False,
            takes="step regex",
        ),
        "truncate": StepWord(
            "Text", "At most so many characters", ("abcdef", {"truncate": 3}, "abc"), bare=False, takes="length"
        ),
        "split": StepWord(
            "Text",
            "A list of the parts between separators",
            ("a,b", {"split": ","}, ["a", "b"]),
            bare=False,
            takes="text",
        ),
        "join": StepWord(
            "Text",
            "One text of the members of a list; absent for an empty one",
            (["a", 1], {"join": "-"}, "a-1"),
            bare=False,
            takes="any text",
        ),
        "extract": StepWord(
            "Text",
            "What the first group of a pattern finds, all of it without a group; absent, without a warning, if nothing",
            ("/de/shop", {"extract": "^/([a-z]{2})/"}, "de"),
            bare=False,
            takes="pattern",
        ),
        "url": StepWord(
            "Text",
            "A part of a URL, decoded: `host`, `domain` (without `www.` and port), `path`, or a parameter of its query",
            ("https://a.test/p?utm_source=News+Letter", {"url": {"query": "utm_source"}}, "News Letter"),
            bare=False,
            takes="step url",
        ),
        "geo": StepWord(
            "Text",
            "`country`, `country_name`, `continent`, `region`, `city`, `timezone` of an address; needs the extra `geo`",
            ("203.0.113.7", {"geo": "country"}, "DE"),
            bare=False,
            takes="place part",
        ),
        "user_agent": StepWord(
            "Text",
            "`browser`, `browser_version`, `os`, `os_version`, `device`, `brand` of a user agent; needs the extra `ua`",
            ("Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", {"user_agent": "browser"}, "Firefox"),
            bare=False,
            takes="user agent part",
        ),
        "strip_query": StepWord(
            "Text",
            "A URL without its query and fragment",
            ("https://a.test/p?x=1#top", "strip_query", "https://a.test/p"),
        ),
        "string": StepWord("Type", "Text; objects become JSON", (5.0, "string", "5")),
        "number": StepWord("Type", "A number; text that is one becomes one", (" 19.99 ", "number", 19.99)),
        "integer": StepWord("Type", "A whole number; never rounds", ("5", "integer", 5)),
        "boolean": StepWord(
            "Type", "true or false; `yes`, `1`, `on` and their opposites as well", ("yes", "boolean", True)
        ),
        "date": StepWord(
            "Type",
            "A date in the form Browsee shows, or as a format says; ISO 8601 or seconds or milliseconds since 1970",
            (1704164645, "date", "2024-01-02T03:04:05.000Z"),
            takes="step date",
        ),
        "since": StepWord(
            "Type",
            "The time from the date at a path to this one, in `seconds`, `minutes`, `hours`, `days` or `weeks`",
            ("2024-01-05T12:00:00Z", {"since": {"from": "properties.signed_up", "in": "days"}}, 3.5),
            bare=False,
            takes="step since",
        ),
        "json": StepWord("Type", "JSON text of anything", ({"a": [1]}, "json", '{"a":[1]}')),
        "parse_json": StepWord("Type", "What a JSON text says", ('{"a":1}', "parse_json", {"a": 1})),
        "round": StepWord(
            "Number",
            "Rounds halves away from zero, to so many digits or to a whole number",
            (2.675, {"round": 2}, 2.68),
            takes="digits",
        ),
        "times": StepWord("Number", "Multiplied by a value", (3, {"times": 2}, 6), bare=False, takes="value"),
        "divided_by": StepWord(
            "Number", "Divided by a value; absent by 0", (1999, {"divided_by": 100}, 19.99), bare=False, takes="value"
        ),
        "plus": StepWord("Number", "A value added", (3, {"plus": 2}, 5), bare=False, takes="value"),
        "minus": StepWord("Number", "A value taken away", (3, {"minus": 2}, 1), bare=False, takes="value"),
        "sum": StepWord("List", "The sum of the numbers of a list; absent for an empty one", ([3, 8, 4], "sum", 15)),
        "count": StepWord("List", "How many members a list has", (["a", "b"], "count", 2)),
        "first": StepWord("List", "The first member", (["a", "b"], "first", "a")),
        "last": StepWord("List", "The last member", (["a", "b"], "last", "b")),
        "unique": StepWord("List", 'Each member once; 5 and "5" differ', (["a", "b", "a"], "unique", ["a", "b"])),
        "min": StepWord("List", "The smallest number of a list", ([3, 1, 2], "min", 1)),
        "max": StepWord("List", "The greatest number of a list", ([3, 1, 2], "max", 3)),
        "sort": StepWord(
            "List",
            "Smallest first, numbers before texts; by a value of each member, and `down`, if wanted; up to 1,000",
            ([{"n": 1}, {"n": 3}], {"sort": {"by": "item.n", "down": True}}, [{"n": 3}, {"n": 1}]),
            takes="step sort",
        ),
        "map": StepWord(
            "List",
            "An object of fields for every member, which is `item`",
            ([{"id": 1, "x": 2}], {"map": {"sku": "item.id"}}, [{"sku": 1}]),
            bare=False,
            takes="fields",
        ),
        "where": StepWord(
            "List",
            "The members for which a condition on `item` holds",
            ([{"n": 1}, {"n": 5}], {"where": {"item.n": {"above": 2}}}, [{"n": 5}]),
            bare=False,
            takes="condition",
        ),
        "collect": StepWord(
            "List",
            "A list of one value for every member, which is `item`; absent ones are left out",
            ([{"n": 1}, {"x": 2}, {"n": 3}], {"collect": "item.n"}, [1, 3]),
            bare=False,
            takes="value",
        ),
        "pick": StepWord(
            "Object",
            "Keeps these fields only",
            ({"a": 1, "b": 2}, {"pick": ["a"]}, {"a": 1}),
            bare=False,
            takes="globs",
        ),
        "drop": StepWord(
            "Object",
            "Leaves these fields out",
            ({"a": 1, "b": 2}, {"drop": ["a"]}, {"b": 2}),
            bare=False,
            takes="globs",
        ),
        "only": StepWord(
            "Object", "As `pick`", ({"a": 1, "b": 2}, {"only": ["a"]}, {"a": 1}), bare=False, takes="globs"
        ),
        "except": StepWord(
            "Object", "As `drop`", ({"a": 1, "b": 2}, {"except": ["a"]}, {"b": 2}), bare=False, takes="globs"
        ),
        "get": StepWord(
            "Object",
            "The member of this name, or of a list at this place: from 0, -1 the last; the name may be a value",
            ({"plan": "pro"}, {"get": "plan"}, "pro"),
            bare=False,
            takes="step get",
        ),
        "keys": StepWord(
            "Object",
            "The names of the members that are neither null nor false",
            ({"a": True, "b": False}, "keys", ["a"]),
        ),
        "rename": StepWord(
            "Object", "Old name to new name", ({"a": 1}, {"rename": {"a": "b"}}, {"b": 1}), bare=False, takes="names"
        ),
        "flatten": StepWord(
            "Object",
            "Nested objects become `a_b`; lists stay whole",
            ({"a": {"b": 1}}, "flatten", {"a_b": 1}),
            takes="separator text",
        ),
        "lookup": StepWord(
            "Table",
            "What a table has for this text; without an entry the value stays as it is",
            ("p_pro", {"lookup": "plans"}, "Pro"),
            bare=False,
            takes="step lookup",
        ),
        "hash": StepWord(
            "Privacy",
            "A keyed hash (HMAC-SHA-256 with the server's key), or a plain `sha256` or `md5`",
            ("a", {"hash": "md5"}, "0cc175b9c0f1b6a831c399e269772661"),
            takes="hash",
        ),
        "mask": StepWord(
            "Privacy",
            "Stars instead of characters, except for the last `keep`",
            ("4111", {"mask": {"keep": 1}}, "***1"),
            takes="step mask",
        ),
    }
)
