"""What the active mappings would make of events that are to be requeued. Sends and changes nothing."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice

from adapter.console.detail import ActiveRulesets
from adapter.console.serialize import is_deleted
from adapter.console.wording import result_word
from adapter.model import JsonObject
from adapter.queue.admin import QueueAdmin

MAX_LOOKED = 1_000
"""Events that a preview renders; of more, the oldest."""


def would_become(
    admin: QueueAdmin, rulesets: ActiveRulesets, seqs: Iterable[int], *, go_on: Callable[[], None]
) -> JsonObject:
    """How many of `seqs` would be sent, refused by their mapping, dropped, or unmatched."""
    counts = Counter[str]()
    for seq in islice(seqs, MAX_LOOKED):
        go_on()
        record = admin.event(seq)
        if record is None or is_deleted(record):
            continue  # discarded or erased since the selection, so it would not be requeued
        ruleset = rulesets.of(record.event.source)
        counts["looked"] += 1
        counts["refused" if ruleset is None else result_word(ruleset.render(record.event))] += 1
    return {word: counts[word] for word in ("sent", "refused", "dropped", "unmatched", "looked")}
