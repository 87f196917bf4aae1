"""Asking the auditor: what it says is passed on, and its silence is not taken for a yes."""

import io
import json

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.console.auditor import AuditFailed, AuditNotOffered, Auditor
from infra.deploy import aws
from tests.builders import NOW

FOUND = {
    "read_at": "2030-05-17T12:00:00+00:00",
    "promises": [{"promise": "All is well", "checked": 3, "violated": 0, "violations": []}],
    "orders": {"placed": 1, "under_way": 0, "endings": {"COMPLETED": 1}, "pace": []},
}


class FakeLambda:
    def __init__(self, answer=None, error=None, **more):
        self.asked = []
        self._answer = {"Payload": io.BytesIO(json.dumps(answer).encode())} | more
        self._error = error

    def invoke(self, FunctionName, Payload):
        self.asked.append((FunctionName, json.loads(Payload)))
        if self._error:
            raise self._error
        return self._answer


def test_audit_is_invoked_by_name_for_the_orders_since_a_time():
    client = FakeLambda(FOUND)

    audit = Auditor(client, "storefront-auditor").audit(NOW)

    assert audit.model_dump() == FOUND
    assert client.asked == [("storefront-auditor", {"since": "2030-05-17T12:00:00+00:00"})]


@pytest.mark.parametrize(
    "client",
    [
        FakeLambda({"errorMessage": "no such table"}, FunctionError="Unhandled"),
        FakeLambda(error=ReadTimeoutError(endpoint_url="http://lambda")),
    ],
    ids=["it failed", "it took too long"],
)
def test_unfinished_audit_is_no_audit(client):
    with pytest.raises(AuditFailed):
        Auditor(client, "storefront-auditor").audit(None)


def test_stage_without_a_lab_reports_that():
    with pytest.raises(AuditNotOffered):
        Auditor(FakeLambda(FOUND), "").audit(None)


class Session:
    region_name = "eu-west-1"


@pytest.mark.parametrize(("stage", "lab"), [("prod", None), ("demo", {"control_api": None})])
def test_pages_show_the_lab_only_where_there_is_one(stage, lab):
    outputs = {"WebSocketUrl": "wss://x", "UserPoolClientId": "client"}

    assert aws._browser_config(stage, outputs, "")["lab"] == lab
