"""Queue files for the commands that look at them: made by the real queue, as a service leaves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import time

from msgspec.structs import replace

from adapter.model import Event, EventWarning, Outcome, Problem, Reason, Rejection
from adapter.queue.contract import Balance
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.service.mappings import loader
from adapter.settings.load import load_settings
from tests.fakes import make_event
from tests.unit.cli.conftest import MAPPING

USER = "ann@example.com"


def an_order(message_id: str, *, user: str | None = USER, total: object = "27.50") -> Event:
    """An order as MAPPING expects it, received now; without a total the mapping refuses it."""
    properties = {} if total is None else {"total": total}
    event = make_event(message_id, user=user, event="Order Completed", properties=properties)
    return replace(event, received_at=datetime.now(UTC))


def a_rejection(body: bytes = b'{"type":"track","userId":"u-1","messageId":"bad-1"}') -> Rejection:
    """A track without its event name."""
    problem = Problem("/event", "required", "is required")
    return Rejection("shop", Reason.SCHEMA, (problem,), body, "bad-1", datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Ended:
    """An event and how it ends; None: it stays pending."""

    event: Event
    outcome: Outcome | None = None
    sent: tuple[str, ...] = ()
    warnings: tuple[EventWarning, ...] = ()


async def fill(path: Path, ended: Sequence[Ended], rejections: Sequence[Rejection] = ()) -> str:
    """Put and settle all of them in the queue at `path`; returns the version of the active mapping."""
    settings = load_settings(file=None, environ={}, folder=path.parent)
    ruleset = loader(settings, settings.sources[0])(MAPPING)
    queue = await SqliteQueue.open(path, now=time)
    await queue.keep_mapping(name="shop.yaml", version=ruleset.version, text=MAPPING)
    for one in ended:
        await queue.put([one.event])
        if one.outcome is None:
            continue
        [lease] = await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)
        for key in one.sent:
            queue.mark_delivered(lease, key)
        assert await queue.settle(lease, one.outcome, mapping=ruleset.version, warnings=one.warnings)
    await queue.put([], rejections)
    await queue.close()
    return ruleset.version


async def balance_of(path: Path) -> Balance:
    """The ledger of the queue at `path`."""
    queue = await SqliteQueue.open(path, now=time)
    balance = await queue.balance()
    await queue.close()
    return balance
