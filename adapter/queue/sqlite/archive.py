"""What the queue file keeps beside events: mappings, learned limits, samples and the use of the disk."""

from collections.abc import Mapping

from adapter.queue.activations import BY_FILE, Activation
from adapter.queue.contract import Disk, Limit
from adapter.queue.group_commit import GroupCommit
from adapter.queue.room import Room
from adapter.queue.samples import ProjectRate
from adapter.queue.sqlite.rows import SqliteRows


class SqliteArchive:
    """As `adapter.queue.contract.Archive` promises it."""

    def __init__(self, commits: GroupCommit, rows: SqliteRows, room: Room) -> None:
        self._commits = commits
        self._rows = rows
        self._room = room

    def disk(self) -> Disk | None:
        return self._room.disk

    async def keep_mapping(self, *, name: str, version: str, text: str, by: str = BY_FILE) -> Activation:
        return await self._commits.write(lambda: self._rows.keep_mapping(name=name, version=version, text=text, by=by))

    async def last_mapping(self, name: str) -> str | None:
        return await self._commits.read(lambda: self._rows.text_of("last_mapping", key=name))

    async def keep_limit(self, project: str, limit: Limit) -> None:
        await self._commits.write(lambda: self._rows.keep_limit(project, limit))

    async def keep_sample(self, minute: int, *, pending: int, rates: Mapping[str, ProjectRate]) -> None:
        await self._commits.write(lambda: self._rows.keep_sample(minute, pending=pending, rates=rates))

    async def limit(self, project: str) -> Limit | None:
        return await self._commits.read(lambda: self._rows.limit(project))

    async def mapping(self, version: str) -> str | None:
        return await self._commits.read(lambda: self._rows.text_of("mapping", key=version))
