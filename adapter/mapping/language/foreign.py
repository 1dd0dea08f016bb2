"""Words of other languages, and the words to use instead: looked up before similarly spelled words.

Collected from JavaScript, Segment's mapping-kit, VRL, Bloblang, Hog, Liquid, jq and SQL.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from adapter.files.finding import did_you_mean


def _table(words: Mapping[str, str]) -> dict[str, str]:
    """The words to use, by each of the words on the left, written `a b c`."""
    return {word: remedy for written, remedy in words.items() for word in written.split()}


_CALL: Final = _table({
    "if filter match where condition on": "`when`",
    "include keep pick allow allowlist whitelist select": "`only`",
    "exclude remove omit deny denylist blacklist delete": "`except`",
    "set fields add params data attributes props mapping mappings": "`properties`, or `traits` of an identify call",
    "event event_name eventName": "`track` for the name of the call, `when: {event: …}` for that of the event",
    "foreach for_each forEach loop for iterate": "`each`",
    "skip ignore discard": "`drop`",
    "merge spread extend": "`copy`",
    "user_id user": "`userId`",
    "anonymous_id anonymous": "`anonymousId`",
    "time date at": "`timestamp`",
    "type": "`when: {type: …}`",
    "then do action actions calls": "`send`",
    "description comment title label": "`name`",
    "refuse fail error": "`reject`",
    "page screen group": "`track`, or `identify: true`: Browsee has these two calls",
})  # fmt: skip

FOREIGN: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({
    "a mapping file": _table({
        "rule mapping mappings transforms transformations events": "`rules`",
        "lookup lookups enums maps enrichment_tables": "`tables`",
        "variables constants params env": "`vars`",
        "guards pii masking": "`privacy`",
        "test cases": "`tests`",
        "config options": "`settings`",
        "before pre preprocess normalize": "`prepare`",
        "let computed locals assign define": "`derived`",
        "macros templates common": "`shared`",
    }),
    "a rule": _CALL,
    "a call": _CALL,
    "a value": _table({
        "path field source key var get": "`from`",
        "const constant literal static": "`value`",
        "template format string concat": "`text`",
        "coalesce first_of fallback": "`from: [a, b]`",
        "steps transform transforms pipe do fn function": "`apply`",
        "if condition unless": "`when`; for one of several values `first`, each with its own `when`",
        "then else elseif case switch cond": "`first`: a list of values, each with its own `when`",
        "or otherwise": "`default` for a constant, `from: [a, b]` for paths",
        "array": "`list`",
        "object": "`fields`",
        "type": "a step: `apply: [number]`",
        "lookup table": "a step: `apply: [{lookup: names}]`",
    }),
    "a check": _table({
        "gt greater_than greater more_than > after": "`above`",
        "gte ge min >=": "`at_least`",
        "lt less_than less < before": "`below`",
        "lte le max <=": "`at_most`",
        "eq equals equal == =": "`is`",
        "ne neq is_not not_equals not_equal != <>": "`not`",
        "not_in nin none_of": "`not` with a list",
        "not_like not_contains not_regex": "`not` with a check: `not: {like: …}`",
        "starts_with startsWith prefix begins_with": '`like: "x*"`',
        "ends_with endsWith suffix": '`like: "*x"`',
        "matches match pattern regexp =~": "`regex`",
        "glob wildcard": "`like`",
        "any_of one_of oneOf": "`in`",
        "includes include has": "`contains`",
        "present defined isset is_set not_empty": "`exists: true`",
        "missing empty null absent undefined blank is_null": "`exists: false`",
        "between range": "`at_least` and `at_most`",
        "cidr ip ip_in subnet": "`in_net`",
        "is_bot crawler spider": "`bot: true`",
        "case_insensitive": "`ignore_case`",
    }),
    "a path": _table({
        "event_name eventName event_type eventType": "`event`",
        "event_properties eventProperties": "`properties`",
        "user_properties userProperties user_traits": "`traits`",
        "ip_address ipAddress": "`context.ip`",
        "user_agent userAgent": "`context.userAgent`",
        "utm_source utm_medium utm_campaign utm_term utm_content": "`context.campaign.source`, or the step `url`",
        "now today": "`timestamp`, the time of the event",
    }),
    "the start of a path": _table({
        "props property attributes data payload params": "`properties`",
        "user profile person": "`traits`, or `userId` alone",
        "page": "`context.page`",
        "campaign utm": "`context.campaign`",
        "device os app library network screen location ctx": "the path below `context`",
        "product products items line_items cart order": "the path below `properties`",
        "group company account organization": "`groupId`, or the path below `traits`",
        "message body msg evt this self root": "`raw`, or leave it out",
        "it element el": "`item`",
        "env secrets config": "`vars`",
        "computed let locals": "`derived`",
    }),
    "a condition": _table({
        "or || any_of": "`any`",
        "and && all_of": "`all`",
        "none nor ! unless": "`not`",
        "if when": "the lines themselves: `path: check`",
    }),
    "a step": _table({
        "multiply mul *": "`times`",
        "divide div divide_by /": "`divided_by`",
        "subtract sub -": "`minus`",
        "add +": "`plus`",
        "length size len": "`count`",
        "lowercase downcase toLowerCase lower_case to_lower": "`lower`",
        "uppercase upcase toUpperCase upper_case to_upper": "`upper`",
        "capitalize titlecase": "`title`",
        "strip trim_whitespace": "`trim`",
        "float double decimal to_number toNumber parseFloat to_float": "`number`",
        "money amount parse_number numeral": "`{number: {thousands: …}}`",
        "int to_int to_integer parseInt": "`integer`",
        "bool to_bool to_boolean": "`boolean`",
        "str text to_string toString": "`string`",
        "md5": "`{hash: md5}`",
        "sha256 sha": "`{hash: sha256}`",
        "hmac": "`hash`",
        "filter reject": "`where`",
        "each for_each forEach": "`map`",
        "map_values pluck values": "`collect`",
        "select": "`pick`",
        "omit remove delete exclude del": "`drop`",
        "distinct uniq dedupe": "`unique`",
        "substring slice substr left cut": "`truncate`, `split` with `get`, or `extract`",
        "concat append prefix suffix prepend": '`text` of the value: `{text: "{a}{b}"}`',
        "floor ceil": "`round`",
        "from_json json_parse parse": "`parse_json`",
        "to_json stringify json_encode": "`json`",
        "parse_url url_parse query_param": "`url`",
        "parse_user_agent ua browser device": "`{user_agent: browser}`",
        "geoip geo_ip maxmind country": "`{geo: country}`",
        "match capture regex_extract re_find regexp": "`extract`",
        "gsub regex_replace substitute": "`replace` with `pattern`",
        "snake_case snakecase": "`snake`",
        "kebab_case slug slugify": "`kebab`",
        "timestamp to_date parse_date datetime iso": "`date`",
        "format_date strftime date_format": "`{date: {as: …}}`",
        "strptime": "`{date: {from: …}}`",
        "datediff date_diff days_since": "`since`",
        "at nth index item key": "`get`",
        "order_by orderBy sort_by sortBy": "`sort`",
        "default coalesce fallback": "`default` beside `apply`",
        "if when": "`when` beside `apply`",
        "avg mean average": "`sum`, then `divided_by` the count",
        "redact": "`mask`",
        "url_decode urldecode decodeURIComponent unquote percent_decode": "`{url: path}`, which decodes",
    }),
    "a privacy guard": _table({
        "paths path field": "`fields`",
        "names name keys": "`named`",
        "steps apply action then": "`do`",
        "unless exclude keep": "`except`",
        "kinds detect pii": "`values`",
    }),
    "a test": _table({
        "input event message when": "`given`",
        "output expected then result": "`expect`",
        "description title it": "`name`",
    }),
    "`sample`": _table({
        "rate percent percentage ratio fraction probability": "`share`",
        "key on of field user": "`by`",
    }),
    "`date`": _table({"format to output": "`as`", "parse input": "`from`", "tz timezone": "`zone`"}),
    "`number`": _table({
        "thousand group grouping group_separator thousands_separator": "`thousands`",
        "point decimal_separator": "`decimal`",
        "locale currency": "`decimal` and `thousands`; a currency needs nothing",
    }),
    "`since`": _table({"unit": "`in`", "to": "`from`: it counts from there to the value"}),
    "`sort`": _table({"key on": "`by`", "desc descending reverse": "`down: true`", "asc ascending": "nothing"}),
    "`lookup`": _table({"table name": "`in`", "column field": "`get`", "default": "`else`"}),
    "`replace`": _table({"regex": "`pattern`", "search from old": "`find`", "replacement to new": "`with`"}),
    "settings": _table({"null": "`nulls`", "blank empty": "`blanks`", "user_id": "`userId`"}),
})  # fmt: skip
"""By the block that a word is in (`Block.called`; "a step" for steps), the word to use instead."""

_ONE_MISTAKE: Final = frozenset({"if", "then", "else", "elseif", "case", "switch", "cond"})
"""Words of one construction: a file with one of them needs one answer about all of it."""


def help_for(word: str, *, called: str, known: Iterable[str]) -> str:
    """The hint for the message about `word`: its word here, or a similarly spelled one, or nothing."""
    remedy = FOREIGN.get(called, {}).get(word)
    return f"; write {remedy}" if remedy is not None else did_you_mean(word, known)


def worth_a_finding(unknown: list[str]) -> list[str]:
    """The unknown words of one block that are a mistake of their own."""
    together = [word for word in unknown if word in _ONE_MISTAKE]
    return [word for word in unknown if word not in together[1:]]
