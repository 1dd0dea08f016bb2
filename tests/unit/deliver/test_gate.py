"""A shut gate lets one probe pass at a time, at growing intervals."""

from adapter.deliver.gate import ASK_AGAIN_S, Gate, GateConfig

CONFIG = GateConfig(first_s=1.0, max_s=5.0, lost_s=60.0)


def test_an_open_gate_lets_everything_pass() -> None:
    """And nothing that passes is a probe."""
    gate = Gate(CONFIG)
    assert (gate.is_shut, gate.wait_s(0.0), gate.shut_for_s(9.0), gate.probe_in_s(0.0)) == (False, 0.0, 0.0, 0.0)
    gate.let_pass(1, 0.0)
    assert not gate.is_probe(1)


def test_a_shut_gate_lets_one_probe_pass_when_it_is_due() -> None:
    """Not sooner, and no second one while the first is under way."""
    gate = Gate(CONFIG)
    gate.shut(10.0)
    assert (gate.wait_s(10.5), gate.probe_in_s(10.5)) == (0.5, 0.5)
    assert gate.wait_s(11.0) == 0.0
    gate.let_pass(7, 11.0)
    assert gate.is_probe(7)
    assert (gate.wait_s(11.5), gate.probe_in_s(11.5)) == (ASK_AGAIN_S, 0.0)


def test_the_pause_doubles_to_its_maximum() -> None:
    """1, 2, 4, 5, 5 s."""
    gate = Gate(CONFIG)
    gate.shut(0.0)
    now_s, pauses = 0.0, []
    for permit in range(5):
        pauses.append(gate.wait_s(now_s))
        now_s += pauses[-1]
        gate.let_pass(permit, now_s)
        gate.probe_failed(now_s)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_probe_that_tells_nothing_changes_no_pause() -> None:
    """A timeout says nothing of whether the key is right."""
    gate = Gate(CONFIG)
    gate.shut(0.0)
    gate.let_pass(1, 1.0)
    gate.probe_was_inconclusive(2.0)
    assert (gate.wait_s(2.0), gate.is_probe(1)) == (1.0, False)


def test_shutting_again_changes_nothing() -> None:
    """Late answers to calls sent before do not push the probe away."""
    gate = Gate(CONFIG)
    gate.shut(0.0)
    gate.shut(0.9)
    assert (gate.wait_s(1.0), gate.shut_for_s(1.0)) == (0.0, 1.0)


def test_an_opened_gate_begins_anew() -> None:
    """The next pause is the first one again."""
    gate = Gate(CONFIG)
    gate.shut(0.0)
    gate.let_pass(1, 1.0)
    gate.probe_failed(1.0)
    gate.open()
    assert gate.wait_s(1.1) == 0.0
    gate.shut(5.0)
    assert gate.wait_s(5.0) == 1.0


def test_a_lost_probe_is_followed_by_another() -> None:
    """A probe whose answer never comes back does not keep the gate shut for ever."""
    gate = Gate(CONFIG)
    gate.shut(0.0)
    gate.let_pass(1, 1.0)
    assert gate.wait_s(61.0) == 0.0
    gate.let_pass(2, 61.0)
    assert (gate.is_probe(1), gate.is_probe(2)) == (False, True)
