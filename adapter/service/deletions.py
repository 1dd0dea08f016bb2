"""Carries out deletion requests as they arrive, and reports which are done, and which wait because their source may not
delete.
"""

import asyncio
from collections.abc import Callable, Mapping

from adapter.errors import QueueError
from adapter.model import JsonObject
from adapter.observe.observer import Emit
from adapter.observe.service_telemetry import DeletionsWaiting, QueueFailed, UserDeleted
from adapter.queue.contract import Archive

_WAIT_S = 10.0
"""A request that an operator requeues with a command is seen within this time."""
_AGAIN_S = 5.0


async def delete_as_asked(archive: Archive, emit: Emit) -> None:
    """Work until cancelled; a request that failed because of the disk is tried again."""
    while True:
        try:
            done = await archive.delete_requested(wait_s=_WAIT_S)
        except QueueError as exc:
            emit(QueueFailed(cause=str(exc)))
            await asyncio.sleep(_AGAIN_S)
            continue
        for one in done:
            emit(UserDeleted(one.source, one.message_id, one.events, one.rejections))


def warnings(waiting: Mapping[str, int], may_delete: Callable[[str], bool]) -> list[str]:
    """For each source, a warning about its waiting requests, and what to do about them."""
    return [
        f"{_counted(count, source)}: {_todo(source, authorised=may_delete(source))}"
        for source, count in waiting.items()
    ]


def facts(waiting: Mapping[str, int], may_delete: Callable[[str], bool]) -> JsonObject:
    """The members of `/readyz` about waiting requests: none if there are none."""
    says = warnings(waiting, may_delete)
    return {"deletions_waiting": {"count": sum(waiting.values()), "says": "; ".join(says)}} if waiting else {}


def _counted(count: int, source: str) -> str:
    if count == 1:
        return f"1 deletion request of source {source} waits"
    return f"{count} deletion requests of source {source} wait"


def _todo(source: str, *, authorised: bool) -> str:
    see = "see browsee-adapter dead list"
    if authorised:
        return f"{see}, then dead requeue, or dead discard"
    return f"it has neither signing_secrets nor deletions: on (sources.{source}.deletions); {see}"


class WaitingDeletions:
    """Reports that deletion requests wait: at the start, and when there are more than at the last check."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._reported: dict[str, int] = {}

    def look(self, waiting: Mapping[str, int]) -> None:
        """`waiting` counts those of each source now."""
        for source, count in waiting.items():
            if count > self._reported.get(source, 0):
                self._emit(DeletionsWaiting(source, count))
        self._reported = dict(waiting)
