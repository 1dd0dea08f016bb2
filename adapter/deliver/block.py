"""Whether Browsee blocks this client: it answers every call with 429, however slowly they go. Pure; the clock comes in
as `now_s`.
"""

from adapter.deliver.gate import Gate, GateConfig


class BlockGate:
    """`run` 429s in a row, without a delivered call, are a block. Then `gate` lets only probes pass."""

    def __init__(self, gate: GateConfig, *, run: int) -> None:
        self.gate = Gate(gate)
        self._run = run
        self._limited = 0

    def answered(self, permit: int, *, limited: bool, passed: bool, now_s: float) -> float | None:
        """Learn from the answer to the call `permit`. If the block is over, the seconds that it took; else None."""
        if passed:
            self._limited = 0
        self._limited += limited
        if self._limited >= self._run:
            self.gate.shut(now_s)
        if not self.gate.is_probe(permit):
            return None
        if passed:
            blocked_s = self.gate.shut_for_s(now_s)
            self.gate.open()
            return blocked_s
        if limited:
            self.gate.probe_failed(now_s)
        else:
            self.gate.probe_was_inconclusive(now_s)
        return None
