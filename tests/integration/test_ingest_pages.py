"""What pages ask for, over real sockets: beacons, pixels, and the settings that browser SDKs fetch first."""

import base64
import json
from collections.abc import AsyncIterator

import pytest

from adapter.errors import QueueFull
from adapter.ingest.sdk_bootstrap import GIF
from adapter.observe.ingest_telemetry import RequestRefused
from tests.integration.ingest_server import Served, serving

PAGE = {"Origin": "https://shop.example"}
BASIC = {"Authorization": "Basic " + base64.b64encode(b"shop-key:").decode()}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


async def pixel(served: Served, path: str) -> bool:
    """Whether the answer is an image that is not cached."""
    async with served.session.get(served.url + path) as response:
        kind, kept = response.headers["Content-Type"], response.headers["Cache-Control"]
        return (response.status, kind, kept, await response.read()) == (200, "image/gif", "no-store", GIF)


async def test_a_beacon_is_a_batch(served: Served) -> None:
    """rudder-sdk-js leaves a page with its last events as plain text, its key in the query."""
    body = json.dumps({"batch": [{"type": "page", "userId": "u"}], "sentAt": "2026-11-23T12:00:00Z"}).encode()
    headers = {**PAGE, "Content-Type": "text/plain"}
    assert (await served.send("POST", "/beacon/v1/batch?writeKey=shop-key", data=body, headers=headers))[0] == 200
    assert served.inbox.events[0].body["context"] == {"ip": "127.0.0.1"}
    assert (await served.send("POST", "/beacon/v1/batch/", data=body, headers=headers))[0] == 401


@pytest.mark.parametrize("path", ["/v1/pixel/track", "/pixel/v1/track", "/v1/pixel/t/"])
async def test_a_pixel_tells_of_an_event(served: Served, path: str) -> None:
    """Mails and pages without scripts send events as the address of an image."""
    assert await pixel(served, path + "?writeKey=shop-key&event=Mail+opened&userId=u-1&properties.campaign=spring")
    event = served.inbox.events[0]
    assert (event.type, event.user_id) == ("track", "u-1")
    assert (event.body["event"], event.body["properties"]) == ("Mail opened", {"campaign": "spring"})


async def test_a_program_that_checks_links_makes_no_event(served: Served) -> None:
    """It asks with HEAD whether the image is there; a view would follow with GET and be a second event."""
    path = "/v1/pixel/track?writeKey=shop-key&event=A&userId=u-1"
    async with served.session.head(served.url + path) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "image/gif")
    assert served.inbox.events == []
    assert await pixel(served, path)
    assert len(served.inbox.events) == 1


async def test_a_pixel_may_carry_its_key_in_its_data(served: Served) -> None:
    """Segment's form: the whole message, key and all, as JSON in base64."""
    data = base64.urlsafe_b64encode(json.dumps({"userId": "u", "writeKey": "shop-key"}).encode()).decode()
    assert await pixel(served, f"/v1/pixel/page?data={data}")
    assert (served.inbox.events[0].type, "writeKey" in served.inbox.events[0].body) == ("page", False)


def _unauthorized(reason: str, source: str = "") -> RequestRefused:
    return RequestRefused(401, "unauthorized", "/v1/pixel/{type}", reason, source)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/pixel/track?event=A&userId=u", _unauthorized("key_missing")),
        ("/v1/pixel/track?writeKey=wrong&event=A", _unauthorized("key_unknown")),
        ("/v1/pixel/track?writeKey=signed-key&event=A", _unauthorized("source_signs", "signed")),
        ("/pixel/v1/nothing?writeKey=shop-key", RequestRefused(404, "not_found", "/pixel/v1/{type}")),
    ],
    ids=["no key", "wrong key", "a source that signs", "unknown type"],
)
async def test_a_pixel_is_an_image_whatever_is_wrong(served: Served, path: str, found: RequestRefused) -> None:
    """A page or mail would show anything else as a broken image; what was wrong is in our log."""
    assert await pixel(served, path)
    assert served.telemetry == [found]
    assert served.inbox.events == []


async def test_a_pixel_that_cannot_be_read_or_stored_is_an_image_too(served: Served) -> None:
    """What is unreadable is kept as rejected; what the queue does not take is counted."""
    assert await pixel(served, "/v1/pixel/track?writeKey=shop-key&data=nonsense!")
    assert served.inbox.rejections[0].body == b"nonsense!"
    served.inbox.failure = QueueFull("full")
    assert await pixel(served, "/v1/pixel/track?writeKey=shop-key&event=A&userId=u")
    served.is_draining = True
    assert await pixel(served, "/v1/pixel/track?writeKey=shop-key&event=A&userId=u")
    assert [found.code for found in served.telemetry if isinstance(found, RequestRefused)] == ["queue_full", "stopping"]


@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slash"])
@pytest.mark.parametrize("root", ["/v1", ""], ids=["v1", "no v1"])
async def test_analytics_js_finds_its_settings(served: Served, root: str, slash: str) -> None:
    """It fetches them before anything else, and points itself where they say."""
    status, said, headers = await served.send("GET", f"{root}/projects/shop-key/settings{slash}", headers=PAGE)
    assert (status, headers["access-control-allow-origin"]) == (200, "https://shop.example")
    here = {"apiKey": "shop-key", "apiHost": f"127.0.0.1:{served.port}/v1"}
    # A second entry would have it load a part of itself from Segment's CDN, and start without it never.
    assert said["integrations"] == {"Segment.io": here}


@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slash"])
async def test_rudder_sdk_js_finds_its_source(served: Served, slash: str) -> None:
    """It says its key twice, in header and query, and goes on only for a source that is enabled."""
    path = f"/sourceConfig{slash}?p=npm&v=3.34.1&writeKey=shop-key"
    status, said, headers = await served.send("GET", path, headers={**PAGE, **BASIC})
    assert (status, headers["access-control-allow-origin"]) == (200, "https://shop.example")
    assert (said["source"]["writeKey"], said["source"]["enabled"]) == ("shop-key", True)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/projects/wrong/settings",
        "/projects/wrong/settings",
        "/v1/projects/signed-key/settings",
        "/sourceConfig",
        "/sourceConfig/?writeKey=x",
    ],
)
async def test_settings_are_for_known_keys(served: Served, path: str) -> None:
    """A wrong key shows when a page loads, not when its events are missed; the answer names no source."""
    status, said, headers = await served.send("GET", path, headers=PAGE)
    assert (status, said["code"], headers["access-control-allow-origin"]) == (401, "unauthorized", PAGE["Origin"])
    assert "signed-key" not in str(served.telemetry)


@pytest.mark.parametrize(
    "path", ["/sourceConfig/", "/v1/projects/shop-key/settings", "/projects/shop-key/settings", "/beacon/v1/batch"]
)
async def test_pages_may_ask_first(served: Served, path: str) -> None:
    """rudder-sdk-js sends Authorization with its fetch too, so browsers ask before that as well."""
    status, _, headers = await served.send(
        "OPTIONS", path, headers={**PAGE, "Access-Control-Request-Headers": "authorization"}
    )
    assert (status, headers["access-control-allow-headers"]) == (200, "authorization")
    method = "POST" if "beacon" in path else "GET"
    assert headers["access-control-allow-methods"] == f"{method}, OPTIONS"
    assert (await served.send("DELETE", path))[2]["allow"] == f"{method}, OPTIONS"


async def test_a_host_that_is_no_text_is_no_fault(served: Served) -> None:
    """Bytes that are not UTF-8 in a header are the sender's, and answered like anything else."""
    sent = b"GET /v1/projects/shop-key/settings HTTP/1.1\r\nHost: \xff.example\r\nConnection: close\r\n\r\n"
    answered = await served.raw(sent)
    assert answered.startswith(b"HTTP/1.1 200 ")
    assert b'"apiHost":"?.example/v1"' in answered
