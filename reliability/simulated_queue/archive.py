"""What the simulated queue keeps beside events."""

from collections.abc import Mapping
from datetime import UTC, datetime

from adapter.queue.activations import BY_FILE, Activation, text_digest
from adapter.queue.contract import Disk, Limit
from adapter.queue.samples import ProjectRate


class SimulatedArchive:
    """Mappings and learned limits, as `adapter.queue.contract.Archive` promises them."""

    def __init__(self) -> None:
        self._mappings: dict[str, str] = {}
        self._active: dict[str, str] = {}
        self._limits: dict[str, Limit] = {}

    def disk(self) -> Disk | None:
        return None

    async def keep_mapping(self, *, name: str, version: str, text: str, by: str = BY_FILE) -> Activation:
        self._mappings[version] = text
        if version:
            self._active[name] = version
        # No operator looks into it.
        return Activation(
            id=0, name=name, version=version, digest=text_digest(text), at=datetime.fromtimestamp(0, UTC), by=by
        )

    async def last_mapping(self, name: str) -> str | None:
        version = self._active.get(name)
        return None if version is None else self._mappings[version]

    async def keep_limit(self, project: str, limit: Limit) -> None:
        self._limits[project] = limit

    async def keep_sample(self, minute: int, *, pending: int, rates: Mapping[str, ProjectRate]) -> None:
        """A simulation has no charts."""

    async def limit(self, project: str) -> Limit | None:
        return self._limits.get(project)

    async def mapping(self, version: str) -> str | None:
        return self._mappings.get(version)
