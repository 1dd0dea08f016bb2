"""What the console needs of the mapping files: read, tried as a draft, replaced."""

from asyncio import AbstractEventLoop
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from adapter.console.drafts import Draft
from adapter.model import Event, JsonObject


@dataclass(frozen=True, slots=True)
class Written:
    """A mapping file that was replaced: its new ETag, and its version for the source that was asked for."""

    file: str
    version: str
    etag: str


@dataclass(frozen=True, slots=True)
class NotWritten:
    """Why a mapping file was not replaced, as an answer."""

    status: int
    code: str
    message: str
    facts: JsonObject


class MappingStore(Protocol):
    """The mapping files of the sources. The methods are for threads; they raise ConfigError for what only the operator
    can fix, MappingFileMissingError if there is no file.
    """

    @property
    def sources(self) -> Sequence[str]:
        """The names of all sources."""
        ...

    def show(self, source: str) -> JsonObject:
        """`MappingFile` in schemas/openapi.yaml: the file as it is on disk, what is active, and whether it can be
        written.
        """
        ...

    def draft(self, source: str, *, text: str) -> Draft:
        """`text` as the mapping of a source, as that source runs."""
        ...

    def read(self, message: JsonObject) -> Event:
        """A message that was handed in, as a webhook would bring it."""
        ...

    def write(self, source: str, raw: bytes, *, etag: str, by: str, loop: AbstractEventLoop) -> Written | NotWritten:
        """Replace the file of a source if it is still the one of `etag`, and activate what was written.

        The history, which is written on `loop`, has it with `by`, and whatever text the file had that was not active.
        Raises QueueError with nothing changed.
        """
        ...
