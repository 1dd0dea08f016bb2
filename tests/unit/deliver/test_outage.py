"""Probes through an outage: soon at first, then a tenth of its length apart, and never held up by one that hangs."""

from adapter.deliver.outage import Outage, OutageConfig


def test_rounds_are_a_tenth_of_the_time_down_apart() -> None:
    """At least 0.25 s, at most 30 s, never later than that."""
    gate = Outage(OutageConfig())
    gate.shut(0.0)
    now_s, permit = 0.0, 0
    while now_s < 2000.0:
        pause_s = gate.probe_in_s(now_s)
        assert 0.8 * min(30.0, 0.1 * now_s) <= max(0.26, pause_s) + 1e-9
        assert pause_s <= max(0.25, min(30.0, 0.1 * now_s)) + 1e-9
        now_s += pause_s + 1.0
        for _ in range(gate.probes_left(now_s)):
            permit += 1
            gate.let_pass(permit, now_s)
            gate.probe_ended(permit)


def test_a_hanging_probe_does_not_hold_the_next_one() -> None:
    """Two that hang leave room for one; three are the most."""
    gate = Outage(OutageConfig())
    gate.shut(0.0)
    assert gate.probes_left(0.1) == 0
    for permit in range(3):
        assert gate.wait_s(0.3, probe=True) == 0.0
        gate.let_pass(permit, 0.3)
    assert (gate.probes_left(0.3), gate.probes_left(100.0)) == (0, 0)
    gate.probe_ended(1)
    assert gate.probes_left(100.0) == 1


def test_nothing_but_probes_passes() -> None:
    """Until it is opened."""
    gate = Outage(OutageConfig())
    gate.shut(0.0)
    assert gate.wait_s(50.0, probe=False) > 0
    gate.open()
    assert gate.wait_s(50.0, probe=False) == 0.0
    assert not gate.is_shut
