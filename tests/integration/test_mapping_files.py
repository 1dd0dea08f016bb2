"""Mapping files over the API: read, checked as a draft, compared, replaced, brought back; and what is refused."""

import json
import re
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapter.model import Dead, Delivered, Reason
from adapter.service.rewriting import config_map_key, etag_of, leftovers, replace_file, why_not_writable
from tests.fakes import make_event
from tests.openapi import shaped
from tests.operated import TOKEN, service, settings_in
from tests.unit.cli.conftest import MAPPING
from tests.unit.cli.queues import Ended, an_order, fill

SETTINGS = """\
queue: sqlite:///queue.db
browsee: {url: "http://127.0.0.1:9/api/v1"}
sources:
  shop: {keys: [a-key-of-shop], mapping: shop.yaml, browsee_api_key: key}
  app: {keys: [a-key-of-app], mapping: shop.yaml, browsee_api_key: key}
"""
RENAMED = MAPPING.replace("track: ORDER_COMPLETED", "track: PAID")
COMMENTED = f"# a comment\n{MAPPING}"
BROKEN = MAPPING.replace("track: ORDER_COMPLETED\n", "trakc: ORDER_COMPLETED\n", 1)
FAILING = MAPPING.replace("    track: ORDER_COMPLETED\n", "    track: PAID\n", 1)


class Api:
    """Asks a service with the admin token."""

    def __init__(self, url: str) -> None:
        self._place = urlsplit(url)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        connection = HTTPConnection(self._place.hostname or "", self._place.port, timeout=20)
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, raw, {"Authorization": f"Bearer {TOKEN}", **(headers or {})})
        response = connection.getresponse()
        found = json.loads(response.read())
        connection.close()
        return response.status, found

    def get(self, path: str) -> Any:
        status, found = self.ask("GET", path)
        assert status == 200, found
        return found

    def check(self, text: str, **more: Any) -> Any:
        status, found = self.ask("POST", "/api/mapping/check", {"source": "shop", "text": text, **more})
        assert status == 200, found
        return shaped(found, "DraftChecked")

    def put(self, text: str | bytes, etag: str, *, source: str = "shop", **query: str) -> tuple[int, Any]:
        raw = text.encode() if isinstance(text, str) else text
        more = "".join(f"&{name}={value}" for name, value in query.items())
        headers = {"If-Match": etag, "Content-Type": "text/yaml"}
        return self.ask("PUT", f"/api/mapping?source={source}{more}", raw, headers)

    def etag(self) -> str:
        return str(self.get("/api/mapping?source=shop")["etag"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "adapter.yaml").write_text(SETTINGS)
    (tmp_path / "shop.yaml").write_text(MAPPING.replace("expect: [{track: ORDER_COMPLETED, ", "expect: [{"))
    return tmp_path


@pytest.fixture
async def filled(folder: Path) -> Path:
    ended = [
        Ended(an_order("m-1"), Delivered()),
        Ended(an_order("m-2", total=None), Dead(Reason.REFUSED_BY_MAPPING, "total is required")),
        Ended(make_event("m-3"), Delivered()),
    ]
    await fill(folder / "queue.db", ended, [])
    return folder


@pytest.fixture
def api(folder: Path) -> Iterator[Api]:
    with service(settings_in(folder)) as url:
        yield Api(url)


@pytest.fixture
def filled_api(filled: Path) -> Iterator[Api]:
    with service(settings_in(filled)) as url:
        yield Api(url)


def test_the_file_is_shown_as_it_is_on_disk(api: Api, folder: Path) -> None:
    """With its ETag, all its sources, and that it can be written."""
    shown = shaped(api.get("/api/mapping?source=shop"), "MappingFile")
    raw = (folder / "shop.yaml").read_bytes()
    assert (shown["text"], shown["etag"]) == (raw.decode(), etag_of(raw))
    assert (shown["sources"], shown["writable"], shown["problem"]) == (["shop", "app"], True, None)
    assert [file.name for file in folder.iterdir() if ".tmp" in file.name] == []
    assert api.ask("GET", "/api/mapping?source=nobody")[0] == 404


def test_a_draft_says_what_is_wrong_with_it_and_where(api: Api) -> None:
    """Findings with line and column, and tests that fail with what was expected and found; never half a preview."""
    broken = api.check(BROKEN)
    [finding] = [found for found in broken["findings"] if found["severity"] == "error"]
    assert (finding["line"], finding["code"], broken["version"], broken["events"]) == (4, "E111", None, [])
    failing = api.check(FAILING)
    assert [(test["name"], test["passed"]) for test in failing["tests"]] == [
        ("an order", False),
        ("anything else", True),
    ]
    assert "expected 'ORDER_COMPLETED', got 'PAID'" in failing["tests"][0]["difference"]
    assert api.check("\0")["version"] is None
    assert api.check("")["version"] is None


def test_a_draft_is_tried_on_recorded_events_and_messages(filled_api: Api) -> None:
    """By the active mapping and by the draft, with what differs."""
    draft = MAPPING.replace("required: true", "default: 0")
    message = {"type": "track", "event": "Order Completed", "userId": "u", "properties": {}}
    shown = filled_api.check(draft, events=["1", "2", "999", "r1", "x"], messages=[message])
    by_id = {event["id"]: event for event in shown["events"]}
    assert set(by_id) == {"1", "2", "message 1"}
    assert (by_id["1"]["changes"], by_id["2"]["was"]["outcome"], by_id["2"]["now"]["outcome"]) == (
        [],
        "rejected",
        "sent",
    )
    assert by_id["message 1"]["now"]["calls"][0]["body"]["properties"] == {"total": 0}


def test_a_draft_with_failing_tests_can_be_tried(filled_api: Api) -> None:
    """On events and by a comparison, because it has no errors; it has no version that could be activated."""
    tried = filled_api.check(FAILING, events=["1"])
    [event] = tried["events"]
    assert (tried["version"], event["now"]["outcome"], event["now"]["calls"][0]["body"]["event"]) == (
        None,
        "sent",
        "PAID",
    )
    status, compared = filled_api.ask("POST", "/api/mapping/compare", {"source": "shop", "text": FAILING})
    assert (status, shaped(compared, "DraftCompared")["different"] > 0) == (200, True)


def test_a_guard_that_goes_is_named(api: Api) -> None:
    """In the words of the file."""
    guarded = f"{MAPPING}privacy:\n  - named: [email]\n    do: [{{mask: {{keep: 2}}}}]\n"
    assert api.check(guarded)["guards"] == {"gone": [], "new": ["do: mask: keep: 2", "named: email"]}
    assert api.put(guarded, api.etag())[0] == 200
    assert api.check(MAPPING)["guards"] == {"gone": ["do: mask: keep: 2", "named: email"], "new": []}


def test_a_draft_is_compared_with_what_was_recorded(filled_api: Api) -> None:
    """A page at a time; the same totals however large the pages are."""
    draft = {"source": "shop", "text": MAPPING.replace("required: true", "default: 0")}
    status, whole = filled_api.ask("POST", "/api/mapping/compare", draft)
    assert (status, shaped(whole, "DraftCompared")["next"]) == (200, None)
    assert (whole["events"], whole["same"], whole["different"]) == (3, 2, 1)
    assert whole["outcomes"] == [{"from": "refused", "to": "sent", "events": 1}]
    pages, before = [], None
    while True:
        _, page = filled_api.ask(
            "POST", "/api/mapping/compare", {**draft, "limit": 1, "before": before} if before else {**draft, "limit": 1}
        )
        pages.append(page)
        before = page["next"]
        if before is None:
            break
    assert sum(page["events"] for page in pages) == 3
    assert filled_api.ask("POST", "/api/mapping/compare", {"source": "shop", "text": BROKEN})[0] == 422


def test_a_draft_is_activated_for_every_source_of_the_file(api: Api, folder: Path) -> None:
    """At once, with a history that says who did it; comments alone are a version of the history too."""
    before = api.get("/api/mappings")["mappings"]
    status, written = api.put(RENAMED, api.etag())
    assert (status, (folder / "shop.yaml").read_text()) == (200, RENAMED)
    after = {one["source"]: one["version"] for one in api.get("/api/mappings")["mappings"]}
    assert set(after.values()) == {written["version"]}
    assert written["version"] not in {one["version"] for one in before}
    assert api.put(f"# why\n{RENAMED}", written["etag"])[0] == 200
    history = shaped(api.get("/api/mapping/history?source=shop"), "MappingHistory")["versions"]
    assert [one["by"] for one in history] == ["console 127.0.0.1", "console 127.0.0.1", "file"]
    assert [one["active"] for one in history] == [True, False, False]
    oldest = shaped(api.get(f"/api/mapping/version?source=shop&id={history[-1]['id']}"), "MappingVersion")
    status, back = api.put(oldest["text"], api.etag(), rollback=history[-1]["id"])
    assert (status, back["version"]) == (200, before[0]["version"])
    assert api.get("/api/mapping/history?source=app")["versions"][0]["by"].startswith(
        f"rollback of {history[-1]['id']}"
    )


def test_no_edit_overwrites_another(api: Api, folder: Path) -> None:
    """Not without the ETag, and not with that of an earlier file."""
    etag = api.etag()
    assert api.ask("PUT", "/api/mapping?source=shop", RENAMED.encode())[0] == 428
    (folder / "shop.yaml").write_text(COMMENTED)
    status, refused = api.put(RENAMED, etag)
    assert (status, refused["code"], refused["etag"]) == (412, "changed_meanwhile", etag_of(COMMENTED.encode()))
    assert (folder / "shop.yaml").read_text() == COMMENTED


@pytest.mark.parametrize("text", [BROKEN, FAILING, "", "version: 1\n", "a: [\n"])
def test_what_does_not_check_is_not_activated(api: Api, folder: Path, text: str) -> None:
    """And says for which source, in the words of the check."""
    before = (folder / "shop.yaml").read_bytes()
    status, refused = api.put(text, api.etag())
    assert (status, refused["code"]) == (422, "does_not_check")
    assert {finding["source"] for finding in refused["findings"]} == {"shop", "app"}
    assert (folder / "shop.yaml").read_bytes() == before


def test_hostile_bodies_are_refused(api: Api, folder: Path) -> None:
    """Bytes that are not UTF-8, and more than a mapping has."""
    before = (folder / "shop.yaml").read_bytes()
    assert api.put(b"\xff\xfe", api.etag())[0] == 400
    assert api.put(b"#" * 1_000_001, api.etag())[0] == 413
    assert api.ask("POST", "/api/mapping/check", {"source": "shop", "text": "#" * 1_000_001})[0] == 413
    assert (folder / "shop.yaml").read_bytes() == before


def test_of_two_writers_at_once_one_wins(api: Api, folder: Path) -> None:
    """The other is answered 412, and the file is that of the winner."""
    etag, answers = api.etag(), list[int]()
    texts = [f"# {n}\n{RENAMED}" for n in range(8)]
    threads = [threading.Thread(target=lambda text=text: answers.append(api.put(text, etag)[0])) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [412] * 7
    assert (folder / "shop.yaml").read_text() in texts


def test_line_ends_mode_and_links_stay(folder: Path) -> None:
    """The real file behind a link is replaced, with the mode that it had."""
    real = folder / "real.yaml"
    real.write_bytes(MAPPING.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    (folder / "shop.yaml").unlink()
    (folder / "shop.yaml").symlink_to("real.yaml")
    with service(settings_in(folder)) as url:
        api = Api(url)
        assert api.put(RENAMED.replace("[{track: ORDER_COMPLETED, ", "[{"), api.etag())[0] == 200
    assert (folder / "shop.yaml").is_symlink()
    assert b"\r\n" in real.read_bytes()
    assert b"\n" not in real.read_bytes().replace(b"\r\n", b"")
    assert real.stat().st_mode & 0o777 == 0o640


def test_why_a_file_cannot_be_written(folder: Path) -> None:
    """Each reason in its own words."""
    bundled = folder / "bundled"
    bundled.mkdir()
    (bundled / "default.yaml").write_text(MAPPING)
    data = folder / "..2026_11_28"
    data.mkdir()
    (data / "shop.yaml").write_text(MAPPING)
    (folder / "..data").symlink_to(data.name)
    (folder / "from-map.yaml").symlink_to("..data/shop.yaml")
    why = {
        name: why_not_writable(folder / name, bundled_folder=bundled)
        for name in ("bundled/default.yaml", "from-map.yaml", "bundled", "nothing.yaml", "shop.yaml")
    }
    assert "comes with the adapter" in str(why["bundled/default.yaml"])
    assert "ConfigMap" in str(why["from-map.yaml"])
    assert why["bundled"] is not None
    assert "cannot be read" in str(why["nothing.yaml"])
    assert why["shop.yaml"] is None
    assert (config_map_key(folder / "from-map.yaml"), config_map_key(folder / "shop.yaml")) == ("shop.yaml", None)


def test_what_another_program_writes_in_that_moment_is_not_lost(folder: Path) -> None:
    """It is handed back, and goes into the history."""
    file = folder / "shop.yaml"
    kept = list[bytes]()
    replace_file(file, b"one", compared=file.read_bytes(), keep=kept.append)
    assert kept == []
    file.write_bytes(b"an edit by another program")
    replace_file(file, b"two", compared=b"one", keep=kept.append)
    assert (kept, file.read_bytes()) == ([b"an edit by another program"], b"two")
    assert sorted(left.name for left in folder.iterdir()) == ["adapter.yaml", "shop.yaml"]


def test_what_was_never_active_is_kept_when_it_is_replaced(folder: Path) -> None:
    """A text with errors on disk is nowhere else, so the history has it."""
    with service(settings_in(folder)) as url:
        api = Api(url)
        (folder / "shop.yaml").write_text(BROKEN)
        assert api.put(RENAMED, api.etag())[0] == 200
        history = api.get("/api/mapping/history?source=shop")["versions"]
        assert [one["by"] for one in history] == ["console 127.0.0.1", "on disk, but not active", "file"]
        kept = api.get(f"/api/mapping/version?source=shop&id={history[1]['id']}")
        assert kept["text"] == BROKEN


def test_sources_share_a_file_by_any_path(folder: Path) -> None:
    """A draft must be right for all of them, also for one that names the file by a link."""
    (folder / "other.yaml").symlink_to("shop.yaml")
    (folder / "adapter.yaml").write_text(
        SETTINGS.replace("[a-key-of-app], mapping: shop", "[a-key-of-app], mapping: other")
    )
    with service(settings_in(folder)) as url:
        shown = Api(url).get("/api/mapping?source=shop")
    assert shown["sources"] == ["shop", "app"]


def test_leftovers_of_a_crash_go_into_the_history_at_the_next_start(folder: Path) -> None:
    """Only ours, and only of this file; what is on disk or in the history is not kept twice; none becomes active."""
    text = (folder / "shop.yaml").read_text()
    for n, left in enumerate(("an edit", "", text, "an edit")):
        (folder / f".shop.yaml.{n:016}.browsee-adapter.tmp").write_text(left)
    others = [folder / ".shop.yaml.swp", folder / f".app.yaml.{'0' * 16}.browsee-adapter.tmp"]
    for file in others:
        file.write_text("half")
    with service(settings_in(folder)) as url:
        history = Api(url).get("/api/mapping/history?source=shop")["versions"]
        assert [(one["by"], one["active"]) for one in history] == [
            ("file", True),
            ("left by an interrupted activation", False),
        ]
        kept = Api(url).get(f"/api/mapping/version?source=shop&id={history[1]['id']}")
        assert (kept["text"], kept["version"]) == ("an edit", "")
    assert (leftovers(folder / "shop.yaml"), [file.exists() for file in others]) == ([], [True, True])


def test_who_changed_the_file_is_said(api: Api, folder: Path) -> None:
    """Where the history knows it from there, else that it was no request; with the instant."""
    etag = api.etag()
    assert api.put(RENAMED, etag)[0] == 200
    newest = api.get("/api/mapping/history?source=shop")["versions"][0]
    status, refused = api.put(COMMENTED, etag)
    assert (status, refused["by"], refused["at"]) == (412, "console 127.0.0.1", newest["at"])
    [listed, _] = api.get("/api/mappings")["mappings"]
    assert (listed["by"], listed["since"]) == (newest["by"], newest["at"])
    assert api.get("/api/mapping?source=app")["active"]["by"] == newest["by"]
    (folder / "shop.yaml").write_text(BROKEN)
    status, refused = api.put(COMMENTED, etag)
    assert (status, refused["by"]) == (412, "file")
    assert refused["at"] > newest["at"]


def test_who_activated_a_mapping_is_known_after_a_restart(folder: Path) -> None:
    """From the history, not from the start."""
    with service(settings_in(folder)) as url:
        assert Api(url).put(RENAMED, Api(url).etag())[0] == 200
        before = Api(url).get("/api/mappings")["mappings"]
    with service(settings_in(folder)) as url:
        after = Api(url).get("/api/mappings")["mappings"]
    assert [(one["by"], one["since"]) for one in after] == [(one["by"], one["since"]) for one in before]
    assert after[0]["by"] == "console 127.0.0.1"


def test_a_file_that_is_gone_is_said_so(api: Api, folder: Path) -> None:
    """It is no fault of the queue, and the text that is active can be had from the history."""
    etag, text = api.etag(), (folder / "shop.yaml").read_text()
    (folder / "shop.yaml").unlink()
    for status, answer in (api.ask("GET", "/api/mapping?source=shop"), api.put(RENAMED, etag)):
        assert (status, answer["code"]) == (404, "no_mapping_file")
        assert re.match(r"there is no file \S*shop.yaml; version", answer["message"])
    [active, *_] = [one for one in api.get("/api/mapping/history?source=shop")["versions"] if one["active"]]
    assert api.get(f"/api/mapping/version?source=shop&id={active['id']}")["text"] == text
    (folder / "shop.yaml").mkdir()
    status, answer = api.ask("GET", "/api/mapping?source=shop")
    assert (status, answer["code"]) == (503, "mapping_failed")


def test_a_version_of_the_history_is_compared(filled_api: Api) -> None:
    """As its text would be; one that is not kept is 404."""
    draft = MAPPING.replace("required: true", "default: 0")
    assert filled_api.put(draft, filled_api.etag())[0] == 200
    [_, earlier] = filled_api.get("/api/mapping/history?source=shop&limit=2")["versions"]
    asked = {"source": "shop", "version": earlier["version"]}
    status, found = filled_api.ask("POST", "/api/mapping/compare", asked)
    assert (status, shaped(found, "DraftCompared")["outcomes"]) == (
        200,
        [{"from": "sent", "to": "refused", "events": 1}],
    )
    assert filled_api.ask("POST", "/api/mapping/compare", {**asked, "version": "0" * 12})[0] == 404
    for wrong in ({"source": "shop"}, {**asked, "text": draft}, {**asked, "version": 1}):
        assert filled_api.ask("POST", "/api/mapping/compare", wrong)[0] == 400


def test_a_file_is_only_read_where_the_settings_say_so(folder: Path) -> None:
    """Said with the file, before anybody writes; and nothing is changed."""
    (folder / "adapter.yaml").write_text(f"{SETTINGS}console: {{edit: off}}\n")
    before = (folder / "shop.yaml").read_bytes()
    with service(settings_in(folder)) as url:
        api = Api(url)
        shown = shaped(api.get("/api/mapping?source=shop"), "MappingFile")
        assert (shown["writable"], shown["whyNot"]) == (False, "the setting `console.edit` is off")
        status, refused = api.put(RENAMED, shown["etag"])
    assert (status, refused["code"]) == (409, "not_writable")
    assert "`console.edit` is off" in refused["message"]
    assert (folder / "shop.yaml").read_bytes() == before
