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
                "find": Word("text", "What to look for"),
                "pattern": Word("pattern", "A regular expression to look for, instead of `find`"),
                "with": Word("any text", "What to put there", required=True),
                "ignore_case": Word("boolean", "Capital and small letters are the same"),
                "once": Word("boolean", "The first occurrence only"),
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
                    "Without an entry: `keep` the value, `omit` it, or a constant; `{value: keep}` for these two texts",
                ),
                "get": Word("text", "The column, where the entries of the table are rows"),
                "ignore_case": Word("boolean", "Capital and small letters are the same"),
            },
        ),
        "url": words_of("`url`", "E118", {"query": Word("text", "The name of the parameter", required=True)}),
        "date": words_of(
            "`date`",
            "E118",
            {
                "as": Word("text", "How to write it: `%Y-%m-%d`, `%A`, … , or `epoch` or `epoch_ms`"),
                "from": Word("text", "How it is written, where that is never guessed: `%d/%m/%Y`"),
                "zone": Word("text", "The time zone of both, such as Europe/Berlin; UTC without one"),
            },
        ),
        "since": words_of(
            "`since`",
            "E118",
            {
                "from": Word("path or paths", "The date to count from", required=True),
                "in": Word("time unit", "The unit: days without one"),
            },
        ),
        "sort": words_of(
            "`sort`",
            "E118",
            {
                "by": Word("value", "What to sort by, read of each `item`; the member itself without one"),
                "down": Word("boolean", "The greatest first"),
            },
        ),
        "lookupElse": words_of("`else`", "E118", {"value": Word("scalar", "The constant to use", required=True)}),
        "mask": words_of(
            "`mask`", "E118", {"keep": Word("length", "How many of the last characters stay", required=True)}
        ),
    }
)
