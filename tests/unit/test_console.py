"""Order logs and timeline: what is logged of an order, how it is found, and the entries it becomes."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.console import logs, timeline
from chalicelib.console.logs import Line, Logs
from chalicelib.events import bus
from chalicelib.events.outbox import OutboxEvent
from chalicelib.orders.model import Status
from chalicelib.payments.stripe_provider import StripeProvider
from chalicelib.platform.log import log
from chalicelib.platform.sqs_batch import consume
from chalicelib.platform.workflows import Execution
from chalicelib.shipping.model import WarehouseReply, WarehouseRequest
from chalicelib.shipping.warehouse import Warehouse
from tests.builders import NOW, a_record, a_reply, an_event, an_order_in


@pytest.fixture
def logged():
    """Each line that is logged meanwhile, as the object that it is."""

    class Kept(logging.Handler):
        def emit(self, record):
            lines.append(json.loads(log.registered_formatter.format(record)))

    lines, kept = [], Kept()
    log._logger.addHandler(kept)
    yield lines
    log._logger.removeHandler(kept)


def selected(lines, *keys):
    return [{key: line.get(key) for key in ("message", *keys)} for line in lines]


def test_message_to_the_warehouse_is_logged_with_its_queue_and_its_order(logged):
    class Queue:
        def send_message(self, **request):
            return {"MessageId": "m-1"}

    Warehouse(Queue(), "https://sqs/1/WarehouseQueue").send(
        WarehouseRequest(action="recall", order_id="ord_1", version=2)
    )

    assert selected(logged, "queue", "order_id", "action", "message_id") == [
        {
            "message": "message sent", "queue": "WarehouseQueue", "order_id": "ord_1", "action": "recall",
            "message_id": "m-1",
        }
    ]  # fmt: skip


def test_message_is_logged_with_queue_order_and_receive_count(logged):
    record = a_record("m-1", a_reply("accepted").model_dump_json(), "replies", ApproximateReceiveCount="3")
    consume({"Records": [record]}, WarehouseReply, lambda reply: log.info("at work"))
    assert selected(logged, "queue", "message_id", "order_id", "receive_count") == [
        {"message": "at work", "queue": "replies", "message_id": "m-1", "order_id": "ord_1", "receive_count": None},
        {"message": "message handled", "queue": "replies", "message_id": "m-1", "order_id": "ord_1",
         "receive_count": 3},
    ]  # fmt: skip


def test_message_that_fails_is_logged_with_its_order(logged):
    def fail(event):
        raise ConnectionError

    record = a_record("m-1", json.dumps({"detail": an_event(7).model_dump()}))
    bus.consume({"Records": [record]}, fail)
    assert selected(logged, "order_id", "message_id")[-1] == {
        "message": "message failed",
        "order_id": "ord_7",
        "message_id": "m-1",
    }


def test_log_context_of_a_message_is_cleared_for_the_next(logged):
    broken = a_record("m-2", "nonsense")
    consume({"Records": [a_record("m-1", a_reply("accepted").model_dump_json()), broken]}, WarehouseReply, print)
    assert selected(logged, "order_id", "message_id")[1:] == [
        {"message": "message not understood", "order_id": None, "message_id": "m-2"},
    ]


def test_payment_call_is_logged_with_its_key_and_outcome(logged):
    gateway = StripeProvider(lambda: "sk_test_nobody", "http://127.0.0.1:9")
    with pytest.raises(Exception, match="APIConnectionError"):
        gateway.capture("pi_1", "ord_1:capture")
    assert selected(logged, "operation", "idempotency_key", "outcome") == [
        {
            "message": "payment call",
            "operation": "capture",
            "idempotency_key": "ord_1:capture",
            "outcome": "PaymentProviderUnavailable",
        }
    ]


class FakeLogs:
    """CloudWatch Logs as Insights answers: after a while, in rows of fields."""

    def __init__(self, groups, rows, rounds=2):
        self.groups, self.rows, self.rounds = groups, rows, rounds
        self.asked = None

    def get_paginator(self, operation):
        assert operation == "describe_log_groups"
        return self

    def paginate(self, logGroupNamePrefix):
        return [{"logGroups": [{"logGroupName": name} for name in self.groups if name.startswith(logGroupNamePrefix)]}]

    def start_query(self, **query):
        self.asked = query
        return {"queryId": "q-1"}

    def get_query_results(self, queryId):
        self.rounds -= 1
        rows = [[{"field": name, "value": value} for name, value in row.items()] for row in self.rows]
        return (
            {"status": "Running", "results": rows[:1]} if self.rounds > 0 else {"status": "Complete", "results": rows}
        )


def a_row(message, at="2030-05-17 12:00:01.000", group="123456789012:/aws/lambda/shop-ShipOrder"):
    return {"@timestamp": at, "@message": message, "@log": group}


def test_log_query_searches_all_groups_for_the_words_and_time(monkeypatch):
    monkeypatch.setattr(logs, "PAUSE_SECONDS", 0)
    client = FakeLogs(["/aws/lambda/shop-A", "/aws/lambda/shop-B", "/aws/lambda/other"], [a_row("plain ord_1")])
    found = Logs(client, "/aws/lambda/shop-").mentioning(["ord_1", "pi_1"], NOW, NOW + timedelta(minutes=1))
    assert client.asked["logGroupNames"] == ["/aws/lambda/shop-A", "/aws/lambda/shop-B"]
    assert "@message like /ord_1|pi_1/" in client.asked["queryString"]
    assert client.asked["startTime"] == int(NOW.timestamp())
    assert client.asked["endTime"] >= int(NOW.timestamp()) + 60
    assert found.is_complete
    assert found.lines == [
        Line(at="2030-05-17T12:00:01.000Z", group="/aws/lambda/shop-ShipOrder", text="plain ord_1", content=None)
    ]


@pytest.mark.parametrize(
    ("rows", "rounds", "patience"), [(logs.LINES_AT_MOST, 1, 8), (1, 10**9, 0)], ids=["too many", "too slow"]
)
def test_incomplete_search_is_marked_as_incomplete(monkeypatch, rows, rounds, patience):
    monkeypatch.setattr(logs, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(logs, "PATIENCE_SECONDS", patience)
    client = FakeLogs(["/aws/lambda/shop-A"], [a_row("ord_1")] * rows, rounds)
    assert not Logs(client, "/aws/lambda/shop-").mentioning(["ord_1"], NOW, NOW).is_complete


def test_log_query_without_log_groups_is_not_started():
    client = FakeLogs([], [])
    assert Logs(client, "/aws/lambda/shop-").mentioning(["ord_1"], NOW, NOW).lines == []
    assert client.asked is None


def a_line(content, at="2030-05-17T12:00:09.000Z"):
    text = content if isinstance(content, str) else json.dumps(content)
    return Line(at=at, group="/aws/lambda/shop-A", text=text, content=None if isinstance(content, str) else content)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("call answered", "call"),
        ("message handled", "queue"),
        ("message sent", "queue"),
        ("payment call", "payment"),
        ("update pushed", "push"),
        ("email sent", "log"),
        ("message failed", "log"),
        ({"not": "a text"}, "log"),
    ],
)
def test_kind_of_a_log_entry_follows_from_its_message(message, kind):
    [entry] = timeline.of_lines([a_line({"message": message, "queue": "replies", "secret": "x"})])
    assert entry.kind == kind
    assert entry.details == {"queue": "replies", "log_group": "/aws/lambda/shop-A"}
    assert entry.document["message"] == message


def test_log_line_is_ordered_by_when_it_was_written():
    written = {"message": "m", "timestamp": "2030-05-17 14:00:01,250+0200"}
    plain = timeline.of_lines([a_line(written), a_line("START ord_1"), a_line({"message": "m", "timestamp": "soon"})])
    assert [entry.at for entry in plain] == [
        "2030-05-17T12:00:01.250Z",
        "2030-05-17T12:00:09.000Z",
        "2030-05-17T12:00:09.000Z",
    ]
    assert (plain[1].title, plain[1].document) == ("START ord_1", "START ord_1")


def test_work_begins_its_duration_before_its_line_and_its_message_waited_until_then():
    sent = int(datetime(2030, 5, 17, 12, 0, 0, 500_000, tzinfo=UTC).timestamp() * 1000)
    line = {"message": "message handled", "timestamp": "2030-05-17 12:00:02,000+0000", "duration_ms": 250, "sent": sent,
            "trace_id": "1-6a0b1c2d-0"}  # fmt: skip
    [entry] = timeline.of_lines([a_line(line)])
    assert (entry.at, entry.duration_ms, entry.waited_ms) == ("2030-05-17T12:00:01.750Z", 250, 1250)
    assert entry.trace_id == "1-6a0b1c2d-0"
    [ahead] = timeline.of_lines([a_line(line | {"sent": sent + 60_000})])
    assert ahead.waited_ms == 0
    [without] = timeline.of_lines([a_line({"message": "m"})])
    assert (without.duration_ms, without.waited_ms, without.trace_id) == (None, None, None)


def test_event_lasts_until_it_is_on_the_bus():
    event = an_event(1).model_copy(update={"time": "2030-05-17T12:00:00.000Z"})
    key = {"pk": "ORDER#ord_1", "sk": "EVENT#000001"}
    on_its_way, published = (OutboxEvent(key, event, at) for at in (None, "2030-05-17T12:00:00.120Z"))
    assert [entry.duration_ms for entry in timeline.of_events([on_its_way, published])] == [None, 120]


def test_logs_and_records_merge_into_one_story():
    lines = timeline.of_lines([a_line({"message": "message handled", "timestamp": "2030-05-17 12:00:02,000+0000"})])
    early, late = (timeline.Entry(kind="event", at=f"2030-05-17T12:00:0{n}.000Z", title=str(n)) for n in (1, 3))
    assert timeline.merged([early, late], lines) == [early, *lines, late]


def test_timeline_has_each_version_with_its_status_and_event():
    event = an_event(1)
    kept = OutboxEvent({"pk": "ORDER#ord_1", "sk": "EVENT#000003"}, event, None)
    [version] = timeline.of_versions([kept])
    assert (version.kind, version.at, version.title) == ("order", event.time, "version 3")
    assert version.details["status"] == "PLACED"
    assert (version.document["version"], version.document["event_id"]) == (3, event.id)


def test_logs_are_searched_from_before_until_after_the_order():
    later = NOW + timedelta(days=3)
    start, end = timeline.span(an_order_in(Status.COMPLETED), later)
    assert start < NOW < end < later
    assert timeline.span(an_order_in(Status.SHIPPING), later)[1] == later


def test_entry_of_a_state_holds_its_part_of_the_history():

    def happened(number, kind, **details):
        return {"id": number, "type": kind, "timestamp": datetime(2030, 5, 17, 12, 0, number, tzinfo=UTC)} | details

    history = [
        happened(1, "ExecutionStarted"),
        happened(2, "TaskStateEntered", stateEnteredEventDetails={"name": "CapturePayment"}),
        happened(3, "TaskScheduled"),
        happened(4, "TaskFailed", taskFailedEventDetails={"error": "Unavailable"}),
        happened(5, "TaskScheduled"),
        happened(6, "TaskSucceeded"),
        happened(7, "TaskStateExited", stateExitedEventDetails={"name": "CapturePayment"}),
    ]
    entries = timeline.of_run("fulfilment", Execution("ord_1", "RUNNING", NOW, None, None, history))
    [state] = [entry for entry in entries if entry.kind == "state"]
    assert [event["id"] for event in state.document] == [2, 3, 4, 5, 6, 7]
    assert state.document[0]["timestamp"] == "2030-05-17T12:00:02.000Z"
    assert state.details["errors"] == ["Unavailable"]
    assert state.duration_ms == 5000


def moment(second):
    return datetime(2030, 5, 17, 12, 0, second, tzinfo=UTC)


def test_timeline_has_interleaved_states_of_a_run_with_their_errors():
    def entered(number, name, before):
        details = {"stateEnteredEventDetails": {"name": name}}
        return {
            "id": number,
            "type": "TaskStateEntered",
            "timestamp": moment(number),
            "previousEventId": before,
        } | details

    history = [
        {"id": 1, "type": "ExecutionStarted", "timestamp": moment(1), "previousEventId": 0},
        entered(2, "ShipOrder", 1),
        entered(3, "Other", 1),
        {"id": 4, "type": "TaskFailed", "timestamp": moment(4), "previousEventId": 2,
         "taskFailedEventDetails": {"error": "ShipmentRefused"}},
        {"id": 5, "type": "TaskStateExited", "timestamp": moment(5), "previousEventId": 3,
         "stateExitedEventDetails": {"name": "Other"}},
    ]  # fmt: skip
    entries = timeline.of_run(
        "fulfilment", Execution("ord_1", "FAILED", moment(1), moment(6), "CompensationExhausted", history)
    )
    selected = {entry.title: entry.details for entry in entries}
    assert selected["ShipOrder"]["errors"] == ["ShipmentRefused"] and selected["ShipOrder"]["left_at"] is None
    assert selected["Other"]["errors"] == [] and selected["Other"]["left_at"] == "2030-05-17T12:00:05.000Z"
    assert [entry.title for entry in entries][-1] == "fulfilment failed"
    assert selected["fulfilment failed"]["error"] == "CompensationExhausted"


def test_timeline_is_merged_in_the_order_of_time():
    early, late = (timeline.Entry(kind="email", at=f"2030-05-17T12:00:0{n}.000Z", title=str(n)) for n in (1, 2))
    assert timeline.merged([late], [early]) == [early, late]
