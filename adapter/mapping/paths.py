"""Paths: how a place in an event is written, and the closure that reads it.

A path is rooted in a fixed word, so that a typo is an error of the file. Reading never raises and never reaches
anything but members of JSON objects and lists.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from adapter.mapping.absent import ABSENT
from adapter.mapping.finding import did_you_mean
from adapter.mapping.frame import Frame, Get
from adapter.mapping.scalars import text_of
from adapter.mapping.words import ROOTS


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
class Members:
    """Every member of a list (`[*]`), or of an object (`.*`)."""

    of_object: bool


Segment: TypeAlias = Key | At | Matching | Members


@dataclass(frozen=True, slots=True)
class Path:
    """A path as it was written. `many`: it reads a list of what it finds."""

    root: str
    segments: tuple[Segment, ...]

    @property
    def many(self) -> bool:
        return any(isinstance(segment, Members) for segment in self.segments)

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


def parse_path(text: str) -> Path | Misspelt:
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
    return Path(root, tuple(segments))


def _segment(match: re.Match[str]) -> Segment:
    kind = match.lastgroup
    if kind in {"all", "members"}:
        return Members(of_object=kind == "all")
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


def compile_path(path: Path) -> Get:
    """The closure that reads `path`; `vars` is not read here, because constants are known at load."""
    root, segments = path.root, path.segments
    match segments:
        case (Key(name),) if root == "item":
            return _item_key(name)
        case _ if root in _OWN_ROOTS:
            return _following(_OWN_ROOTS[root], segments)
        case (Key(first),):
            return _one_key(root, first)
        case (Key(first), Key(second)):
            return _two_keys(root, first, second)
        case _:
            return _following(lambda frame: frame.body.get(root, ABSENT), segments)


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


def _two_keys(root: str, first: str, second: str) -> Get:
    def get(frame: Frame) -> Any:
        value = frame.body.get(root)
        if type(value) is not dict:
            return ABSENT
        value = value.get(first)
        return value.get(second, ABSENT) if type(value) is dict else ABSENT

    return get


def _following(start: Get, segments: tuple[Segment, ...]) -> Get:
    if not segments:
        return start
    follow = follower(segments)
    return lambda frame: follow(start(frame))


def follower(segments: tuple[Segment, ...]) -> Callable[[Any], Any]:
    """From a value on, what stands at `segments` below it, or ABSENT."""
    if not segments:
        return lambda value: value
    if len(segments) == 1 and isinstance(segments[0], Key):
        only = segments[0].name
        return lambda value: value.get(only, ABSENT) if type(value) is dict else ABSENT
    rest = follower(segments[1:])
    match segments[0]:
        case Key(name):
            return lambda value: rest(value.get(name, ABSENT)) if type(value) is dict else ABSENT
        case At(place):
            return lambda value: rest(value[place]) if _reaches(value, place) else ABSENT
        case Matching(key, text):
            return lambda value: rest(_first_matching(value, key=key, text=text))
        case Members(of_object):
            spreads_on = any(isinstance(segment, Members) for segment in segments[1:])
            return lambda value: _spread(value, rest, of_object=of_object, spreads_on=spreads_on)


def _reaches(value: Any, place: int) -> bool:
    return type(value) is list and -len(value) <= place < len(value)


def _first_matching(value: Any, *, key: str, text: str) -> Any:
    if type(value) is list:
        for member in value:
            if type(member) is dict and text_of(member.get(key)) == text:
                return member
    return ABSENT


def _spread(value: Any, rest: Callable[[Any], Any], *, of_object: bool, spreads_on: bool) -> Any:
    """What `rest` finds in each member, as one flat list; ABSENT where there is nothing to spread."""
    if type(value) is not (dict if of_object else list):
        return ABSENT
    members = value.values() if type(value) is dict else value
    found = [rest(member) for member in members]
    if not spreads_on:
        return [each for each in found if each is not ABSENT]
    return [each for part in found if part is not ABSENT for each in part]
