"""Has deletion requests carried out as they come, and says which were."""

import asyncio

from adapter.errors import QueueError
from adapter.observe import happenings
from adapter.observe.observer import Emit
from adapter.queue.base import Archive

_WAIT_S = 60.0
_AGAIN_S = 5.0


async def delete_as_asked(archive: Archive, emit: Emit) -> None:
    """Go on until cancelled; what fails for the disk's sake is begun again."""
    while True:
        try:
            done = await archive.delete_requested(wait_s=_WAIT_S)
        except QueueError as exc:
            emit(happenings.QueueFailed(cause=str(exc)))
            await asyncio.sleep(_AGAIN_S)
            continue
        for one in done:
            emit(happenings.UserDeleted(one.source, one.message_id, one.events, one.rejections))
