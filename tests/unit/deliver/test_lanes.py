"""A 429 is a user's own where it comes again and again while others get through; a limit's it is everywhere else."""

from adapter.deliver.lanes import MAX_PUT_OFF, Lanes


def limited(lanes: Lanes, lane: int, *, times: int, others_pass: bool) -> list[bool]:
    own = []
    for _ in range(times):
        lanes.answered(lane, passed=False, slow=False)
        own.append(lanes.put_off(lane))
        if others_pass:
            lanes.answered(-1, passed=True, slow=False)
    return own


def test_the_third_429_of_a_user_is_its_own() -> None:
    """If calls of others were delivered in between; its own success starts the count again."""
    lanes = Lanes()
    assert limited(lanes, 1, times=4, others_pass=True) == [False, False, True, True]
    lanes.answered(1, passed=True, slow=False)
    assert limited(lanes, 1, times=2, others_pass=True) == [False, False]


def test_a_ban_is_nobodys_own() -> None:
    """If no call is delivered, every 429 counts; so if only the user's own are."""
    lanes = Lanes()
    assert not any(limited(lanes, 1, times=20, others_pass=False))
    for _ in range(20):
        assert not any(limited(lanes, 1, times=1, others_pass=False))
        lanes.answered(1, passed=True, slow=False)


def test_only_so_many_are_remembered() -> None:
    """The one whose 429 is the longest ago is forgotten first."""
    lanes = Lanes()
    for lane in range(MAX_PUT_OFF + 1):
        limited(lanes, lane, times=2, others_pass=True)
    assert limited(lanes, 0, times=1, others_pass=True) == [False]
    assert limited(lanes, MAX_PUT_OFF, times=1, others_pass=True) == [True]
