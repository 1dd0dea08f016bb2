"""The syntax of paths in a mapping: a place in an event, parsed into its segments.

A path begins with one of a few roots, so that a typo is an error of the file.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from adapter.mapping.language import path_hints
from adapter.mapping.language.words import ROOTS, SCALAR_ROOTS


@dataclass(frozen=True, slots=True)
class Key:
    """The member of an object with this name."""

    name: str

    @property
    def place(self) -> int | None:
        """The position that the name means in a list, as in `products.0.name`; None if it is no number."""
        return int(self.name) if _PLACE.fullmatch(self.name) else None


_PLACE: Final = re.compile("0|[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class At:
    """The list member at this position; negative counts from the end."""

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
    """A parsed path. `many`: it reads a list of all matches."""

    root: str
    segments: tuple[Segment, ...]

    @property
    def many(self) -> bool:
        return any(isinstance(segment, EveryMember) for segment in self.segments)

    @property
    def written(self) -> str:
        """The path as warnings show it."""
        return self.root + "".join(map(written_segment, self.segments))

    @property
    def is_event_name(self) -> bool:
        """Whether it is the path `event`, whose text the setting `names` compares."""
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
    """Why a text is not a path: the code and the words of the finding; `as_constant` is added where one is allowed."""

    code: str
    message: str
    as_constant: str = ""


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
    """Parse a path as written in a mapping."""
    if text.startswith(("$.", "$[")) and (meant := text.lstrip("$").lstrip(".")):
        meant = meant if (_ROOT.match(meant) or [""])[0] in ROOTS else f"properties.{meant}"
        return Misspelt("E120", f"leave out the leading `$.`: write `{meant}`")
    head = _ROOT.match(text)
    root = head[0] if head is not None else ""
    if root not in ROOTS:
        meant = path_hints.not_a_root(text, root=root)
        if meant:
            return Misspelt("E121", meant)
        return Misspelt("E121", path_hints.unknown_start(text), f". For constant text write {{value: {text}}}")
    if root in SCALAR_ROOTS and len(text) > len(root):
        return Misspelt("E125", f"`{root}` is text or a number, so nothing is below it; fields are in `properties`")
    return _below(root, text)


def _below(root: str, text: str) -> EventPath | Misspelt:
    segments: list[Segment] = []
    place = len(root)
    while place < len(text):
        match = _SEGMENT.match(text, place)
        if match is None:
            return Misspelt("E120", path_hints.misspelt(text, place))
        if len(segments) == MAX_SEGMENTS:
            return Misspelt("E120", f"a path goes at most {MAX_SEGMENTS} names deep")
        place = match.end()
        odd = path_hints.odd_name(match["bare"], is_last=place == len(text)) if match["bare"] else ""
        odd = odd or (path_hints.odd_selector(match["key"], text=match["text"] or "") if match["key"] else "")
        if odd:
            return Misspelt("E120", odd)
        segments.append(_segment(match))
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


def written_segment(segment: Segment) -> str:
    match segment:
        case Key(name):
            return f'."{name}"' if re.search(r'[.\[\]{}*"]', name) else f".{name}"
        case At(place):
            return f"[{place}]"
        case Matching(key, text):
            return f"[{key}={text}]"
        case EveryMember(of_object):
            return ".*" if of_object else "[*]"
