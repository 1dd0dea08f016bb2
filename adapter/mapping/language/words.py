"""The words of the mapping language: one table that the compiler, the schema, did-you-mean and the reference page read.

`takes` names a shape of `schema.SHAPES`. Nothing here says how a word works; the modules named after the parts do.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

VERSION: Final = 1
"""The language version that this table describes."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word: what may stand behind it (a shape), what it means, and whether its block needs it."""

    takes: str
    means: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A set of words that may stand together. `unknown` is the code of a word that is none of them."""

    called: str
    unknown: str
    words: MappingProxyType[str, Word]


def words_of(called: str, unknown: str, words: dict[str, Word]) -> Block:
    """A block of these words."""
    return Block(called, unknown, MappingProxyType(words))


_CALL: Final = {
    "track": Word("event name", "The name of the Track call: text with placeholders, or a value block"),
    "identify": Word("true", "Makes an Identify call"),
    "each": Word("path", "One call for every member of a list; `item` and `index` become readable"),
    "copy": Word("copy", "Where the fields start from: `properties` (track), `traits` (identify), paths, or `none`"),
    "only": Word("globs", "Keeps these fields only; `a.b` reaches inside"),
    "except": Word("globs", "Leaves these fields out; objects emptied by it vanish"),
    "flatten": Word("separator", "Nested objects become `a_b`; `false` leaves them nested"),
    "rename": Word("names", "Old name to new name; one `*` on each side stands for the same: `utm_*: campaign_*`"),
    "names": Word("name steps", "How all other copied names are spelled: `[snake]`"),
    "use": Word("names list", "Sets the fields of these `shared` blocks"),
    "properties": Word("fields", "Sets fields of a Track call"),
    "traits": Word("fields", "Sets fields of an Identify call"),
    "userId": Word("value", "The user id instead of the message's own, which stays if this is absent"),
    "anonymousId": Word("value", "The anonymous id instead of the message's own, which stays if this is absent"),
    "timestamp": Word("value", "When it happened instead of the message's own, which stays if this is no date"),
}

FILE: Final = words_of(
    "a mapping file", "E110", {
    "version": Word("version", "The version of the language; 1", required=True),
    "settings": Word("settings", "What holds for the whole file"),
    "vars": Word("scalars", "Constants, read as `vars.name`; the server's settings may override them. Never secrets"),
    "tables": Word("tables", "Tables that `lookup` and `in` read; keys are text"),
    "shared": Word("shared", "Blocks of fields to `use` in several calls"),
    "privacy": Word("guards", "What happens to personal data before any rule sees it"),
    "prepare": Word("prepared", "Steps in place, after `privacy` and before the rules; conditions see the results"),
    "derived": Word("derived", "Named values, read as `derived.name`; each may read those above it"),
    "rules": Word("rules", "The rules; the first that fits decides", required=True),
    "tests": Word("tests", "What is promised; checked whenever the file is loaded"),
})  # fmt: skip
SETTINGS: Final = words_of(
    "settings", "E113", {
    "nulls": Word("nulls", "`omit` leaves fields that are null out, `keep` sends them, so that a trait can be reset"),
    "blanks": Word("nulls", "`omit`: blank texts, empty lists and objects are left out; in values too"),
    "flatten": Word("separator", "The `flatten` of every call that has none of its own"),
    "lists": Word("lists", "`keep` sends lists as they are, `text` as text: scalars joined by `, `, others as JSON"),
    "max_calls": Word("call limit", "The most calls one event may make, 500 unless set; more refuse the event"),
    "names": Word("name comparison", "How conditions and `lookup` compare event names: `exact`, or `folded`, by words"),
    "userId": Word("value", "The user id of all calls instead of the message's own; a call may have another"),
    "anonymousId": Word("value", "The anonymous id of all calls instead of the message's own; a call may differ"),
    "integration": Word("text", "A name in the event's `integrations`, in any case; `false` there drops the event"),
})  # fmt: skip
GUARD: Final = words_of(
    "a privacy guard", "E114", {
    "fields": Word("paths", "The paths it guards"),
    "named": Word("globs", "The names it guards, wherever they occur and however they are spelled"),
    "values": Word("personal kinds", "Guards only what is found in texts: `email`, `phone`, `card`; alone, everywhere"),
    "except": Word("globs", "Names that `named` or `values` leaves alone, with all that is below them"),
    "do": Word("remedy", "`remove`, or steps; a step that fails removes the field", required=True),
})  # fmt: skip
PREPARE: Final = words_of(
    "a block of `prepare`", "E114", {
        "fields": Word("paths", "The paths whose values go through the steps"),
        "named": Word("globs", "The names, wherever they occur and however they are spelled"),
        "do": Word("steps", "Steps; one that fails leaves the value; those on text leave numbers", required=True),
    },
)  # fmt: skip
RULE: Final = words_of(
    "a rule", "E111", {
    "name": Word("text", "What the rule is called in logs, tests and counters"),
    "when": Word("condition", "The condition; a rule without takes every event"),
    "sample": Word("sample", "The share of events kept, by the message id; `{share: 0.1, by: userId}`: by any value"),
    "drop": Word("reason", "Makes no call; the reason is counted. `true` takes the rule's name"),
    "reject": Word("rejection", "Refuses the event, which is kept as a dead letter with this reason"),
    "send": Word("calls", "Several calls, in order; each may have its own `when`"),
    **_CALL,
})  # fmt: skip
CALL: Final = words_of(
    "a call", "E112", {
    "when": Word("condition", "The condition of this call; with `each` it is asked for every member"),
    **_CALL,
})  # fmt: skip
VALUE: Final = words_of(
    "a value", "E115", {
    "from": Word("path or paths", "A path, or several: the first that is present and not null"),
    "value": Word("constant", "A constant of any kind"),
    "text": Word("any text", "Text with `{path}` placeholders; absent if one of them is"),
    "first": Word("values", "The first present of full values"),
    "list": Word("values", "A list; absent and null members are left out, an empty one is absent"),
    "fields": Word("fields", "An object; absent members are left out, an empty one is absent"),
    "when": Word("condition", "Absent unless this holds"),
    "apply": Word("steps", "Steps, from left to right"),
    "default": Word("scalar", "Used when the result is absent or null"),
    "required": Word("boolean", "`true` refuses the event when the result is absent or null"),
})  # fmt: skip
CHECK: Final = words_of(
    "a check", "E130", {
    "is": Word("scalar", "Equal; text, numbers and booleans never equal one another"),
    "in": Word("table or scalars", "One of a list, or of the keys of a table"),
    "not": Word("scalars or check", "None of these, or not this check: `{like: …}`; true where the field is missing"),
    "like": Word("globs or glob", "Fits the whole text; `*` stands for any characters, `?` for one"),
    "regex": Word("pattern", "A regular expression that is found in the text"),
    "contains": Word("scalar or scalars", "The text holds this, or the list has this member"),
    "ignore_case": Word("boolean", "The operators on text beside it take capital and small letters for the same"),
    "exists": Word("boolean", "Present and not null"),
    "above": Word("number", "A number greater than this"),
    "at_least": Word("number", "A number this great or greater"),
    "below": Word("number", "A number smaller than this"),
    "at_most": Word("number", "A number this great or smaller"),
    "bot": Word("boolean", "A crawler, or a browser that nobody sits at, by its user agent; needs the extra `ua`"),
    "in_net": Word("networks", "An IP address in one of these networks: `10.0.0.0/8`, `2001:db8::/32`"),
})  # fmt: skip
JOINED: Final = words_of(
    "a condition", "E121", {
    "any": Word("conditions", "At least one of these holds"),
    "all": Word("conditions", "Every one of these holds"),
    "not": Word("condition", "This does not hold"),
    "age": Word("age", "The event happened longer before its receipt than this: `{over: 7d}`"),
})  # fmt: skip
AGE: Final = words_of(
    "`age`", "E130", {
    "over": Word("duration", "A number above 0 and ms, s, m, h or d, such as 72h or 7d", required=True),
})  # fmt: skip
SAMPLE: Final = words_of(
    "`sample`", "E118", {
    "share": Word("share", "The share that is kept: a number above 0, at most 1", required=True),
    "by": Word("value", "What decides: one value has one fate. An event without it is kept", required=True),
})  # fmt: skip
TEST: Final = words_of(
    "a test", "E116", {
    "name": Word("text", "What is promised", required=True),
    "given": Word("object", "A message, laid over a test message with ids and a timestamp", required=True),
    "geo": Word("places", "Where addresses are, for the step `geo`: `{203.0.113.7: {country: DE}}`"),
    "expect": Word("expectation", "Every call, or `drop`, `reject` or `unmatched`", required=True),
})  # fmt: skip
EXPECTED: Final = words_of(
    "an expected call", "E117", {
    "track": Word("any text", "The event name"),
    "identify": Word("true", "An Identify call"),
    "userId": Word("id", "The user id; null for none"),
    "anonymousId": Word("id", "The anonymous id; null for none"),
    "timestamp": Word("any text", "The timestamp"),
    "properties": Word("object", "All properties"),
    "traits": Word("object", "All traits"),
})  # fmt: skip
ENDING: Final = words_of(
    "an expectation", "E117", {
    "drop": Word("reason", "Dropped, and this occurs in the reason"),
    "reject": Word("text", "Refused, and this occurs in the reason"),
    "unmatched": Word("true", "No rule takes it"),
})  # fmt: skip

ROOTS: Final = (
    "type", "event", "name", "category", "userId", "anonymousId", "properties", "traits", "context", "messageId",
    "groupId", "previousId", "timestamp", "originalTimestamp", "sentAt", "receivedAt", "channel", "version",
    "rudderId", "request_ip", "integrations", "vars", "derived", "item", "index", "raw",
)  # fmt: skip
"""The words that a path may start with."""
SCALAR_ROOTS: Final = frozenset({
    "type", "event", "name", "category", "userId", "anonymousId", "messageId", "groupId", "previousId", "timestamp",
    "originalTimestamp", "sentAt", "receivedAt", "channel", "version", "rudderId", "request_ip", "index",
})  # fmt: skip
"""Those that hold text or a number, so that nothing is below them."""
