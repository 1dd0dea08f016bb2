"""Waiting for a fact without notification: the state of another process can only be polled."""

import asyncio
import time
from collections.abc import Awaitable, Callable

EVERY_S = 0.02


async def until(
    is_so: Callable[[], Awaitable[bool]], *, within_s: float = float("inf"), every_s: float = EVERY_S
) -> bool:
    """Poll until `is_so` is true; False if it is not within `within_s`. Polls at least once."""
    end_s = time.monotonic() + within_s
    while not await is_so():
        if time.monotonic() >= end_s:
            return False
        await asyncio.sleep(every_s)
    return True
