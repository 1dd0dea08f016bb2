"""A mapping that is edited again and again while events are on their way."""

import asyncio
from pathlib import Path

import pytest

from adapter.activation import read_message
from adapter.errors import MappingError
from adapter.mapping.load import load
from adapter.mapping.ruleset import Ruleset
from adapter.mapping.watch import LiveMapping
from adapter.observe.happenings import MappingActivated, MappingFailed
from tests.fakes import make_event
from tests.integration.road import open_road

RELOADS = 1_000
USERS = 8


def mapping(edit: int) -> str:
    """Two calls of one event, both of which name the edit."""
    call = "- track: {name}_{edit}\n        copy: none\n        properties: {{edit: {{value: {edit}}}}}"
    calls = "\n      ".join(call.format(name=name, edit=edit) for name in ("FIRST", "SECOND"))
    return f"version: 1\nrules:\n  - when: {{type: track}}\n    send:\n      {calls}\n"


def load_shop(text: str) -> Ruleset:
    return load(text, file="shop.yaml", read=read_message, hash_key=None)


async def test_no_event_sees_half_a_mapping(tmp_path: Path) -> None:
    """1,000 good and broken edits under load: both calls of every event are of one edit, and that a good one."""
    file = tmp_path / "shop.yaml"
    said: list[object] = []
    text = mapping(0)
    live = LiveMapping(file, name="shop.yaml", text=text, ruleset=load_shop(text), load=load_shop, emit=said.append)
    async with open_road(lambda _: live.ruleset) as road:
        for edit in range(1, RELOADS + 1):
            broken = edit % 3 == 0
            file.write_text(mapping(edit).replace("track: SECOND", "trakc: SECOND") if broken else mapping(edit))
            await asyncio.to_thread(live.reload)
            await road.queue.put([make_event(f"m-{edit}", user=f"u-{edit % USERS}")])
        ended = await road.settled()
        calls = await road.calls()

    assert ended == {"delivered": RELOADS}
    assert len(calls) == 2 * RELOADS
    firsts = [call["event"] for call in calls if call["event"].startswith("FIRST")]
    for user in range(USERS):
        edits = [call["properties"]["edit"] for call in calls if call["userId"] == f"u-{user}"]
        assert edits[0::2] == edits[1::2]
        assert all(edit % 3 for edit in edits if edit)
    assert len(set(firsts)) > 100, "the edits were not made while events were on their way"
    activated = sum(isinstance(happening, MappingActivated) for happening in said)
    failed = sum(isinstance(happening, MappingFailed) for happening in said)
    assert (activated, failed) == (RELOADS - RELOADS // 3, RELOADS // 3)


def test_the_broken_edit_is_broken() -> None:
    """The test above would show nothing if every edit were good."""
    with pytest.raises(MappingError, match="trakc"):
        load_shop(mapping(3).replace("track: SECOND", "trakc: SECOND"))
