"""Paths: how a place in an event is written, and the closure that reads it.

A path is rooted in a fixed word, so that a typo is an error of the file. Reading never raises and never reaches
anything but members of JSON objects and lists.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from adapter.files.finding import did_you_mean
from adapter.mapping.language.words import ROOTS
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Get
from adapter.mapping.run.listing import members_reader
from adapter.mapping.run.scalars import text_of
from adapter.model import EventWarning


@dataclass(frozen=True, slots=True)
class Key:
    """The member of an object with this name."""

    name: str


@dataclass(frozen=True, slots=True)
class At:
    """The list member at this place; negative counts from the end."""

    place: int


@dataclass(frozen=True, slots=True)
class Matching:
    """The first list member whose field `key` has this text."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class EveryMember:
    """Every member of a list (`[*]`), or of an object (`.*`)."""

    of_object: bool


Segment: TypeAlias = Key | At | Matching | EveryMember


@dataclass(frozen=True, slots=True)
class EventPath:
    """A path as it was written. `many`: it reads a list of what it finds."""

    root: str
    segments: tuple[Segment, ...]

    @property
    def many(self) -> bool:
        return any(isinstance(segment, EveryMember) for segment in self.segments)

    @property
    def written(self) -> str:
        """The path as warnings say it."""
        return self.root + "".join(map(_written, self.segments))

    @property
    def is_event_name(self) -> bool:
        """It is the path `event`, whose text the setting `names` compares."""
        return self.root == "event" and not self.segments

    @property
    def pointer(self) -> str:
        """The place as a JSON Pointer, as far as it is one place."""
        parts = [self.root]
        for segment in self.segments:
            match segment:
                case Key(name):
                    parts.append(name)
                case At(place) if place >= 0:
                    parts.append(str(place))
                case _:
                    break
        return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


@dataclass(frozen=True, slots=True)
class Misspelt:
    """Why a text is no path: the code and the words of the finding."""

    code: str
    message: str


_SEGMENT: Final = re.compile(
    r"""
      \."(?P<quoted>[^"]*)"
    | \.(?P<all>\*)(?=[.\[]|$)
    | \.(?P<bare>[^."\[\]{}*\s](?:[^."\[\]{}*]*[^."\[\]{}*\s])?)
    | \[(?P<members>\*)\]
    | \[(?P<at>-?[0-9]{1,9})\]
    | \[(?P<key>[^=\[\]"]+)=(?:"(?P<quoted_text>[^"]*)"|(?P<text>[^\]"]*))\]
    """,
    re.VERBOSE,
)
_ROOT: Final = re.compile(r"[^.\[]*")
MAX_SEGMENTS: Final = 40


def parse_path(text: str) -> EventPath | Misspelt:
    """Read a path as it is written in a mapping."""
    if text.startswith(("$.", "$[")) and (meant := text.lstrip("$").lstrip(".")):
        return Misspelt("E120", f"leave out the leading `$.`: write `{meant}`")
    head = _ROOT.match(text)
    root = head[0] if head is not None else ""
    if root not in ROOTS:
        return Misspelt("E121", _not_a_root(text, root))
    segments: list[Segment] = []
    place = len(root)
    while place < len(text):
        match = _SEGMENT.match(text, place)
        if match is None:
            return Misspelt("E120", _misspelt(text, place))
        if len(segments) == MAX_SEGMENTS:
            return Misspelt("E120", f"a path goes at most {MAX_SEGMENTS} names deep")
        segments.append(_segment(match))
        place = match.end()
    return EventPath(root, tuple(segments))


def _segment(match: re.Match[str]) -> Segment:
    kind = match.lastgroup
    if kind in {"all", "members"}:
        return EveryMember(of_object=kind == "all")
    if kind == "at":
        return At(int(match["at"]))
    if kind in {"quoted", "bare"}:
        return Key(match[kind])
    return Matching(match["key"].strip(), match["quoted_text"] if match["quoted_text"] is not None else match["text"])


def _not_a_root(text: str, root: str) -> str:
    if "{" in text:
        return f"a path has no braces; for text with placeholders write {{text: '{text}'}}"
    meant = did_you_mean(root, ROOTS)
    if meant:
        return f"`{root}` is not a path{meant}"
    starts = ", ".join(ROOTS[:9])
    return f"`{text}` is not a path: a path starts with one of {starts} … For constant text write {{value: {text}}}"


def _misspelt(text: str, place: int) -> str:
    rest = text[place:]
    read = f"after `{text[:place]}`"
    if rest.startswith(('."', '["')):
        return f'{read} a quote is not closed, or stands in brackets; a quoted name is written `."any text"`'
    if rest.startswith("."):
        return f'{read} a name is expected; one with . [ ] {{ }} * " or spaces around it is quoted: `."any text"`'
    if rest.startswith("["):
        return f"{read} `[` wants [*], [0], [-1] or [key=value]"
    return f"{read} comes `{rest[:20]}`; names are parted by dots"


def compile_path(path: EventPath, *, rule: str | None = None) -> Get:
    """The closure that reads `path`; `vars` is not read here, because constants are known at load.

    With a `rule`, a list that is not written as one is noted in the frame's warnings.
    """
    root, segments = path.root, path.segments
    match segments:
        case (Key(name),) if root == "item":
            return _item_key(name)
        case (Key(name),) if root == "traits":
            return _traits_key(name)
        case _ if root in _OWN_ROOTS:
            return _following(_OWN_ROOTS[root], path, rule)
        case (Key(first),):
            return _one_key(root, first)
        case (Key(first), Key(second)):
            return _two_keys(root, first, second)
        case _:
            return _following(lambda frame: frame.body.get(root, ABSENT), path, rule)


_OWN_ROOTS: Final[Mapping[str, Get]] = {
    "item": lambda frame: frame.item,
    "index": lambda frame: frame.index,
    "raw": lambda frame: frame.body,
    "traits": lambda frame: frame.traits(),
}
"""Roots that are not simply a member of the message."""


def _one_key(root: str, key: str) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.body.get(root)
        return value.get(key, ABSENT) if type(value) is dict else ABSENT

    return get


def _item_key(key: str) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.item
        return value.get(key, ABSENT) if type(value) is dict else ABSENT

    return get


def _traits_key(key: str) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.traits()
        return value.get(key, ABSENT) if type(value) is dict else ABSENT

    return get


def _two_keys(root: str, first: str, second: str) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.body.get(root)
        if type(value) is not dict:
            return ABSENT
        value = value.get(first)
        return value.get(second, ABSENT) if type(value) is dict else ABSENT

    return get


_Follow: TypeAlias = Callable[[Any, list[EventWarning]], Any]
"""From a value on, what stands below it, or ABSENT; what was odd on the way is added to the warnings."""


def _following(start: Get, path: EventPath, rule: str | None) -> Get:
    if not path.segments:
        return start
    follow = _follower(path.segments, path.root, rule)
    return lambda frame: follow(start(frame), frame.warnings)


def _follower(segments: tuple[Segment, ...], before: str, rule: str | None) -> _Follow:
    if not segments:
        return lambda value, _warnings: value
    rest = _follower(segments[1:], before + _written(segments[0]), rule)
    members = members_reader(before, rule=rule)
    match segments[0]:
        case Key(name):
            return lambda value, heard: rest(value.get(name, ABSENT), heard) if type(value) is dict else ABSENT
        case At(place):
            return lambda value, heard: rest(_member(members(value, heard), place), heard)
        case Matching(key, text):
            return lambda value, heard: rest(_first_matching(members(value, heard), key=key, text=text), heard)
        case EveryMember(of_object):
            spreads_on = any(isinstance(segment, EveryMember) for segment in segments[1:])
            spread = _spreading(rest, spreads_on=spreads_on)
            if of_object:
                return lambda value, heard: spread(value.values() if type(value) is dict else None, heard)
            return lambda value, heard: spread(members(value, heard), heard)


def _written(segment: Segment) -> str:
    match segment:
        case Key(name):
            return f'."{name}"' if re.search(r'[.\[\]{}*"]', name) else f".{name}"
        case At(place):
            return f"[{place}]"
        case Matching(key, text):
            return f"[{key}={text}]"
        case EveryMember(of_object):
            return ".*" if of_object else "[*]"


def _member(members: list[Any] | None, place: int) -> Any:
    return members[place] if members is not None and -len(members) <= place < len(members) else ABSENT


def _first_matching(members: list[Any] | None, *, key: str, text: str) -> Any:
    for member in members or ():
        if type(member) is dict and text_of(member.get(key)) == text:
            return member
    return ABSENT


def _spreading(rest: _Follow, *, spreads_on: bool) -> Callable[[Iterable[Any] | None, list[EventWarning]], Any]:
    """What `rest` finds in each member, as one flat list; ABSENT where there is nothing to spread."""

    def spread(members: Iterable[Any] | None, warnings: list[EventWarning]) -> Any:
        if members is None:
            return ABSENT
        found = [each for member in members if (each := rest(member, warnings)) is not ABSENT]
        return [each for part in found for each in part] if spreads_on else found

    return spread
