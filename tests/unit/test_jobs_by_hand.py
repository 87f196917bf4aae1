"""`make job`: which jobs there are comes from the schedules, and what they say is shown."""

import io
import json

import pytest

from infra.commands import job

STACK = "storefront"


class FakeStack:
    """CloudFormation and Lambda of one stack; the function answers with `answer`, or fails with it."""

    def __init__(self, answer, fails=False):
        self.answer = answer
        self.fails = fails
        self.asked = []

    def client(self, service, config=None):
        return self

    def describe_stack_resource(self, StackName, LogicalResourceId):
        return {"StackResourceDetail": {"PhysicalResourceId": f"{StackName}-{LogicalResourceId}-1A2B"}}

    def invoke(self, FunctionName, Payload):
        self.asked.append((FunctionName, json.loads(Payload)))
        answer = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return answer | ({"FunctionError": "Unhandled"} if self.fails else {})


@pytest.fixture
def deployed(monkeypatch):
    def stack(answer, fails=False):
        fake = FakeStack(answer, fails)
        monkeypatch.setattr(job, "_stack_of", lambda stage: (fake, f"storefront-{stage}" if stage else STACK))
        return fake

    return stack


def test_every_schedule_is_a_job():
    expected = {"sweep_reservations", "reconcile_payments", "write_sales_report", "remind_of_carts"}
    assert expected <= set(job.jobs())
    assert job.jobs()["write_sales_report"] == "WriteSalesReport"


@pytest.mark.parametrize("name", ["", "no_such_job"])
def test_without_a_known_name_it_lists_the_jobs(name, capsys):
    assert job.main(name, None, "") == 2
    assert "sweep_reservations" in capsys.readouterr().out


def test_it_runs_the_stacks_own_function_and_prints_its_answer(deployed, capsys):
    stack = deployed({"released": 3})

    assert job.main("sweep_reservations", None, "") == 0
    assert stack.asked == [("storefront-SweepReservations-1A2B", {})]
    assert json.loads(capsys.readouterr().out) == {"released": 3}


def test_it_takes_an_input_and_a_stage(deployed):
    stack = deployed({"written": "sales/2030-05-17"})

    assert job.main("write_sales_report", "demo", '{"date": "2030-05-17"}') == 0
    assert stack.asked == [("storefront-demo-WriteSalesReport-1A2B", {"date": "2030-05-17"})]


def test_a_job_that_fails_says_why(deployed, capsys):
    deployed({"errorType": "ValueError", "errorMessage": "no date"}, fails=True)

    assert job.main("write_sales_report", None, "") == 1
    assert capsys.readouterr().out == "ValueError: no date\n"


def test_an_input_that_is_no_json_is_refused(deployed, capsys):
    stack = deployed({})

    assert job.main("write_sales_report", None, "tomorrow") == 1
    assert stack.asked == []
