"""Names and texts of a file that are allowed and match nothing, or say more than they seem to. Each is (code, place,
message, whether the place is a key).
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from adapter.files.document import DocumentPath
from adapter.mapping.compile.lint_silent import NAMED_BLOCKS
from adapter.mapping.language.paths import EventPath, Key, parse_path

OddWord: TypeAlias = tuple[str, DocumentPath, str, bool]

_PLACEHOLDER: Final = re.compile(r"\{([^{}]+)\}")
_FILLED: Final = frozenset({"text", "track", "name"})
"""Words whose text has placeholders, and the name of a rule, which is only shown."""
_IN_A_LIST: Final = re.compile(r"\[(?:\*|-?[0-9]+)\]\.")
_QUOTED: Final = re.compile("[\u201c\u201e\u00ab\u2018\u201a](.*)[\u201d\u201c\u00bb\u2019\u2018]", re.DOTALL)
_NUMBER: Final = re.compile(r"-?\.[0-9]+|-?[0-9]{1,3}(?:_[0-9]{3})+|0x[0-9a-fA-F]{1,8}|0o[0-7]{1,8}")
"""Numbers of other YAML readers that are text in JSON."""
_AS_WRITTEN: Final = frozenset({
    "find", "with", "pattern", "regex", "extract", "like", "contains", "split", "join", "text", "track", "name",
})  # fmt: skip
"""Words with a text that is searched or shown."""
_TEXT_IDS: Final = frozenset({"userId", "anonymousId"})

_SPELLINGS: Final[Mapping[str, str]] = MappingProxyType({
    "user_agent": "userAgent", "useragent": "userAgent", "UserAgent": "userAgent", "ua": "userAgent", "IP": "ip",
    "ip_address": "ip", "ipAddress": "ip", "language": "locale", "time_zone": "timezone", "timeZone": "timezone",
    "group_id": "groupId", "url": "page.url", "path": "page.path", "title": "page.title", "referrer": "page.referrer",
    "referer": "page.referrer", "page.URL": "page.url", "page.href": "page.url", "page.referer": "page.referrer",
    "page.query": "page.search", "page.query_string": "page.search", "page.querystring": "page.search",
    **{f"{start}{part}": f"campaign.{part}" for part in ("source", "medium", "term", "content")
       for start in ("utm_", "utm.", "campaign.utm_")},
    "utm_campaign": "campaign.name", "utm.campaign": "campaign.name", "campaign.utm_campaign": "campaign.name",
    "campaign.campaign": "campaign.name", "app_version": "app.version", "os_name": "os.name",
    "device_type": "device.type", "device_id": "device.id",
})  # fmt: skip
"""Fields of `context` as Segment's and RudderStack's libraries write them, by other spellings."""
_FLAT: Final = frozenset({
    "ip", "userAgent", "locale", "timezone", "groupId", "page.url", "page.path", "page.title", "page.referrer",
    "page.search", "campaign.source", "campaign.name",
})  # fmt: skip
"""Fields of `context` that are text: nothing is below them."""


def odd_words(data: Mapping[str, Any]) -> Iterator[OddWord]:
    """All findings of this module that a text or a name of the file shows by itself."""
    for word in ("rules", "privacy", "prepare", "derived", "shared", "tables"):
        part = data.get(word, ())
        yield from _placeholders_as_text((word,), part)
        yield from _sloppy_texts((word,), part)
        if word != "tables":
            yield from _foreign_context((word,), part)


def _placeholders_as_text(path: DocumentPath, value: Any) -> Iterator[OddWord]:
    """Placeholders where a text is not filled in, in any text and any name below `path`."""
    if type(value) is str:
        found = next((part[1] for part in _PLACEHOLDER.finditer(value) if _is_path(part[1])), None)
        if found is not None:
            yield "W208", path, f"`{{{found}}}` is plain text here; only `track` and `text` fill in placeholders", False
        return
    members = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, member in members:
        if type(key) is str and any(_is_path(part[1]) for part in _PLACEHOLDER.finditer(key)):
            message = f"`{key}` is a plain name: names have no placeholders; send name and value as two fields"
            yield "W208", (*path, key), message, True
        if key in _FILLED and type(member) is str and path[-1] not in NAMED_BLOCKS:
            continue
        yield from _placeholders_as_text((*path, key), member)


def _is_path(text: str) -> bool:
    return isinstance(parse_path(text.strip()), EventPath)


def patterns_as_names(path: DocumentPath, call: Mapping[str, Any], separator: str | None) -> Iterator[OddWord]:
    """Names of fields in a call that are written like a path or a pattern where a name is expected."""
    for word in ("only", "except"):
        for place, name in enumerate(call.get(word, ())):
            if _IN_A_LIST.search(name):
                plain = re.sub(r"\[[^\]]*\]", "", name)
                yield "W216", (*path, word, place), f"names reach into every member of a list: write `{plain}`", False
            elif name.startswith("^") or (len(name) > 2 and name[0] == name[-1] == "/"):
                yield "W216", (*path, word, place), f"`{name}` is a plain name; a pattern has `*`: utm_*", False
    for word in ("properties", "traits"):
        for name in call.get(word, {}):
            if "*" in name:
                yield (
                    "W216",
                    (*path, word, name),
                    f"`{name}` sets one field of this name; patterns are for `rename`",
                    True,
                )
    for old, new in call.get("rename", {}).items():
        if "." not in old or (separator is not None and "." in separator) or old.startswith('"'):
            continue
        if separator is None:
            root = "traits" if "identify" in call else "properties"
            flat = f"write `flatten: _` and `{old.replace('.', '_')}`"
            remedy = flat if "*" in old else f"set `{new}: {root}.{old}` under `{root}`, or {flat}"
            message = f"`rename` takes whole names: {remedy}; a name with a dot is quoted: '\"{old}\"'"
            yield "W216", (*path, "rename", old), message, True
        else:
            flat = old.replace(".", separator)
            yield "W216", (*path, "rename", old), f"`rename` comes after `flatten: {separator}`: write `{flat}`", True


def _sloppy_texts(path: DocumentPath, value: Any) -> Iterator[OddWord]:
    """Texts with typographic quotes or a line break at the end, which a sender's text does not have."""
    if type(value) is str:
        quoted = _QUOTED.fullmatch(value)
        if quoted is not None:
            yield (
                "W219",
                path,
                f"the typographic quotes are part of the text; write '{quoted[1]}' with straight ones",
                False,
            )
        elif value.endswith("\n") and value.strip():
            yield "W219", path, "the text ends with a line break; write `>-` or `|-`, or the text in one line", False
        elif _NUMBER.fullmatch(value) and not _AS_WRITTEN & set(path):
            yield "W220", path, f"`{value}` is text here; for a number write {_decimal(value)}", False
        return
    members = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, member in members:
        yield from _sloppy_texts((*path, key), member)


def _decimal(text: str) -> str:
    """A number of YAML 1.1 as JSON writes it."""
    if text[:2].lower() in {"0x", "0o"}:
        return str(int(text, 0))
    return re.sub(r"^(-?)\.", r"\g<1>0.", text.replace("_", ""))


def numbers_for_ids(path: DocumentPath, condition: Mapping[str, Any]) -> Iterator[OddWord]:
    """Checks that never match, because an id is text in every event."""
    for line in _TEXT_IDS & condition.keys():
        check = condition[line]
        parts = check if type(check) is dict else {"is": check}
        for word, constants in parts.items():
            place = (*path, line, word) if type(check) is dict else (*path, line)
            for constant in constants if type(constants) is list else [constants]:
                if type(constant) in {int, float}:
                    message = f'`{line}` is text in every event, and a number never equals it: write "{constant}"'
                    yield "W217", place, message, False
                    break


def _foreign_context(path: DocumentPath, value: Any) -> Iterator[OddWord]:
    """Paths below `context` that libraries spell differently, in texts and names below `path`."""
    if type(value) is str:
        yield from _spelled(path, value, of_key=False)
        return
    members = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, member in members:
        if type(key) is str:
            yield from _spelled((*path, key), key, of_key=True)
        yield from _foreign_context((*path, key), member)


def _spelled(path: DocumentPath, text: str, *, of_key: bool) -> Iterator[OddWord]:
    for written in [text] if text.startswith("context.") else re.findall(r"\{(context\.[^{}]+)\}", text):
        read = parse_path(written)
        if not isinstance(read, EventPath):
            continue
        names = [segment.name for segment in read.segments if isinstance(segment, Key)]
        for length in range(1, len(names) + 1):
            start = ".".join(names[:length])
            if start in _SPELLINGS and _SPELLINGS[start] != start:
                message = f"libraries send `context.{_SPELLINGS[start]}`, not `context.{start}`"
                yield "W218", path, message, of_key
                break
            if start in _FLAT and length < len(names):
                message = f"`context.{start}` is text, and nothing is below it; the step `url` reads a query"
                yield "W218", path, message, of_key
                break
