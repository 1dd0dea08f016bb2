"""What a worker is told: go, or wait and why; and what it has to do with an answer."""

import pytest

from adapter.deliver.misconfigured import Ruling
from adapter.deliver.pace import PaceConfig
from adapter.deliver.policy import Accepted, Misconfigured, RefusedByBrowsee, TryAgain, Verdict
from adapter.deliver.project import Go, Project, ProjectConfig, Ticket, Wait, Why
from adapter.model import Kind, Reason

LIMITED = TryAgain(Reason.RATE_LIMITED, counted=False)
BROKEN = TryAgain(Reason.SERVER_ERROR)
WRONG_KEY = Misconfigured("Browsee answered 401: check browsee_api_key")
REFUSED = RefusedByBrowsee("unknown apiKey")


class Worker:
    """Sends through a project, one call after the other, on a clock of its own."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.project = Project(ProjectConfig(), now_s=self.now_s)
        self.sent = 0

    def ticket(self, kind: Kind = "track") -> Ticket:
        """The next call, as soon as it may go; pauses are not waited for."""
        while True:
            admission = self.project.admit(kind, self.now_s)
            match admission:
                case Go(ticket=ticket):
                    return ticket
                case Wait(seconds=seconds, why=Why.PACE):
                    self.now_s += seconds
                case Wait(why=why):
                    raise AssertionError(why)

    def send(self, verdict: Verdict, kind: Kind = "track", *, lane: str | None = None) -> Ruling:
        ticket = self.ticket(kind)
        self.sent += 1
        self.now_s += 0.1
        return self.project.answered(ticket, verdict, lane=lane or f"u{self.sent}", receipt=self.sent, now_s=self.now_s)

    def waits(self, kind: Kind = "track") -> tuple[Why, float] | None:
        """Why and how long the next call waits, if it is not for the pace."""
        while True:
            admission = self.project.admit(kind, self.now_s)
            match admission:
                case Go(ticket=ticket):
                    self.project.abandoned(ticket, now_s=self.now_s)
                    return None
                case Wait(seconds=seconds, why=Why.PACE):
                    self.now_s += seconds
                case Wait(seconds=seconds, why=why):
                    return why, round(seconds, 6)


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_calls_go_at_the_pace(worker: Worker) -> None:
    """The first goes at once, the next when the rate lets it."""
    assert isinstance(worker.project.admit("track", worker.now_s), Go)
    assert worker.project.admit("identify", worker.now_s) == Wait(0.5, Why.PACE)
    assert worker.project.state(worker.now_s).delivery == "slowed"
    assert worker.project.state(worker.now_s + 60).delivery == "ok"


def test_a_retry_after_pauses_the_project(worker: Worker) -> None:
    """Both kinds of call, for as long as Browsee asked for; a shorter wish does not shorten it."""
    first, second = worker.ticket(), worker.ticket()
    worker.project.answered(
        first, TryAgain(BROKEN.reason, 60.0, counted=False), lane="u", receipt=1, now_s=worker.now_s
    )
    worker.project.answered(
        second, TryAgain(BROKEN.reason, 5.0, counted=False), lane="v", receipt=2, now_s=worker.now_s
    )
    assert worker.waits("track") == worker.waits("identify") == (Why.RETRY_AFTER, 60.0)
    assert worker.project.state(worker.now_s).delivery == "paused"
    worker.now_s += 60.0
    assert worker.waits() is None


def test_nothing_but_429_is_a_block(worker: Worker) -> None:
    """One probe, pause doubling from 1 s, and no further cuts; when a probe passes, calls go on."""
    for _ in range(30):
        worker.send(Accepted())
    for _ in range(10):
        assert worker.send(LIMITED) == Ruling(LIMITED)
    known = worker.project.state(worker.now_s).limit_per_s
    assert worker.waits() == (Why.BLOCKED, 1.0)
    for pause_s in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        assert worker.waits() == (Why.BLOCKED, pause_s)
        worker.now_s += pause_s - 0.1
        assert worker.waits() == (Why.BLOCKED, 0.1)
        worker.now_s += 0.1
        worker.send(LIMITED)
    assert worker.project.state(worker.now_s).limit_per_s == known
    assert worker.project.state(worker.now_s).why is Why.BLOCKED
    worker.now_s += 30.0
    worker.send(Accepted())
    assert worker.waits() is None


def test_a_success_between_is_no_block(worker: Worker) -> None:
    """Nine 429 and a success, again and again, are a rate that is too high."""
    for _ in range(5):
        for _ in range(9):
            worker.send(LIMITED)
        worker.send(Accepted())
    assert worker.waits() is None


def test_an_outage_opens_the_breaker(worker: Worker) -> None:
    """Ten failures: nothing goes for 30 s, then one probe; if that fails too, 30 s again."""
    for _ in range(10):
        assert worker.send(BROKEN) == Ruling(BROKEN)
    assert worker.waits() == (Why.DOWN, 30.0)
    assert worker.project.state(worker.now_s).delivery == "paused"
    worker.now_s += 30.0
    probe = worker.ticket()
    assert isinstance(worker.project.admit("track", worker.now_s + 1), Wait)
    worker.project.answered(probe, TryAgain(Reason.TIMEOUT), lane="u", receipt=1, now_s=worker.now_s)
    assert worker.waits() == (Why.DOWN, 30.0)
    worker.now_s += 30.0
    worker.send(Accepted())
    assert worker.waits() is None


@pytest.mark.parametrize("verdict", [REFUSED, Accepted(), LIMITED], ids=["refused", "accepted", "limited"])
def test_an_answer_that_is_no_failure_closes_the_breaker(worker: Worker, verdict: Verdict) -> None:
    """A server that refuses, or says that it is too fast, is there."""
    for _ in range(10):
        worker.send(BROKEN)
    worker.now_s += 30.0
    worker.send(verdict)
    assert worker.waits() is None


def test_a_400_is_never_back_pressure(worker: Worker) -> None:
    """A hundred refusals, each for its own cause, change neither pace nor pause."""
    for step in range(100):
        refused = RefusedByBrowsee(f"bad property {step}")
        assert worker.send(refused) == Ruling(refused)
    state = worker.project.state(worker.now_s)
    assert state.limit_per_s is None
    assert worker.waits() is None


def test_a_wrong_key_pauses_that_kind_of_call(worker: Worker) -> None:
    """One probe at a growing interval up to a minute; the other kind goes on."""
    for pause_s in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
        assert worker.send(WRONG_KEY, "identify") == Ruling(WRONG_KEY)
        assert worker.waits("identify") == (Why.MISCONFIGURED, pause_s)
        assert worker.send(Accepted(), "track") == Ruling(Accepted())
        worker.now_s += pause_s
    state = worker.project.state(worker.now_s)
    assert (state.delivery, state.why) == ("slowed", Why.MISCONFIGURED)
    assert WRONG_KEY.detail in state.text
    worker.send(Accepted(), "identify")
    assert worker.waits("identify") is None


def test_one_event_cannot_pause_all_others_for_ever(worker: Worker) -> None:
    """What meets 403 again after others got through is to blame itself: it costs it a try, and nobody a pause."""
    for attempt in range(5):
        ticket = worker.ticket()
        ruling = worker.project.answered(ticket, WRONG_KEY, lane="poison", receipt=7, now_s=worker.now_s)
        if attempt == 0:
            assert ruling == Ruling(WRONG_KEY)
            assert worker.waits() == (Why.MISCONFIGURED, 1.0)
            worker.now_s += 1.0
        else:
            assert ruling == Ruling(TryAgain(Reason.MISCONFIGURED, counted=True))
            assert worker.waits() is None
        worker.sent += 100
        worker.send(Accepted())


def test_an_event_that_meets_a_real_pause_again_is_not_to_blame(worker: Worker) -> None:
    """While nothing gets through between, the same event may be the probe for days and loses no try."""
    for _ in range(20):
        ticket = worker.ticket()
        ruling = worker.project.answered(ticket, WRONG_KEY, lane="u", receipt=7, now_s=worker.now_s)
        assert ruling == Ruling(WRONG_KEY)
        worker.now_s += 60.0


def test_paused_tracks_are_a_paused_project(worker: Worker) -> None:
    """Identify calls alone deliver nothing that anybody waits for."""
    worker.send(WRONG_KEY)
    state = worker.project.state(worker.now_s)
    assert (state.delivery, state.text) == ("paused", WRONG_KEY.detail)


@pytest.mark.parametrize(
    ("pinned_per_s", "limits", "text"),
    [(5.0, 0, "browsee.rate"), (None, 0, "until Browsee's limit is met"), (None, 1, "limit is known")],
    ids=["pinned", "before the first 429", "learned"],
)
def test_who_is_slowed_by_the_pace_is_told_what_sets_it(pinned_per_s: float | None, limits: int, text: str) -> None:
    """The settings, a limit that is being looked for, or one that was met: nobody is told of a limit not known."""
    worker = Worker()
    worker.project = Project(ProjectConfig(PaceConfig(pinned_per_s=pinned_per_s)), now_s=worker.now_s)
    verdicts: list[Verdict] = [*[LIMITED] * limits, Accepted(), Accepted()]
    for verdict in verdicts:
        worker.send(verdict)
    assert text in worker.project.state(worker.now_s).text


def test_while_tracks_are_paused_nothing_is_taken(worker: Worker) -> None:
    """Nor set aside: a backlog of tracks would be written anew, event by event, for as long as the pause lasts."""
    worker.send(WRONG_KEY)
    assert worker.project.paused_for_s(worker.now_s) == 1.0
    assert not worker.project.sets_aside("track")
    assert worker.project.paused_for_s(worker.now_s + 1.0) == 0.0


def test_while_identify_alone_is_paused_its_events_are_set_aside(worker: Worker) -> None:
    """Tracks go on, and when they are paused too nobody passes anybody."""
    worker.send(WRONG_KEY, "identify")
    assert worker.project.paused_for_s(worker.now_s) == 0.0
    assert (worker.project.sets_aside("identify"), worker.project.sets_aside("track")) == (True, False)
    worker.send(WRONG_KEY, "track")
    assert not worker.project.sets_aside("identify")


def test_twenty_equal_refusals_are_the_projects_fault(worker: Worker) -> None:
    """The only documented failure of a wrong key is 400: those twenty are pending again, and nothing more is burned."""
    for _ in range(19):
        assert worker.send(REFUSED) == Ruling(REFUSED)
    ruling = worker.send(REFUSED)
    assert isinstance(ruling.verdict, Misconfigured)
    assert "unknown apiKey" in ruling.verdict.detail
    assert ruling.revived == tuple(range(1, 20))
    assert worker.waits() == (Why.MISCONFIGURED, 1.0)
    worker.now_s += 1.0
    probe = worker.send(REFUSED)
    assert (probe.verdict, probe.revived) == (ruling.verdict, ())
    assert worker.waits() == (Why.MISCONFIGURED, 2.0)
    worker.now_s += 2.0
    worker.send(Accepted())
    assert worker.waits() is None


def test_equal_refusals_on_their_way_are_not_burned(worker: Worker) -> None:
    """What was sent before the pause and is refused after it, is misconfigured too."""
    on_its_way = worker.ticket()
    for _ in range(20):
        worker.send(REFUSED)
    ruling = worker.project.answered(on_its_way, REFUSED, lane="u", receipt=99, now_s=worker.now_s)
    assert isinstance(ruling.verdict, Misconfigured)
    assert worker.waits() == (Why.MISCONFIGURED, 1.0)


def test_a_probe_refused_for_another_cause_is_a_good_sign(worker: Worker) -> None:
    """It was looked at: what was wrong with the project is not any more, and this event is."""
    for _ in range(20):
        worker.send(REFUSED)
    worker.now_s += 1.0
    other = RefusedByBrowsee("event is too long")
    assert worker.send(other) == Ruling(other)
    assert worker.waits() is None


@pytest.mark.parametrize(
    ("lanes", "between"),
    [
        pytest.param(4, None, id="four-users"),
        pytest.param(20, Accepted(), id="a-success-between"),
        pytest.param(20, RefusedByBrowsee("other"), id="another-message-between"),
    ],
)
def test_fewer_signs_are_the_events_fault(worker: Worker, lanes: int, between: Verdict | None) -> None:
    """Twenty refusals of four users, or with anything else between them, are twenty dead events."""
    for step in range(38):
        assert worker.send(REFUSED, lane=f"u{step % lanes}") == Ruling(REFUSED)
        if step % 19 == 18 and between is not None:
            worker.send(between)
    assert worker.waits() is None


def test_an_event_with_several_refused_calls_is_revived_once(worker: Worker) -> None:
    """Its receipt is named once."""
    rulings = []
    for step in range(20):
        ticket = worker.ticket()
        rulings.append(worker.project.answered(ticket, REFUSED, lane=f"u{step}", receipt=step // 2, now_s=worker.now_s))
    assert rulings[-1].revived == tuple(range(9))


def test_an_abandoned_probe_is_followed_by_another(worker: Worker) -> None:
    """A worker that is stopped between admission and answer keeps nobody waiting."""
    worker.send(WRONG_KEY)
    worker.now_s += 1.0
    worker.project.abandoned(worker.ticket(), now_s=worker.now_s)
    assert worker.waits() == (Why.MISCONFIGURED, 1.0)
    assert worker.project.state(worker.now_s).in_flight == 0


def test_too_many_under_way_wait(worker: Worker) -> None:
    """A Browsee that does not answer gets no more than 16 calls to begin with."""
    for _ in range(16):
        worker.ticket()
    assert worker.waits() == (Why.SLOW, 0.05)
    state = worker.project.state(worker.now_s)
    assert (state.in_flight, state.concurrency, state.why) == (16, 16, Why.SLOW)


def test_what_was_learned_goes_into_the_next_process(worker: Worker) -> None:
    """A restart within the hour begins just below the limit."""
    for _ in range(100):
        worker.send(Accepted())
    assert worker.project.snapshot(worker.now_s) is None
    worker.send(LIMITED)
    learned = worker.project.snapshot(worker.now_s + 60)
    assert learned is not None
    assert learned.met_ago_s == pytest.approx(60.0)
    again = Project(ProjectConfig(), now_s=5.0)
    again.restore(learned, now_s=5.0)
    assert again.state(5.0).per_s == pytest.approx(0.9 * learned.limit_per_s)
