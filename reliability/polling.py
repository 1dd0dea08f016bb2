"""Waiting for a fact that nobody announces: another process's state can only be asked for."""

import asyncio
import time
from collections.abc import Awaitable, Callable

EVERY_S = 0.02


async def until(
    is_so: Callable[[], Awaitable[bool]], *, within_s: float = float("inf"), every_s: float = EVERY_S
) -> bool:
    """Ask until it is so; False if it is not within `within_s`. Asks at least once."""
    end_s = time.monotonic() + within_s
    while not await is_so():
        if time.monotonic() >= end_s:
            return False
        await asyncio.sleep(every_s)
    return True
