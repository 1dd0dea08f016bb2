"""A part of a mapping file, and its place."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from adapter.files.document import DocumentPath
from adapter.mapping.language.paths import EventPath, EveryMember, Key
from adapter.model import EventWarning, WarningKind


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the file: its value and its path."""

    value: Any
    path: DocumentPath

    def at(self, key: str | int) -> "Node":
        """The part with `key`, which must exist."""
        return Node(self.value[key], (*self.path, key))

    def has(self, key: str) -> bool:
        """Whether the block has a line `key`, with any value."""
        return type(self.value) is dict and key in self.value

    def members(self) -> Iterator["Node"]:
        """The members of a list, or the values of a block."""
        keys = self.value if type(self.value) is dict else range(len(self.value))
        for key in keys:
            yield self.at(key)

    @property
    def name(self) -> str:
        """The key of this part."""
        return str(self.path[-1])


@dataclass(frozen=True, slots=True)
class Scope:
    """The place of a value in the mapping: its rule and field, and whether there is an `item`.

    `field` is the place in warnings (`rules.0.properties.total`), `name` the author's name of it (`total`).
    `keep_nulls`: a null stays null after steps (`nulls: keep`). `skips_blanks`: blank text at a path is absent
    (`blanks: omit`). `source` is the path, if it is one, whose value the next step gets; `step` is the current step.
    `is_early`: `derived` does not exist yet at this place.
    """

    rule: str = ""
    field: str = ""
    name: str = "value"
    has_item: bool = False
    in_privacy: bool = False
    is_early: bool = False
    keep_nulls: bool = False
    skips_blanks: bool = False
    source: str = ""
    step: str = ""

    def warned(self, cause: str, kind: WarningKind = WarningKind.STEP) -> EventWarning:
        """The warning of this field."""
        return EventWarning(kind, self.field, cause, self.rule)

    def failed(self, cause: str) -> EventWarning:
        """The warning that the current step could not be applied."""
        return EventWarning(WarningKind.STEP, self.field, f"`{self.step}`: {cause}", self.rule)

    def of_field(self, path: DocumentPath) -> "Scope":
        """The scope of the field at `path` of the file."""
        return replace(self, field=".".join(str(part) for part in path), name=str(path[-1]))


@dataclass(frozen=True, slots=True)
class ItemUse:
    """What was read of `item` so far: a field of it, or itself."""

    of_field: bool = False
    itself: bool = False

    def with_path(self, path: EventPath) -> "ItemUse":
        """The same after `path`, which begins with `item`, was read too."""
        if not path.segments:
            return replace(self, itself=True)
        is_field = isinstance(path.segments[0], Key) or path.segments[0] == EveryMember(of_object=True)
        return replace(self, of_field=self.of_field or is_field)


def kind_of(value: Any) -> str:
    """A description of a value of the file; short texts and numbers are shown."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f"'{value}'" if len(value) <= 40 else "text"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case _:
            return "a block"
