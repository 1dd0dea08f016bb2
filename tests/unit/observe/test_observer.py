"""A telemetry becomes one count and one log line, as text for people or as JSON for machines."""

import json
import logging

import pytest
from aiohttp.http_exceptions import InvalidURLError
from aiohttp.http_parser import HttpRequestParser
from prometheus_client import generate_latest

from adapter.model import Reason
from adapter.observe.delivery_telemetry import EventDelivered, EventDied
from adapter.observe.ingest_telemetry import MessageRejected, MessagesStored
from adapter.observe.observer import Observer, configure_logging
from adapter.observe.service_telemetry import MappingFailed, QueueFailed, ServiceStopped
from tests.fakes import TRACEPARENT, FakeClock

DELIVERED = EventDelivered(source="shop", message_id="m-1", mapping="abc", seconds=0.5004321, order_s=0.0, turn_s=0.4)
DIED = EventDied(source="shop", reason=Reason.REFUSED, message_id="m-1", mapping="abc")


pytestmark = pytest.mark.usefixtures("logging_as_it_was")


def metrics(observer: Observer) -> str:
    return generate_latest(observer.registry).decode()


def test_a_happening_counts_one_by_its_labels() -> None:
    """Each combination of labels is a count of its own."""
    observer = Observer()
    observer.emit(DIED)
    observer.emit(DIED)
    line = 'browsee_adapter_events_dead_total{reason="refused",source="shop"} 2.0'
    assert line in metrics(observer)


def test_a_happening_with_a_count_counts_that_many() -> None:
    """A batch is one telemetry, and every message of it is counted."""
    observer = Observer()
    observer.emit(MessagesStored(source="shop", count=40))
    observer.emit(MessagesStored(source="app", count=2))
    observer.emit(MessagesStored(source="shop", count=1))
    assert 'browsee_adapter_messages_stored_total{source="shop"} 41.0' in metrics(observer)
    assert 'browsee_adapter_messages_stored_total{source="app"} 2.0' in metrics(observer)


def test_a_count_without_labels_is_there_from_the_start() -> None:
    """An alarm on a fault needs its count to be 0, not missing."""
    observer = Observer()
    assert "browsee_adapter_queue_failures_total 0.0" in metrics(observer)
    observer.emit(QueueFailed(cause="disk full"))
    assert "browsee_adapter_queue_failures_total 1.0" in metrics(observer)


def test_a_disk_in_trouble_does_not_fill_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything under way fails twice a second then: each time is counted, each cause is reported once a minute."""
    configure_logging(log_format="json")
    observer = Observer()
    for cause in ("disk full", "disk full", "I/O error", "disk full"):
        observer.emit(QueueFailed(cause=cause))
    assert [json.loads(line)["cause"] for line in capsys.readouterr().err.splitlines()] == ["disk full", "I/O error"]
    assert "browsee_adapter_queue_failures_total 4.0" in metrics(observer)


def test_two_observers_share_nothing() -> None:
    """Tests and services in one process do not see each other's counts."""
    one, other = Observer(), Observer()
    one.emit(DIED)
    assert "browsee_adapter_events_dead_total{" not in metrics(other)


def test_a_json_line_has_all_facts(capsys: pytest.CaptureFixture[str]) -> None:
    """Machines find the constant text, the time in UTC, and each fact under its name."""
    configure_logging(log_format="json")
    Observer().emit(DIED)
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert said.pop("at").endswith("Z")
    assert said == {
        "message": "event died: kept in the dead letters",
        "level": "error",
        "name": "EventDied",
        "source": "shop",
        "reason": "refused",
        "message_id": "m-1",
        "mapping": "abc",
    }


def test_a_text_line_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """One line with the text and the facts; no colours where there is no terminal."""
    configure_logging(log_format="text")
    Observer().emit(DIED)
    (line,) = capsys.readouterr().err.splitlines()
    assert "event died: kept in the dead letters" in line
    assert "source=shop" in line
    assert "\x1b" not in line


def test_facts_of_several_lines_stand_below_a_text_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The author of a mapping sees the place of the mistake with its caret, not one long line with escapes."""
    configure_logging(log_format="text")
    problems = "shop.yaml:4:5: error E111: `trakc`\n   4 |     trakc: T\n     |     ^"
    Observer().emit(MappingFailed(file="shop.yaml", problems=problems))
    first, *below = capsys.readouterr().err.splitlines()
    assert "file=shop.yaml" in first
    assert below == problems.splitlines()


def test_without_a_terminal_the_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A container's log is read by machines unless somebody says otherwise."""
    configure_logging()
    Observer().emit(ServiceStopped(pending=0))
    assert json.loads(capsys.readouterr().err)["pending"] == 0


def test_a_line_of_another_library_has_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    """What aiohttp says is as easy to collect as what we say."""
    configure_logging(log_format="json")
    logging.getLogger("aiohttp.server").warning("odd request")
    assert json.loads(capsys.readouterr().err)["level"] == "warning"


def test_the_text_of_an_error_of_the_server_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """aiohttp quotes a request that it cannot read, and in its path or body may be a key: kind and place must do."""
    configure_logging(log_format="json")
    try:
        HttpRequestParser(None, None, 2**16).feed_data(b"POST /webhooks/shop/shop-key?\xff HTTP/1.1\r\n\r\n")
    except InvalidURLError:
        logging.getLogger("aiohttp.server").exception("Error handling request from %s", "10.0.0.1")
    said = capsys.readouterr().err
    assert "shop-key" not in said
    assert "Error handling request from 10.0.0.1: InvalidURLError at " in json.loads(said)["message"]


def test_what_senders_repeat_is_logged_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    """Ten thousand bad messages are as many counts and one line; the next line says how many were not said."""
    clock = FakeClock()
    observer = Observer(now=clock)
    configure_logging(log_format="json")

    def lines() -> list[tuple[str, int]]:
        said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        return [(line["source"], line.get("suppressed", 0)) for line in said]

    for source in ("shop", "shop", "app", "shop"):
        observer.emit(MessageRejected(source, Reason.SCHEMA, None, "/event is required"))
    assert lines() == [("shop", 0), ("app", 0)]
    clock.advance(60)
    observer.emit(MessageRejected("shop", Reason.SCHEMA, None, "/event is required"))
    assert lines() == [("shop", 2)]
    assert 'browsee_adapter_messages_rejected_total{reason="schema",source="shop"} 4.0' in metrics(observer)


def test_what_happens_to_every_event_is_logged_on_demand_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A thousand events a second are a thousand counts, and no line unless the level is debug."""
    delivered = DELIVERED
    configure_logging(log_format="json")
    Observer().emit(delivered)
    assert capsys.readouterr().err == ""
    configure_logging(log_format="json", level=logging.DEBUG)
    Observer().emit(delivered)
    assert json.loads(capsys.readouterr().err)["message_id"] == "m-1"


def test_a_happening_is_measured_by_its_fields() -> None:
    """Where the time of a delivery went is in the histograms of its parts, by source."""
    observer = Observer()
    observer.emit(DELIVERED)
    shown = metrics(observer)
    assert 'browsee_adapter_delivery_seconds_sum{source="shop"} 0.5004321' in shown
    assert 'browsee_adapter_delivery_turn_seconds_bucket{le="0.1",source="shop"} 0.0' in shown
    assert 'browsee_adapter_delivery_turn_seconds_bucket{le="0.5",source="shop"} 1.0' in shown


def test_a_line_names_the_trace_as_opentelemetry_does(capsys: pytest.CaptureFixture[str]) -> None:
    """A log of ours is found from the sender's trace; without one there is no field of that kind."""
    configure_logging(log_format="json")
    for trace in (TRACEPARENT, None):
        Observer().emit(
            EventDied(source="shop", reason=Reason.REFUSED, message_id="m-1", mapping="abc", traceparent=trace)
        )
    traced, bare = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    parts = {"trace_id": TRACEPARENT[3:35], "span_id": TRACEPARENT[36:52], "trace_flags": "01"}
    assert {name: traced[name] for name in parts} == parts
    assert "traceparent" not in traced
    assert bare == {name: value for name, value in traced.items() if name not in parts} | {"at": bare["at"]}


def test_a_duration_is_logged_as_people_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Tenths of a millisecond are enough."""
    configure_logging(log_format="json", level=logging.DEBUG)
    Observer().emit(DELIVERED)
    assert json.loads(capsys.readouterr().err)["seconds"] == 0.5004
