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
        "trim": StepWord("Text", "Removes white space from both ends", ("  a b ", "trim", "a b")),
        "lower": StepWord("Text", "Lower case", ("Ab", "lower", "ab")),
        "upper": StepWord("Text", "Upper case", ("Ab", "upper", "AB")),
        "title": StepWord("Text", "Capitalizes every word", ("jerry's BIG day", "title", "Jerry's Big Day")),
        "snake": StepWord(
            "Text",
            "`snake_case`; camelCase is split only if nothing else separates words; a text without a word is unchanged",
            ("iOS App Opened", "snake", "ios_app_opened"),
        ),
        "kebab": StepWord("Text", "`kebab-case`, split like `snake`", ("OrderCompleted", "kebab", "order-completed")),
        "replace": StepWord(
            "Text",
            "Replaces the plain text `find`, or matches of a `pattern`, by `with`",
            ("$19", {"replace": {"find": "$", "with": ""}}, "19"),
            bare=False,
            takes="step replace",
        ),
        "regex": StepWord(
            "Text",
            "Same as `replace` with `pattern`: a text without a match is unchanged; `\\1` is the first group",
            ("a-12", {"regex": {"pattern": "[0-9]+", "with": "n"}}, "a-n"),
            bare=False,
            takes="step regex",
        ),
        "truncate": StepWord(
            "Text",
            "Cuts the text to this many characters",
            ("abcdef", {"truncate": 3}, "abc"),
            bare=False,
            takes="length",
        ),
        "split": StepWord(
            "Text",
            "Splits a text into a list",
            ("a,b", {"split": ","}, ["a", "b"]),
            bare=False,
            takes="text",
        ),
        "join": StepWord(
            "Text",
            "Joins the members of a list into a text; absent for an empty list",
            (["a", 1], {"join": "-"}, "a-1"),
            bare=False,
            takes="any text",
        ),
        "extract": StepWord(
            "Text",
            "The first group of a match, or the whole match; absent without a warning if nothing matches",
            ("/de/shop", {"extract": "^/([a-z]{2})/"}, "de"),
            bare=False,
            takes="pattern",
        ),
        "url": StepWord(
            "Text",
            "A decoded part of a URL: `host`, `domain` (without `www.` and port), `path`, or a query parameter",
            ("https://a.test/p?utm_source=News+Letter", {"url": {"query": "utm_source"}}, "News Letter"),
            bare=False,
            takes="step url",
        ),
        "geo": StepWord(
            "Text",
            "`country`, `country_name`, `continent`, `region`, `city` or `timezone` of an IP; needs the extra `geo`",
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
            "Removes query and fragment from a URL",
            ("https://a.test/p?x=1#top", "strip_query", "https://a.test/p"),
        ),
        "string": StepWord("Type", "Converts to text; objects become JSON", (5.0, "string", "5")),
        "number": StepWord(
            "Type",
            "Converts text to a number; with separators given, also an amount with a currency",
            ("1.234,50 €", {"number": {"decimal": ",", "thousands": "."}}, 1234.5),
            takes="step number",
        ),
        "integer": StepWord("Type", "Converts to a whole number; does not round", ("5", "integer", 5)),
        "boolean": StepWord(
            "Type",
            "Converts to true or false; `yes`, `1`, `on` and their opposites are accepted",
            ("yes", "boolean", True),
        ),
        "date": StepWord(
            "Type",
            "A date in Browsee's format or a given one; reads ISO 8601, and seconds or milliseconds since 1970",
            (1704164645, "date", "2024-01-02T03:04:05.000Z"),
            takes="step date",
        ),
        "since": StepWord(
            "Type",
            "The time from the date at a path to this date, in `seconds`, `minutes`, `hours`, `days` or `weeks`",
            ("2024-01-05T12:00:00Z", {"since": {"from": "properties.signed_up", "in": "days"}}, 3.5),
            bare=False,
            takes="step since",
        ),
        "json": StepWord("Type", "Converts any value to JSON text", ({"a": [1]}, "json", '{"a":[1]}')),
        "parse_json": StepWord("Type", "Parses JSON text", ('{"a":1}', "parse_json", {"a": 1})),
        "round": StepWord(
            "Number",
            "Rounds to this many digits, or to a whole number; halves are rounded away from zero",
            (2.675, {"round": 2}, 2.68),
            takes="digits",
        ),
        "times": StepWord("Number", "Multiplies by a value", (3, {"times": 2}, 6), bare=False, takes="value"),
        "divided_by": StepWord(
            "Number",
            "Divides by a value; absent if the value is 0",
            (1999, {"divided_by": 100}, 19.99),
            bare=False,
            takes="value",
        ),
        "plus": StepWord("Number", "Adds a value", (3, {"plus": 2}, 5), bare=False, takes="value"),
        "minus": StepWord("Number", "Subtracts a value", (3, {"minus": 2}, 1), bare=False, takes="value"),
        "sum": StepWord("List", "The sum of a list of numbers; absent for an empty list", ([3, 8, 4], "sum", 15)),
        "count": StepWord("List", "The number of members of a list", (["a", "b"], "count", 2)),
        "first": StepWord("List", "The first member", (["a", "b"], "first", "a")),
        "last": StepWord("List", "The last member", (["a", "b"], "last", "b")),
        "unique": StepWord(
            "List", 'Removes repeated members; 5 and "5" differ', (["a", "b", "a"], "unique", ["a", "b"])
        ),
        "min": StepWord("List", "The smallest number of a list", ([3, 1, 2], "min", 1)),
        "max": StepWord("List", "The largest number of a list", ([3, 1, 2], "max", 3)),
        "sort": StepWord(
            "List",
            "Sorts up to 1,000 members, numbers before texts; `by` a value of each member; `down` reverses the order",
            ([{"n": 1}, {"n": 3}], {"sort": {"by": "item.n", "down": True}}, [{"n": 3}, {"n": 1}]),
            takes="step sort",
        ),
        "map": StepWord(
            "List",
            "Builds an object for every member, which is `item`",
            ([{"id": 1, "x": 2}], {"map": {"sku": "item.id"}}, [{"sku": 1}]),
            bare=False,
            takes="fields",
        ),
        "where": StepWord(
            "List",
            "Keeps members whose `item` matches a condition",
            ([{"n": 1}, {"n": 5}], {"where": {"item.n": {"above": 2}}}, [{"n": 5}]),
            bare=False,
            takes="condition",
        ),
        "collect": StepWord(
            "List",
            "Reads one value of every member, which is `item`; absent values are left out",
            ([{"n": 1}, {"x": 2}, {"n": 3}], {"collect": "item.n"}, [1, 3]),
            bare=False,
            takes="value",
        ),
        "pick": StepWord(
            "Object",
            "Keeps only these fields",
            ({"a": 1, "b": 2}, {"pick": ["a"]}, {"a": 1}),
            bare=False,
            takes="globs",
        ),
        "drop": StepWord(
            "Object",
            "Removes these fields",
            ({"a": 1, "b": 2}, {"drop": ["a"]}, {"b": 2}),
            bare=False,
            takes="globs",
        ),
        "only": StepWord(
            "Object", "Same as `pick`", ({"a": 1, "b": 2}, {"only": ["a"]}, {"a": 1}), bare=False, takes="globs"
        ),
        "except": StepWord(
            "Object", "Same as `drop`", ({"a": 1, "b": 2}, {"except": ["a"]}, {"b": 2}), bare=False, takes="globs"
        ),
        "get": StepWord(
            "Object",
            "The member with this name, or at this position: 0 is the first, -1 the last; the name may be a value",
            ({"plan": "pro"}, {"get": "plan"}, "pro"),
            bare=False,
            takes="step get",
        ),
        "keys": StepWord(
            "Object",
            "The names of members that are not null and not false",
            ({"a": True, "b": False}, "keys", ["a"]),
        ),
        "rename": StepWord(
            "Object", "Old name to new name", ({"a": 1}, {"rename": {"a": "b"}}, {"b": 1}), bare=False, takes="names"
        ),
        "flatten": StepWord(
            "Object",
            "Flattens nested objects into `a_b`; lists are unchanged",
            ({"a": {"b": 1}}, "flatten", {"a_b": 1}),
            takes="separator text",
        ),
        "lookup": StepWord(
            "Table",
            "Replaces a text by its entry in a table; a text without an entry is unchanged",
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
            "Replaces all but the last `keep` characters by `*`",
            ("4111", {"mask": {"keep": 1}}, "***1"),
            takes="step mask",
        ),
    }
)
