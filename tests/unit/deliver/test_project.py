"""What a worker is answered: go, or wait and why; and what it has to do with an answer."""

import pytest

from adapter.deliver.misconfigured import Ruling, Subject
from adapter.deliver.pace import PaceConfig
from adapter.deliver.permits import Go, Permit, Wait
from adapter.deliver.policy import Accepted, Misconfigured, RefusedByBrowsee, TryAgain, Verdict
from adapter.deliver.project import Project, ProjectConfig
from adapter.deliver.state import PauseReason
from adapter.model import Kind, Reason

LIMITED = TryAgain(Reason.RATE_LIMITED, counted=False)
BROKEN = TryAgain(Reason.SERVER_ERROR)
WRONG_KEY = Misconfigured("Browsee answered 401: check browsee_api_key")
REFUSED = RefusedByBrowsee("unknown apiKey")


def subject(user: str, seq: int, event: str = "Clicked") -> Subject:
    return Subject(hash(user), seq, user, event)


class Worker:
    """Sends through a project, one call after the other, on a clock of its own."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.project = Project(ProjectConfig(), now_s=self.now_s)
        self.sent = 0

    def permit(self, kind: Kind = "track") -> Permit:
        """The next call, as soon as it may go; pauses are not waited for."""
        while True:
            admission = self.project.admit(kind, self.now_s)
            match admission:
                case Go(permit=permit):
                    return permit
                case Wait(seconds=seconds, why=PauseReason.PACE):
                    self.now_s += seconds
                case Wait(why=why):
                    raise AssertionError(why)

    def send(self, verdict: Verdict, kind: Kind = "track", *, lane: str | None = None) -> Ruling:
        permit = self.permit(kind)
        self.sent += 1
        self.now_s += 0.1
        return self.project.answered(permit, verdict, of=subject(lane or f"u{self.sent}", self.sent), now_s=self.now_s)

    def waits(self, kind: Kind = "track") -> tuple[PauseReason, float] | None:
        """Why and how long the next call waits, if it is not for the pace."""
        while True:
            admission = self.project.admit(kind, self.now_s)
            match admission:
                case Go(permit=permit):
                    self.project.abandoned(permit, now_s=self.now_s)
                    return None
                case Wait(seconds=seconds, why=PauseReason.PACE):
                    self.now_s += seconds
                case Wait(seconds=seconds, why=why):
                    return why, round(seconds, 6)


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_calls_go_at_the_pace(worker: Worker) -> None:
    """The first goes at once, the next when the rate lets it."""
    assert isinstance(worker.project.admit("track", worker.now_s), Go)
    assert worker.project.admit("identify", worker.now_s) == Wait(0.5, PauseReason.PACE)
    assert worker.project.state(worker.now_s).delivery == "slowed"
    assert worker.project.state(worker.now_s + 60).delivery == "ok"


def test_a_retry_after_pauses_the_project(worker: Worker) -> None:
    """Both kinds of call, for as long as Browsee asked for; a shorter wish does not shorten it."""
    first, second = worker.permit(), worker.permit()
    worker.project.answered(first, TryAgain(BROKEN.reason, 60.0, counted=False), of=subject("u", 1), now_s=worker.now_s)
    worker.project.answered(second, TryAgain(BROKEN.reason, 5.0, counted=False), of=subject("v", 2), now_s=worker.now_s)
    assert worker.waits("track") == worker.waits("identify") == (PauseReason.RETRY_AFTER, 60.0)
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
    assert worker.waits() == (PauseReason.BLOCKED, 1.0)
    for pause_s in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        assert worker.waits() == (PauseReason.BLOCKED, pause_s)
        worker.now_s += pause_s - 0.1
        assert worker.waits() == (PauseReason.BLOCKED, 0.1)
        worker.now_s += 0.100001
        worker.send(LIMITED)
    assert worker.project.state(worker.now_s).limit_per_s == known
    assert worker.project.state(worker.now_s).why is PauseReason.BLOCKED
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
    """Five users in a row: nothing but probes goes, soon and then ever more seldom; no failure is counted any more."""
    for _ in range(4):
        assert worker.send(BROKEN) == Ruling(BROKEN)
    ruling = worker.send(BROKEN)
    assert (ruling.verdict, ruling.at_once, len(ruling.due)) == (TryAgain(BROKEN.reason, counted=False), True, 4)
    assert isinstance(worker.project.admit("track", worker.now_s + 60), Wait)
    assert worker.project.probes(worker.now_s) == 0
    assert worker.project.probes(worker.now_s + 0.25) == 3
    assert worker.project.state(worker.now_s).delivery == "paused"


@pytest.mark.parametrize("verdict", [REFUSED, Accepted(), LIMITED], ids=["refused", "accepted", "limited"])
def test_an_answer_that_is_no_failure_closes_the_breaker(worker: Worker, verdict: Verdict) -> None:
    """A server that refuses, or says that it is too fast, is there."""
    for _ in range(5):
        worker.send(BROKEN)
    worker.now_s += 1.0
    probe = worker.project.admit("track", worker.now_s, probe=True)
    assert isinstance(probe, Go)
    worker.project.answered(probe.permit, verdict, of=subject("new", 99), now_s=worker.now_s)
    assert worker.waits() is None


def test_what_an_outage_held_up_goes_on_when_it_ends(worker: Worker) -> None:
    """Also where so few calls failed that the breaker never opened."""
    worker.send(Accepted(), lane="good")
    worker.send(BROKEN, lane="a")
    worker.send(BROKEN, lane="b")
    ruling = worker.send(Accepted(), lane="good")
    assert sorted(ruling.due.values()) == [2, 3]
    assert worker.send(Accepted(), lane="good").due == {}


def test_a_pause_says_why_and_when_the_next_try_is(worker: Worker) -> None:
    """In words for readers of a pending event; and the reason why no calls go to a Browsee that is down."""
    worker.send(WRONG_KEY)
    text = "Browsee answered 401: check browsee_api_key; next try in 1 s"
    assert worker.project.state(worker.now_s).waiting_text == f"delivery is paused: {text}"
    worker = Worker()
    for number in range(5):
        permit = worker.permit()
        worker.project.answered(
            permit, BROKEN, of=subject(f"u{number}", number), now_s=worker.now_s, cause="connection refused"
        )
    state = worker.project.state(worker.now_s)
    assert state.text == "no call to Browsee gets through: connection refused; next try now"
    assert worker.project.state(worker.now_s - 1.0).cause == state.cause
    assert Worker().project.state(1001.0).waiting_text == ""


def test_a_400_is_never_back_pressure(worker: Worker) -> None:
    """A hundred refusals, each for its own cause, change neither pace nor pause."""
    for step in range(100):
        refused = RefusedByBrowsee(f"bad property {'x' * step}")
        assert worker.send(refused) == Ruling(refused)
    state = worker.project.state(worker.now_s)
    assert state.limit_per_s is None
    assert worker.waits() is None


def test_a_wrong_key_pauses_that_kind_of_call(worker: Worker) -> None:
    """One probe at a growing interval up to a minute; the other kind goes on."""
    for pause_s in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
        assert worker.send(WRONG_KEY, "identify") == Ruling(WRONG_KEY)
        assert worker.waits("identify") == (PauseReason.MISCONFIGURED, pause_s)
        assert worker.send(Accepted(), "track") == Ruling(Accepted())
        worker.now_s += pause_s
    state = worker.project.state(worker.now_s)
    assert (state.delivery, state.why) == ("slowed", PauseReason.MISCONFIGURED)
    assert WRONG_KEY.detail in state.text
    worker.send(Accepted(), "identify")
    assert worker.waits("identify") is None


def test_one_event_cannot_pause_all_others_for_ever(worker: Worker) -> None:
    """An event that gets 403 again after others were delivered is to blame itself: it uses an attempt, without a
    pause.
    """
    for attempt in range(5):
        permit = worker.permit()
        ruling = worker.project.answered(permit, WRONG_KEY, of=subject("poison", 7), now_s=worker.now_s)
        if attempt == 0:
            assert ruling == Ruling(WRONG_KEY)
            assert worker.waits() == (PauseReason.MISCONFIGURED, 1.0)
            worker.now_s += 1.0
        else:
            assert ruling == Ruling(TryAgain(Reason.MISCONFIGURED, counted=True))
            assert worker.waits() is None
        worker.sent += 100
        worker.send(Accepted())


def test_while_others_are_delivered_several_answers_in_a_row_are_a_wrong_key(worker: Worker) -> None:
    """Four pause nothing, and the fifth does; after five minutes without a delivered call, one is enough."""
    worker.send(Accepted())
    for _ in range(4):
        assert worker.send(WRONG_KEY) == Ruling(WRONG_KEY)
        assert worker.waits() is None
    worker.send(WRONG_KEY)
    assert worker.waits() == (PauseReason.MISCONFIGURED, 1.0)
    worker.now_s += 1.0
    worker.send(Accepted())
    worker.now_s += 300.0
    worker.send(WRONG_KEY)
    assert worker.waits() == (PauseReason.MISCONFIGURED, 1.0)


def test_an_event_that_meets_a_real_pause_again_is_not_to_blame(worker: Worker) -> None:
    """While nothing gets through between, the same event may be the probe for days and loses no try."""
    for _ in range(20):
        permit = worker.permit()
        ruling = worker.project.answered(permit, WRONG_KEY, of=subject("u", 7), now_s=worker.now_s)
        assert ruling == Ruling(WRONG_KEY)
        worker.now_s += 60.0


def test_paused_tracks_are_a_paused_project(worker: Worker) -> None:
    """Identify calls alone deliver nothing that anybody waits for."""
    worker.send(WRONG_KEY)
    state = worker.project.state(worker.now_s)
    assert (state.delivery, state.cause) == ("paused", WRONG_KEY.detail)


@pytest.mark.parametrize(
    ("pinned_per_s", "limits", "text"),
    [(5.0, 0, "browsee.rate"), (None, 0, "until Browsee's limit is met"), (None, 4, "limit is known")],
    ids=["pinned", "before the first 429", "learned"],
)
def test_a_slow_pace_says_what_sets_it(pinned_per_s: float | None, limits: int, text: str) -> None:
    """The settings, a limit that is being looked for, or one that was met: a limit that is not known is not shown."""
    worker = Worker()
    worker.project = Project(ProjectConfig(PaceConfig(pinned_per_s=pinned_per_s)), now_s=worker.now_s)
    verdicts: list[Verdict] = [*[LIMITED] * limits, Accepted(), Accepted()]
    for verdict in verdicts:
        worker.send(verdict)
    assert text in worker.project.state(worker.now_s).text


def test_while_tracks_are_paused_nothing_is_taken(worker: Worker) -> None:
    """Nor set aside: a backlog of tracks would be rewritten, event by event, for as long as the pause lasts."""
    worker.send(WRONG_KEY)
    assert worker.project.paused_for_s(worker.now_s) == 1.0
    assert not worker.project.sets_aside("track")
    assert worker.project.paused_for_s(worker.now_s + 1.0) == 0.0


def test_while_identify_alone_is_paused_its_events_are_set_aside(worker: Worker) -> None:
    """Tracks are delivered; when they are paused too, no event passes another."""
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
    assert ruling.requeued == tuple(range(1, 20))
    assert worker.waits() == (PauseReason.MISCONFIGURED, 1.0)
    worker.now_s += 1.0
    probe = worker.send(REFUSED)
    assert (probe.verdict, probe.requeued) == (ruling.verdict, ())
    assert worker.waits() == (PauseReason.MISCONFIGURED, 2.0)
    worker.now_s += 2.0
    worker.send(Accepted())
    assert worker.waits() is None


def test_an_event_refused_after_others_were_delivered_is_to_blame(worker: Worker) -> None:
    """Each event among twenty equal refusals is tried once more, and does not count again: a crowd of bad events pauses
    the others once.
    """
    for _ in range(20):
        worker.send(REFUSED)
    worker.now_s += 1.0
    worker.send(Accepted())
    for seq in range(1, 21):
        permit = worker.permit()
        ruling = worker.project.answered(permit, REFUSED, of=subject(f"u{seq}", seq), now_s=worker.now_s)
        assert ruling == Ruling(REFUSED)
    assert worker.waits() is None
    assert isinstance([worker.send(REFUSED) for _ in range(20)][-1].verdict, Misconfigured)


def test_after_a_requested_pause_one_call_tests_whether_it_is_over(worker: Worker) -> None:
    """The others wait for its answer; a new request counts from then."""
    asked = TryAgain(BROKEN.reason, 60.0, counted=False)
    worker.send(asked)
    worker.now_s += 60.0
    assert worker.project.probes(worker.now_s) == 1
    probe = worker.permit()
    assert worker.waits() == (PauseReason.RETRY_AFTER, 0.2)
    assert (worker.project.probes(worker.now_s), worker.project.probes_in_flight) == (0, 1)
    assert worker.project.probes(worker.now_s + 2.0) == 1
    worker.project.answered(probe, TryAgain(BROKEN.reason, 5.0), of=subject("v", 2), now_s=worker.now_s)
    assert worker.waits() == (PauseReason.RETRY_AFTER, 5.0)
    worker.now_s += 5.0
    worker.send(Accepted())
    assert worker.project.probes(worker.now_s) is None


def test_equal_refusals_on_their_way_are_not_burned(worker: Worker) -> None:
    """What was sent before the pause and is refused after it, is misconfigured too."""
    on_its_way = worker.permit()
    for _ in range(20):
        worker.send(REFUSED)
    ruling = worker.project.answered(on_its_way, REFUSED, of=subject("u", 99), now_s=worker.now_s)
    assert isinstance(ruling.verdict, Misconfigured)
    assert worker.waits() == (PauseReason.MISCONFIGURED, 1.0)


def test_while_calls_are_refused_only_a_success_opens(worker: Worker) -> None:
    """A wrong key may be refused in other words too; an event refused in three probes while others pass is dead."""
    for _ in range(20):
        worker.send(REFUSED)
    other = RefusedByBrowsee("event is too long")
    for _ in range(3):
        worker.now_s += 60.0
        permit = worker.permit()
        ruling = worker.project.answered(permit, other, of=subject("u", 777, "Bad"), now_s=worker.now_s)
        assert isinstance(ruling.verdict, Misconfigured)
    worker.now_s += 60.0
    worker.send(Accepted())
    assert worker.waits() is None
    permit = worker.permit()
    assert worker.project.answered(permit, other, of=subject("u", 777), now_s=worker.now_s) == Ruling(other)


def test_refusals_that_quote_ids_are_compared_without_them(worker: Worker) -> None:
    """A request id, a number, a quoted name or a UUID in each text changes nothing."""
    for number in range(19):
        text = f'unknown key (request {number:x}f{number}9, "name {number}", 123e4567-e89b-12d3-a456-4266141740{number:02})'  # noqa: E501
        assert worker.send(RefusedByBrowsee(text)).verdict == RefusedByBrowsee(text)
    last = worker.send(RefusedByBrowsee('unknown key (request 7, "x", 00000000-0000-0000-0000-000000000000)'))
    assert isinstance(last.verdict, Misconfigured)
    assert len(last.requeued) == 19


@pytest.mark.parametrize(
    ("users", "events", "quiet_s", "expected"),
    [
        pytest.param(20, 2, 300.0, True, id="a-wrong-key"),
        pytest.param(19, 2, 300.0, False, id="too-few-users"),
        pytest.param(20, 1, 300.0, False, id="one-event"),
        pytest.param(20, 2, 200.0, False, id="a-success-lately"),
    ],
)
def test_refusals_that_all_differ_need_more(
    worker: Worker, users: int, events: int, quiet_s: float, expected: bool
) -> None:
    """Fifty, of twenty users and two events, and no success for five minutes."""
    worker.send(Accepted())
    worker.now_s += quiet_s
    rulings = []
    for number in range(50):
        permit = worker.permit()
        of = subject(f"u{number % users}", number, f"event {number % events}")
        refused = RefusedByBrowsee(f"no {'x' * number}")
        rulings.append(worker.project.answered(permit, refused, of=of, now_s=worker.now_s).verdict)
    assert isinstance(rulings[-1], Misconfigured) is expected
    assert all(isinstance(verdict, RefusedByBrowsee) for verdict in rulings[:-1])


def test_another_event_is_the_next_probe(worker: Worker) -> None:
    """If there is one: one name is passed over three times, and then sent all the same."""
    worker.send(WRONG_KEY)
    worker.now_s += 1.0
    worker.send(WRONG_KEY)
    assert not worker.project.repeats_probe("track", subject("u", 1, "Other"))
    assert [worker.project.repeats_probe("track", subject("u", 1, "Clicked")) for _ in range(4)] == [True] * 3 + [False]
    assert not worker.project.repeats_probe("identify", subject("u", 1, "Clicked"))


def test_an_undocumented_answer_is_asked_for_once_a_minute(worker: Worker) -> None:
    """For Browsee may have taken each of these calls."""
    odd = Misconfigured("not the documented answer", least_s=60.0)
    assert worker.send(odd) == Ruling(odd)
    assert worker.waits() == (PauseReason.MISCONFIGURED, 60.0)


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
    """Its seq is named once."""
    rulings = []
    for step in range(20):
        permit = worker.permit()
        rulings.append(worker.project.answered(permit, REFUSED, of=subject(f"u{step}", step // 2), now_s=worker.now_s))
    assert rulings[-1].requeued == tuple(range(9))


def test_an_abandoned_probe_is_followed_by_another(worker: Worker) -> None:
    """A worker that is stopped between admission and answer blocks no other call."""
    worker.send(WRONG_KEY)
    worker.now_s += 1.0
    worker.project.abandoned(worker.permit(), now_s=worker.now_s)
    assert worker.waits() == (PauseReason.MISCONFIGURED, 1.0)
    assert worker.project.state(worker.now_s).in_flight == 0


def test_too_many_under_way_wait(worker: Worker) -> None:
    """A Browsee that does not answer gets no more than 16 calls at once; those that hang count no more after 2 s."""
    began_s = worker.now_s
    while worker.now_s < began_s + 1.99:
        match worker.project.admit("track", worker.now_s):
            case Wait(seconds=seconds, why=PauseReason.PACE):
                worker.now_s += seconds
            case Wait(why=why):
                assert (why, worker.project.in_flight) == (PauseReason.SLOW, 16)
                break
            case Go():
                pass
    state = worker.project.state(worker.now_s)
    assert (state.concurrency, state.in_flight <= 16) == (16, True)


def test_what_was_learned_goes_into_the_next_process(worker: Worker) -> None:
    """A restart within the hour begins just below the limit."""
    for _ in range(100):
        worker.send(Accepted())
    assert worker.project.snapshot(worker.now_s) is None
    for _ in range(4):
        worker.send(LIMITED)
    learned = worker.project.snapshot(worker.now_s + 60)
    assert learned is not None
    assert learned.met_ago_s == pytest.approx(60.0)
    again = Project(ProjectConfig(), now_s=5.0)
    again.restore(learned, now_s=5.0)
    assert again.state(5.0).per_s == pytest.approx(0.9 * learned.limit_per_s)


@pytest.mark.parametrize("reason", [Reason.RATE_LIMITED, Reason.SERVER_ERROR])
def test_an_endless_retry_after_of_one_user_pauses_nobody_else(worker: Worker, reason: Reason) -> None:
    """The third Retry-After of one user, with calls of others delivered between, no longer pauses the project, and uses
    an attempt: its delays grow.
    """
    asked = TryAgain(reason, 60.0, counted=False)
    own = TryAgain(reason, 60.0, counted=True)
    pause = (PauseReason.RETRY_AFTER, 60.0)
    for verdict, expected in ((asked, pause), (asked, pause), (own, None), (own, None)):
        assert worker.send(asked, lane="bad").verdict == verdict
        assert worker.waits() == expected
        worker.now_s += 60.0
        worker.send(Accepted())
    worker.send(asked, lane="good")
    assert worker.waits() == (PauseReason.RETRY_AFTER, 60.0)
