"""What an operator changes is in the log, with the address and how many: never whose data, never a value."""

import json
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from adapter.model import Dead, Delivered, Reason
from adapter.observe.console_telemetry import DeadLettersDiscarded, EventsRequeued, MappingWritten, UserErased
from adapter.observe.telemetry import Telemetry
from tests.operated import TOKEN, api_alone, settings_in
from tests.unit.cli.conftest import MAPPING, SETTINGS
from tests.unit.cli.queues import USER, Ended, a_rejection, an_order, fill

DEAD = Dead(Reason.REFUSED, "no such project")


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    (tmp_path / "adapter.yaml").write_text(SETTINGS)
    (tmp_path / "shop.yaml").write_text(MAPPING)
    ended = [Ended(an_order("m-1"), Delivered()), Ended(an_order("m-2"), DEAD), Ended(an_order("m-3"), DEAD)]
    await fill(tmp_path / "queue.db", ended, [a_rejection()])
    return tmp_path


@pytest.fixture
def heard() -> list[Telemetry]:
    return []


@pytest.fixture
def url(folder: Path, heard: list[Telemetry]) -> Iterator[str]:
    settings = replace(settings_in(folder), trusted_proxies=(ip_network("127.0.0.1"),))
    with api_alone(settings, emit=heard.append) as url:
        yield url


def ask(url: str, path: str, body: Any, **headers: str) -> Any:
    """Through a proxy that says who asks."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "192.0.2.7", **headers}
    with urlopen(Request(f"{url}/api{path}", raw, sent, method="PUT" if headers else "POST"), timeout=20) as answer:
        return json.load(answer)


def test_each_change_is_said_once(url: str, heard: list[Telemetry]) -> None:
    """With how many; what was only counted is not."""
    for path, body in (("/dead/requeue", {"all": True}), ("/dead/discard", {"all": True}), ("/purge", {"user": USER})):
        ask(url, path, {**body, "dryRun": True})
    assert [one for one in heard if hasattr(one, "address")] == []
    ask(url, "/dead/requeue", {"ids": ["2"]})
    ask(url, "/dead/discard", {"all": True})
    ask(url, "/purge", {"user": USER})
    assert [one for one in heard if hasattr(one, "address")] == [
        EventsRequeued(address="192.0.2.7", events=1, rejections=0),
        DeadLettersDiscarded(address="192.0.2.7", events=1, rejections=1),
        UserErased(address="192.0.2.7", events=2, rejections=0),
    ]


def test_a_mapping_that_is_written_is_said_with_its_version(url: str, heard: list[Telemetry]) -> None:
    """And nothing of its text."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with urlopen(Request(f"{url}/api/mapping?source=shop", headers=headers), timeout=20) as answer:
        etag = json.load(answer)["etag"]
    written = ask(url, "/mapping?source=shop", f"# a comment\n{MAPPING}".encode(), **{"If-Match": etag})
    [one] = [one for one in heard if isinstance(one, MappingWritten)]
    assert one == MappingWritten(address="192.0.2.7", file=one.file, version=written["version"])
    assert one.file.endswith("shop.yaml")
