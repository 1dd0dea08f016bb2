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
    "track": Word("event name", "The name of the track call: text with placeholders, or a value block"),
    "identify": Word("true", "Makes an Identify call"),
    "each": Word(
        "path", "One call for every member of a list, which the call reads as `item`, its position as `index`"
    ),
    "copy": Word(
        "copy", "The fields to start from: `properties` (default of track), `traits` (of identify), paths, or `none`"
    ),
    "only": Word("globs or value", "Keeps only these fields; `a.b` is a nested field; a value computes the list"),
    "except": Word("globs", "Removes these fields, and objects that become empty"),
    "flatten": Word("separator", "Nested objects become `a_b`; `false` leaves them nested"),
    "rename": Word("names", "Old name to new name; `*` on both sides is the same text: `utm_*: campaign_*`"),
    "names": Word("name steps", "Steps for the names of all other copied fields: `[snake]`"),
    "use": Word("names list", "Sets the fields of these `shared` blocks in the call"),
    "properties": Word("fields", "Sets fields of a track call"),
    "traits": Word("fields", "Sets fields of an identify call"),
    "userId": Word("value", "Replaces the message's user id; if absent, the message's id is used"),
    "anonymousId": Word("value", "Replaces the message's anonymous id; if absent, the message's id is used"),
    "timestamp": Word("value", "Replaces the message's timestamp; if not a date, the message's timestamp is used"),
}

FILE: Final = words_of(
    "a mapping file", "E110", {
    "version": Word("version", "The version of the language; 1", required=True),
    "settings": Word("settings", "Settings of the whole file"),
    "vars": Word("scalars", "Constants, read as `vars.name`; the settings can override them. Not for secrets"),
    "tables": Word("tables", "Tables for `lookup` and `in`; keys are text"),
    "shared": Word("shared", "Blocks of fields that several calls `use`"),
    "privacy": Word("guards", "Guards that remove or change personal data before any rule"),
    "prepare": Word("prepared", "Steps that change values in place, after `privacy` and before the rules"),
    "derived": Word("derived", "Named values, read as `derived.name`; each can read the values above it"),
    "rules": Word("rules", "The rules; the first rule that matches decides", required=True),
    "tests": Word("tests", "Tests, run whenever the file is loaded"),
})  # fmt: skip
SETTINGS: Final = words_of(
    "settings", "E113", {
    "nulls": Word("nulls", "`omit` leaves out null fields; `keep` sends null, for example to reset a trait"),
    "blanks": Word("nulls", "`omit` leaves out blank texts, empty lists and empty objects, in values too"),
    "flatten": Word("separator", "The default of `flatten` for every call"),
    "lists": Word("lists", "`keep` sends lists unchanged; `text`: scalars joined by `, `, other lists as JSON"),
    "max_calls": Word("call limit", "The most calls of one event, by default 500; an event with more is refused"),
    "names": Word("name comparison", "How conditions and `lookup` compare event names: `exact` or `folded` (by words)"),
    "userId": Word("value", "The user id of all calls instead of the message's; a call can override it"),
    "anonymousId": Word("value", "The anonymous id of all calls instead of the message's; a call can override it"),
    "integration": Word("text", "A name in the event's `integrations`, in any case; the value `false` drops the event"),
})  # fmt: skip
GUARD: Final = words_of(
    "a privacy guard", "E114", {
    "fields": Word("paths", "The paths it guards"),
    "named": Word("globs", "The names of guarded fields, at any depth and in any spelling"),
    "values": Word("personal kinds", "Guards only `email`, `phone`, `card` found inside texts; alone, in every field"),
    "except": Word("globs", "Names that `named` and `values` skip, with everything below them"),
    "do": Word("remedy", "`remove`, or steps; if a step fails, the field is removed", required=True),
})  # fmt: skip
PREPARE: Final = words_of(
    "a block of `prepare`", "E114", {
        "fields": Word("paths", "The paths of the values that the steps change"),
        "named": Word("globs", "The names of fields, at any depth and in any spelling"),
        "do": Word("steps", "Steps; if one fails, the value is unchanged; steps on text skip numbers", required=True),
    },
)  # fmt: skip
RULE: Final = words_of(
    "a rule", "E111", {
    "name": Word("text", "The name of the rule in logs, tests and metrics"),
    "when": Word("condition", "The condition; a rule without `when` matches every event"),
    "sample": Word("sample", "The share of events to keep, by message id; `{share: 0.1, by: userId}`: by a value"),
    "drop": Word("reason", "Makes no call; the reason is counted. `true`: the reason is the rule's name"),
    "reject": Word("rejection", "Refuses the event, which becomes a dead letter with this reason"),
    "send": Word("calls", "Several calls, in order; each may have its own `when`"),
    **_CALL,
})  # fmt: skip
CALL: Final = words_of(
    "a call", "E112", {
    "when": Word("condition", "The condition of this call; with `each`, checked for every member"),
    **_CALL,
})  # fmt: skip
VALUE: Final = words_of(
    "a value", "E115", {
    "from": Word("path or paths", "A path, or several: the first that is present and not null"),
    "value": Word("constant", "A constant of any kind"),
    "text": Word("any text", "Text with `{path}` placeholders; absent if a placeholder is absent"),
    "first": Word("values", "The first present value of a list of values"),
    "list": Word("values", "A list; absent and null members are left out; an empty list is absent"),
    "fields": Word("fields", "An object; absent members are left out; an empty object is absent"),
    "when": Word("condition", "The value is absent unless this condition matches"),
    "apply": Word("steps", "Steps, from left to right"),
    "default": Word("scalar", "Used when the result is absent or null"),
    "required": Word("boolean", "`true` refuses the event when the result is absent or null"),
})  # fmt: skip
CHECK: Final = words_of(
    "a check", "E130", {
    "is": Word("scalar", "Equal to this constant; a text, a number and a boolean are never equal"),
    "in": Word("table or scalars", "Equal to a member of a list, or to a key of a table"),
    "not": Word("scalars or check", "Equal to none of these, or not this check: `{like: …}`; true for a missing field"),
    "like": Word("globs or glob", "Matches the whole text; `*` is any characters, `?` is one character"),
    "regex": Word("pattern", "A regular expression that matches somewhere in the text"),
    "contains": Word("scalar or scalars", "The text contains this text, or the list has this member"),
    "ignore_case": Word("boolean", "The checks of text beside it ignore upper and lower case"),
    "exists": Word("boolean", "Present and not null"),
    "above": Word("number", "A number greater than this"),
    "at_least": Word("number", "A number greater than or equal to this"),
    "below": Word("number", "A number less than this"),
    "at_most": Word("number", "A number less than or equal to this"),
    "bot": Word("boolean", "A crawler or an automated browser, by its user agent; needs the extra `ua`"),
    "in_net": Word("networks", "An IP address in one of these networks: `10.0.0.0/8`, `2001:db8::/32`"),
})  # fmt: skip
JOINED: Final = words_of(
    "a condition", "E121", {
    "any": Word("conditions", "At least one of these conditions matches"),
    "all": Word("conditions", "All of these conditions match"),
    "not": Word("condition", "This condition does not match"),
    "age": Word("age", "The time from the event to its receipt is longer than this: `{over: 7d}`"),
})  # fmt: skip
AGE: Final = words_of(
    "`age`", "E130", {
    "over": Word("duration", "A number above 0 and ms, s, m, h or d, such as 72h or 7d", required=True),
})  # fmt: skip
SAMPLE: Final = words_of(
    "`sample`", "E118", {
    "share": Word("share", "The share to keep: a number above 0, at most 1", required=True),
    "by": Word("value", "Events with one value are all kept or all dropped; events without it are kept", required=True),
})  # fmt: skip
TEST: Final = words_of(
    "a test", "E116", {
    "name": Word("text", "What is promised", required=True),
    "given": Word("object", "A message; missing ids and the timestamp are filled in", required=True),
    "geo": Word("places", "Locations of IP addresses for the step `geo`: `{203.0.113.7: {country: DE}}`"),
    "expect": Word("expectation", "All calls in order, or `drop`, `reject` or `unmatched`", required=True),
})  # fmt: skip
EXPECTED: Final = words_of(
    "an expected call", "E117", {
    "track": Word("any text", "The event name"),
    "identify": Word("true", "An identify call"),
    "userId": Word("id", "The user id; null if there is none"),
    "anonymousId": Word("id", "The anonymous id; null if there is none"),
    "timestamp": Word("any text", "The timestamp"),
    "properties": Word("object", "All properties"),
    "traits": Word("object", "All traits"),
})  # fmt: skip
ENDING: Final = words_of(
    "an expectation", "E117", {
    "drop": Word("reason", "The event is dropped, and the reason contains this text"),
    "reject": Word("text", "The event is refused, and the reason contains this text"),
    "unmatched": Word("true", "No rule matches the event"),
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
