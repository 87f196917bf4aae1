"""`make logs`: lines of all functions in order of time, each once, an error with its trace."""

import json

import pytest

from infra.commands import logs
from infra.commands.logs import Line

GROUPS = {"SendNotifications": "/aws/lambda/shop-SendNotifications-function", "Live": "/aws/lambda/shop-Live-function"}


class FakeLogs:
    """Keeps events by group; an event may become visible after a later one."""

    def __init__(self):
        self.events = {group: [] for group in GROUPS.values()}
        self.patterns = set()

    def write(self, function, at, message):
        self.events[GROUPS[function]].append({"timestamp": at, "message": message, "eventId": f"{function}-{at}"})

    def get_paginator(self, operation):
        assert operation == "filter_log_events"
        return self

    def paginate(self, logGroupName, startTime, filterPattern=None):
        self.patterns.add(filterPattern)
        yield {"events": [each for each in self.events[logGroupName] if each["timestamp"] >= startTime]}


def text_of(line):
    return "\n".join(text.plain for text in logs.rendered(line))


def test_lines_of_all_functions_are_read_once_in_order_of_time():
    client = FakeLogs()
    stream = logs.Stream(client, GROUPS, since=0)
    client.write("Live", 100_000, "second\n")
    client.write("SendNotifications", 99_000, "first")
    assert [line.text for line in stream.unread()] == ["first", "second"]
    client.write("SendNotifications", 98_000, "late")
    client.write("Live", 200_000, "third")
    assert [line.text for line in stream.unread()] == ["late", "third"]
    assert stream.unread() == []


def test_lines_of_one_order_are_filtered_by_cloudwatch():
    client = FakeLogs()
    logs.Stream(client, GROUPS, since=0, order_id="ord_1").unread()
    assert client.patterns == {'"ord_1"'}


def test_error_of_a_consumer_is_shown_with_its_trace():
    content = {"level": "ERROR", "message": "message failed", "order_id": "ord_1", "exception": "Traceback:\n  boom"}
    printed = text_of(Line(0, "SendNotifications", json.dumps(content)))
    assert "SendNotifications" in printed and "ERROR" in printed and "order_id=ord_1" in printed
    assert printed.splitlines()[1:] == ["    Traceback:", "      boom"]


def test_line_that_is_no_json_is_shown_as_it_is():
    assert text_of(Line(0, "Live", "Task timed out after 3.00 seconds \x1b[31m")).endswith(
        "seconds \N{REPLACEMENT CHARACTER}[31m"
    )


@pytest.mark.parametrize("text", ["START RequestId: 1", "END RequestId: 1", "REPORT RequestId: 1 Duration: 2 ms"])
def test_line_of_the_platform_is_left_out(text):
    assert logs.rendered(Line(0, "Live", text)) == []


def test_copy_by_the_runtime_is_left_out_and_its_own_line_is_not():
    structured = Line(0, "Live", json.dumps({"level": "INFO", "message": "message handled"}))
    copy = Line(0, "Live", "[INFO]\t2026-11-29T04:09:43.404Z\tca2de9c8\tmessage handled")
    own = Line(0, "Live", "[WARNING]\t2026-11-29T04:09:43.404Z\tca2de9c8\tretrying")
    assert logs.without_copies([structured, copy, own]) == [structured, own]


@pytest.mark.parametrize("name", ["SendNotifications", "send_notifications", "sendnotifications"])
def test_function_is_chosen_by_either_spelling(name):
    assert list(logs.chosen(GROUPS, name)) == ["SendNotifications"]


def test_unknown_function_is_refused_with_the_known_ones():
    with pytest.raises(logs.FunctionUnknown, match=r"There is no function 'Nope'\. Functions: Live, SendNotifications"):
        logs.chosen(GROUPS, "Nope")
