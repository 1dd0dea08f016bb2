"""The end of a run: a phase without faults, in which every event must be finished, and then the checks."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from adapter.queue.address import QueueAddress
from adapter.queue.backends import open_admin
from adapter.queue.contract import Balance
from reliability import checks
from reliability.checks import Bounds, Evidence, Seen
from reliability.findings import Findings
from reliability.oracle import Message, Oracle
from reliability.places import open_by
from reliability.polling import until
from reliability.sender import post
from reliability.stage import Stage

FRESH_S = 10.0
_LOOK_AGAIN_S = 0.1
_NO_BOUNDS = Bounds()

ReadCalls = Callable[[], Awaitable[Sequence[Seen]]]


async def judge(
    stage: Stage,
    oracle: Oracle,
    *,
    bounds: Bounds = _NO_BOUNDS,
    rest_s: float = 30.0,
    recovery_s: float | None = None,
    calls: ReadCalls | None = None,
    note: str = "",
    broken: Sequence[str] = (),
) -> Findings:
    """The findings of `stage` about what it owes `oracle`; `broken` is what the experiment itself found before.

    `calls` reads what Browsee got if it is not the sandbox. The adapter is stopped here.
    """
    read = calls or stage.calls
    fresh_s = FRESH_S + stage.takeover_s
    violations = [*broken, *await truthful(stage, oracle), *await fresh(stage, oracle, read, within_s=fresh_s)]
    await rested(stage, oracle, read, within_s=rest_s + stage.takeover_s)
    code = await stage.stop()
    if code != 0:
        violations.append(f"H: it ended with {code} after SIGTERM")
    evidence = await evidence_of(stage, oracle, await read())
    delivered = len(oracle) - len(checks.lost(evidence)) - len(evidence.dead.keys() & oracle.obligations.keys())
    return Findings(
        acked=len(oracle),
        delivered=delivered,
        dead=len(evidence.dead),
        duplicates=checks.repeats(evidence.calls),
        lost=len(checks.lost(evidence)),
        recovery_s=recovery_s,
        broken=(*violations, *checks.broken(evidence, bounds)),
        note=note,
    )


async def fresh(
    stage: Stage, oracle: Oracle, read: ReadCalls, *, user: str = "fresh", within_s: float = FRESH_S
) -> list[str]:
    """L: the next event of `user` passes within `within_s`."""
    message = Message(user, sum(owed.user == user for owed in oracle.obligations.values()))

    async def has_passed() -> bool:
        if message.message_id not in oracle.obligations and await post(stage, oracle, message) != 200:
            return False
        return any(call.message_id == message.message_id and call.status == checks.ACCEPTED for call in await read())

    passed = await until(has_passed, within_s=within_s, every_s=_LOOK_AGAIN_S)
    return [] if passed else [f"L: a fresh event of {user} did not pass within {within_s:.0f} s"]


async def truthful(stage: Stage, oracle: Oracle, *, user: str = "truth") -> list[str]:
    """H: `/readyz` says 200 exactly if a valid event is stored."""
    number = sum(owed.user == user for owed in oracle.obligations.values())
    ready, stored = await stage.is_ready(), await post(stage, oracle, Message(user, number)) == 200
    return (
        []
        if ready == stored
        else [
            f"H: /readyz said {'ready' if ready else 'not ready'} and a good event was {'stored' if stored else 'not'}"
        ]
    )


async def rested(stage: Stage, oracle: Oracle, read: ReadCalls, *, within_s: float) -> None:
    """Wait until every obligation is delivered or dead, at most `within_s`; the checks report the rest."""

    async def has_all() -> bool:
        return not checks.lost(Evidence(oracle.obligations, await read(), _dead(stage.address), _NOTHING, 0, 0))

    await until(has_all, within_s=within_s, every_s=_LOOK_AGAIN_S)


async def evidence_of(stage: Stage, oracle: Oracle, calls: Sequence[Seen]) -> Evidence:
    """All evidence of `stage`, whose adapter has ended."""
    size = sum(file.stat().st_size for file in stage.queue.parent.glob(f"{stage.queue.name}*"))
    return Evidence(
        obligations=oracle.obligations,
        calls=calls,
        dead=_dead(stage.address),
        balance=await balance_of(stage.address),
        memory_bytes=stage.peak_memory_bytes,
        file_bytes=size,
    )


_NOTHING = Balance(counts={}, pending=0, dead=0)


def _dead(address: QueueAddress) -> Mapping[str, str]:
    """The reason of each dead letter, by message id."""
    found: dict[str, str] = {}
    with open_admin(address, unordered=()) as admin:
        after = 0
        while records := admin.dead(after=after):
            found |= {record.event.message_id: record.reason for record in records}
            after = records[-1].seq
    return found


async def balance_of(address: QueueAddress) -> Balance:
    """The ledger of a queue without a service."""
    queue = await open_by(address, time.time)
    try:
        return await queue.balance()
    finally:
        await queue.close()
