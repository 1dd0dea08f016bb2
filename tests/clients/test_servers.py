"""The libraries that customers' servers run, as they are published, through an outage of the adapter."""

import json
from typing import Any

import pytest

from tests.clients.calls import comparable, expected
from tests.clients.conftest import Outage
from tests.clients.installed import SERVER_CLIENTS, Client

EACH_CLIENT = pytest.mark.parametrize("client", SERVER_CLIENTS, ids=lambda client: client.name)


def _text(call: dict[str, Any]) -> str:
    return json.dumps(call, sort_keys=True)


@EACH_CLIENT
def test_it_survives_an_outage_and_every_event_arrives_once(client: Client, outage: Outage) -> None:
    """Refused with 503, then cut off by a restart, it sends again, and Browsee gets each event once, as mapped."""
    client.is_needed()
    sent = outage.sent[client.name]
    assert sent.exit_code == 0, sent.log[-2000:]
    assert " 503" in sent.log, "it was never refused, so the outage shows nothing"
    arrived = [comparable(call) for call in outage.calls if call["user"] == client.name]
    assert sorted(arrived, key=_text) == sorted(expected(client.name), key=_text)


def test_the_outage_left_nothing_behind(outage: Outage) -> None:
    """What was in the queue before arrives too, and the adapter can account for everything."""
    assert [call["event"] for call in outage.calls if call["user"] == "filler"] == ["FILLER"]
    assert outage.unaccounted == 0
