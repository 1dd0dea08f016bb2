"""The console's view of the mapping files: read them, load drafts, replace them."""

from asyncio import AbstractEventLoop
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from adapter.console.drafts import Draft
from adapter.model import Event, JsonObject


@dataclass(frozen=True, slots=True)
class Written:
    """A mapping file that was replaced: its new ETag, and its version for the source of the request. `replicas` lists
    the version of each replica, if several processes serve the queue.
    """

    file: str
    version: str
    etag: str
    replicas: Sequence[JsonObject] = ()


@dataclass(frozen=True, slots=True)
class NotWritten:
    """Why a mapping file was not replaced, as an answer."""

    status: int
    code: str
    message: str
    facts: JsonObject


class MappingStore(Protocol):
    """The mapping files of the sources. The methods are for threads; they raise ConfigError for what only the operator
    can fix, and MappingFileMissingError if there is no file.
    """

    @property
    def sources(self) -> Sequence[str]:
        """The names of all sources."""
        ...

    def show(self, source: str) -> JsonObject:
        """`MappingFile` in schemas/openapi.yaml: the file as it is on disk, the active mapping, and whether the file
        can be written.
        """
        ...

    def draft(self, source: str, *, text: str) -> Draft:
        """`text` as the mapping of a source, with the options of that source."""
        ...

    def read(self, message: JsonObject) -> Event:
        """A message from the request, read as a webhook would bring it."""
        ...

    def write(self, source: str, raw: bytes, *, etag: str, by: str, loop: AbstractEventLoop) -> Written | NotWritten:
        """Replace the file of a source if it is still that of `etag`, and activate the new text.

        The history, which is written on `loop`, credits the activation to `by`, and also gets any text of the file that
        was not active. Raises QueueError with nothing changed.
        """
        ...
