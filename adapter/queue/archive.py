"""What a queue keeps beside events, in any database: mappings, learned limits, samples and the use of the disk."""

from collections.abc import Mapping
from typing import Protocol

from adapter.queue.activations import BY_FILE, Activation
from adapter.queue.contract import Disk, Limit
from adapter.queue.group_commit import GroupCommit
from adapter.queue.room import Room
from adapter.queue.samples import ProjectRate


class ArchiveRows(Protocol):
    """What the archive needs of a queue's database, on the thread of its `GroupCommit`."""

    def keep_mapping(self, *, name: str, version: str, text: str, by: str) -> Activation:
        """Store a text, and that `name` was activated with it."""
        ...

    def text_of(self, statement: str, *, key: str) -> str | None:
        """The mapping that `statement` finds by `key`."""
        ...

    def keep_limit(self, project: str, limit: Limit) -> None:
        """Store the limit that was learned of a project."""
        ...

    def limit(self, project: str) -> Limit | None:
        """The limit of a project that was stored last."""
        ...

    def keep_sample(self, minute: int, *, pending: int, rates: Mapping[str, ProjectRate]) -> None:
        """Store the sample of a minute, and delete samples that are too old now."""
        ...


class QueueArchive:
    """As `adapter.queue.contract.Archive` promises it, but for the balance and deletions."""

    def __init__(self, commits: GroupCommit, rows: ArchiveRows, room: Room) -> None:
        self._commits = commits
        self._kept = rows
        self._room = room

    def disk(self) -> Disk | None:
        return self._room.disk

    async def keep_mapping(self, *, name: str, version: str, text: str, by: str = BY_FILE) -> Activation:
        rows = self._kept
        return await self._commits.write(lambda: rows.keep_mapping(name=name, version=version, text=text, by=by))

    async def last_mapping(self, name: str) -> str | None:
        return await self._commits.read(lambda: self._kept.text_of("last_mapping", key=name))

    async def keep_limit(self, project: str, limit: Limit) -> None:
        await self._commits.write(lambda: self._kept.keep_limit(project, limit))

    async def limit(self, project: str) -> Limit | None:
        return await self._commits.read(lambda: self._kept.limit(project))

    async def keep_sample(self, minute: int, *, pending: int, rates: Mapping[str, ProjectRate]) -> None:
        await self._commits.write(lambda: self._kept.keep_sample(minute, pending=pending, rates=rates))

    async def mapping(self, version: str) -> str | None:
        return await self._commits.read(lambda: self._kept.text_of("mapping", key=version))
