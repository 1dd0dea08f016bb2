"""The words of steps whose setting is a block, by the step."""

from types import MappingProxyType
from typing import Final

from adapter.mapping.language.words import Word, words_of

STEP_SETTINGS: Final = MappingProxyType(
    {
        "replace": words_of(
            "`replace`",
            "E118",
            {
                "find": Word("text", "The text to find"),
                "pattern": Word("pattern", "A regular expression to find, instead of `find`"),
                "with": Word("any text", "What to put there", required=True),
                "ignore_case": Word("boolean", "Capital and small letters are the same"),
                "once": Word("boolean", "Replaces only the first match"),
            },
        ),
        "regex": words_of(
            "`regex`",
            "E118",
            {
                "pattern": Word("pattern", "The regular expression", required=True),
                "with": Word("any text", "What to put there", required=True),
            },
        ),
        "lookup": words_of(
            "`lookup`",
            "E118",
            {
                "in": Word("table", "The table", required=True),
                "else": Word(
                    "lookup else",
                    "Without an entry: `keep`, `omit` or a constant; `{value: keep}` and `{value: omit}` are texts",
                ),
                "get": Word("text", "The column, if the entries of the table are rows"),
                "ignore_case": Word("boolean", "Capital and small letters are the same"),
            },
        ),
        "url": words_of("`url`", "E118", {"query": Word("text", "The name of the parameter", required=True)}),
        "date": words_of(
            "`date`",
            "E118",
            {
                "as": Word("text", "The format of the result: `%Y-%m-%d`, `%A`, … , or `epoch` or `epoch_ms`"),
                "from": Word(
                    "text", "The format of the date, if it is not one of the formats that are recognized: `%d/%m/%Y`"
                ),
                "zone": Word("text", "The time zone of both, such as Europe/Berlin; by default UTC"),
            },
        ),
        "number": words_of(
            "`number`",
            "E118",
            {
                "decimal": Word("decimal separator", "The separator before the decimals: `.` or `,`; by default `.`"),
                "thousands": Word(
                    "thousands separator",
                    "The separator between groups of digits: `,`, `.`, a space or `'`; by default none",
                ),
            },
        ),
        "since": words_of(
            "`since`",
            "E118",
            {
                "from": Word("path or paths", "The date to count from", required=True),
                "in": Word("time unit", "The unit; by default days"),
            },
        ),
        "sort": words_of(
            "`sort`",
            "E118",
            {
                "by": Word("value", "The value to sort by, read from each `item`; by default the member itself"),
                "down": Word("boolean", "Sorts the largest first"),
            },
        ),
        "lookupElse": words_of("`else`", "E118", {"value": Word("scalar", "The constant to use", required=True)}),
        "mask": words_of(
            "`mask`", "E118", {"keep": Word("length", "The number of characters to keep at the end", required=True)}
        ),
    }
)
