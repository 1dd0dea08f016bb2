"""A sender like a customer-data platform: it sends each message until it is acknowledged, with waits in between."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial

import aiohttp

from reliability.oracle import CLICK, Message, Oracle
from reliability.polling import until
from reliability.stage import Stage

_AGAIN_S = 0.05


async def post(stage: Stage, oracle: Oracle, message: Message, *, within_s: float = 30.0) -> int:
    """Send `message` once; returns the status of the answer, 0 if there was none. The oracle records a 200."""
    try:
        timeout = aiohttp.ClientTimeout(total=within_s)
        async with stage.http.post(stage.webhook, json=message.body, timeout=timeout) as answer:
            await answer.read()
            if answer.status == 200:
                oracle.acknowledged(message)
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


async def send(stage: Stage, oracle: Oracle, messages: Iterable[Message]) -> None:
    """Send `messages` one after the other, each until it is acknowledged."""
    for message in messages:
        await until(partial(_is_acknowledged, stage, oracle, message), every_s=_AGAIN_S)


async def _is_acknowledged(stage: Stage, oracle: Oracle, message: Message) -> bool:
    return await post(stage, oracle, message) == 200


async def load(stage: Stage, oracle: Oracle, users: Sequence[str], *, each: int, event: str = CLICK) -> None:
    """`each` messages of every user: the users at once, the messages of one in order."""
    async with asyncio.TaskGroup() as group:
        for user in users:
            group.create_task(send(stage, oracle, [Message(user, number, event) for number in range(each)]))


def users(count: int, prefix: str = "user") -> list[str]:
    """Names for `count` users."""
    return [f"{prefix}-{number}" for number in range(count)]


async def send_batch(stage: Stage, oracle: Oracle, messages: Sequence[Message]) -> None:
    """Send `messages` in one request, as an array, until it is acknowledged."""

    async def is_acknowledged() -> bool:
        try:
            async with stage.http.post(stage.webhook, json=[message.body for message in messages]) as answer:
                await answer.read()
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    await until(is_acknowledged, every_s=_AGAIN_S)
    for message in messages:
        oracle.acknowledged(message)
