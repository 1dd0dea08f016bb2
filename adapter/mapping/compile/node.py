"""A part of a mapping file, and where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from adapter.files.document import DocumentPath
from adapter.mapping.language.paths import EventPath, EveryMember, Key
from adapter.model import EventWarning, WarningKind


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the file: what stands there, and where."""

    value: Any
    path: DocumentPath

    def at(self, key: str | int) -> "Node":
        """The part under `key`, which has to be there."""
        return Node(self.value[key], (*self.path, key))

    def has(self, key: str) -> bool:
        """The block has a line `key`, whatever stands behind it."""
        return type(self.value) is dict and key in self.value

    def members(self) -> Iterator["Node"]:
        """The members of a list, or the values of a block."""
        keys = self.value if type(self.value) is dict else range(len(self.value))
        for key in keys:
            yield self.at(key)

    @property
    def name(self) -> str:
        """The key it stands under."""
        return str(self.path[-1])


@dataclass(frozen=True, slots=True)
class Scope:
    """Where in the mapping a value stands: in which rule and field, and whether there is an `item`.

    `field` is the place as warnings say it (`rules.0.properties.total`), `name` what its author calls it (`total`).
    `keep_nulls`: a null that went through steps stays null (`nulls: keep`). `skips_blanks`: blank text at a path is
    absent (`blanks: omit`). `source` is the path, if it is one, whose value the next step is given; `step` is the step
    at hand. `is_early`: it stands where `derived` is not there yet.
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
        """The warning that the step at hand could not do its work."""
        return EventWarning(WarningKind.STEP, self.field, f"`{self.step}`: {cause}", self.rule)

    def of_field(self, path: DocumentPath) -> "Scope":
        """The scope of the field that is set at `path` of the file."""
        return replace(self, field=".".join(str(part) for part in path), name=str(path[-1]))


@dataclass(frozen=True, slots=True)
class ItemUse:
    """What was read of `item` so far: a field of it, or itself."""

    of_field: bool = False
    itself: bool = False

    def with_path(self, path: EventPath) -> "ItemUse":
        """After `path`, which begins with `item`, was read too."""
        if not path.segments:
            return replace(self, itself=True)
        is_field = isinstance(path.segments[0], Key) or path.segments[0] == EveryMember(of_object=True)
        return replace(self, of_field=self.of_field or is_field)


def kind_of(value: Any) -> str:
    """What a value of the file is, in words; texts and numbers are shown, if they are short."""
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
