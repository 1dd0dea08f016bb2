"""An adapter that polls its mapping files a hundred times a second, so that a thousand edits take seconds; otherwise it
is the service. Never part of it.

`python -m reliability.fast_reload --config F --host H --port P`. With `--fault torn` the mapping that was active for
the event before makes the first call of each event, which is wrong.
"""

from dataclasses import dataclass, field

from msgspec import structs

from adapter.mapping.run.ruleset import FileFacts, Ruleset, SourceOptions
from adapter.model import Calls, Dropped, Event, Refused, Unmatched
from adapter.queue.contract import Archive
from adapter.service.mappings import Active
from adapter.service.wiring import Wiring
from reliability.faulty_service import command

MODULE = "reliability.fast_reload"
LOOK_EVERY_S = 0.01
SETTLE_S = 0.005


class _HastyActive(Active):
    """Polls files more often."""

    async def follow(self, archive: Archive, *, every_s: float = LOOK_EVERY_S, settle_s: float = SETTLE_S) -> None:
        await super().follow(archive, every_s=every_s, settle_s=settle_s)


class _TornRuleset(Ruleset):
    """Makes the first call by `first`, the others by `second`."""

    def __init__(self, first: Ruleset, second: Ruleset) -> None:
        super().__init__(
            version=second.version, rules=(), guards=(), facts=FileFacts(None, False), source=SourceOptions()
        )
        self._halves = first, second

    def render(self, event: Event) -> Calls | Dropped | Refused | Unmatched:
        first, second = (half.render(event) for half in self._halves)
        if isinstance(first, Calls) and isinstance(second, Calls):
            return structs.replace(second, calls=(*first.calls[:1], *second.calls[1:]))
        return second


@dataclass
class _TornActive(_HastyActive):
    """Mixes two mappings in one event."""

    before: dict[str, Ruleset] = field(default_factory=dict)

    def of(self, source: str) -> Ruleset:
        now = self.live[source].ruleset
        torn = _TornRuleset(self.before.get(source, now), now)
        self.before[source] = now
        return torn


if __name__ == "__main__":
    command(Wiring(make_active=_HastyActive), {"torn": Wiring(make_active=_TornActive)})()
