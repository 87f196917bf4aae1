"""Reports as the API asks for them: the function's answer, or a refusal that says what to do."""

import io
import json

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.platform.errors import CursorInvalid
from chalicelib.reporting.client import ReportFailed, ReportingOff, Reports
from chalicelib.reporting.reports import CategoriesQuery, OrderSearch, cursor_after


class FakeLambda:
    def __init__(self, answer=None, **facts):
        self.answer, self.facts, self.asked = answer, facts, []

    def invoke(self, FunctionName, Payload):
        self.asked.append((FunctionName, json.loads(Payload)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **self.facts}


def test_report_is_asked_of_the_function_with_the_given_filters_only():
    fake = FakeLambda({"currency": "EUR", "items": []})
    answer = Reports(fake, "reports").categories(CategoriesQuery(since="2030-05-01"))
    assert fake.asked == [("reports", {"report": "categories", "query": {"since": "2030-05-01"}})]
    assert answer.items == []


def test_shop_without_reporting_refuses_reports_and_says_how_to_turn_it_on():
    fake = FakeLambda()
    with pytest.raises(ReportingOff) as refused:
        Reports(fake, "").orders(OrderSearch())
    assert "REPORTING=1 make up" in refused.value.detail and fake.asked == []


@pytest.mark.parametrize(
    "fake",
    [
        FakeLambda({"errorType": "DatabaseUnavailable"}, FunctionError="Unhandled"),
        FakeLambda(ReadTimeoutError(endpoint_url="lambda")),
    ],
)
def test_failure_of_the_function_is_an_unavailable_report(fake):
    with pytest.raises(ReportFailed):
        Reports(fake, "reports").orders(OrderSearch())


@pytest.mark.parametrize("cursor", ["nonsense", "e30=", cursor_after("yesterday", "ord_1")])
def test_cursor_of_another_list_is_refused(cursor):
    with pytest.raises(CursorInvalid):
        OrderSearch(cursor=cursor).checked()
