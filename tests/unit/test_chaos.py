"""Chaos run: what AWS, clocks and operators do until the end, and what a buyer repeats."""

import json
from collections import Counter

import pytest

from infra.commands.chaos import buyers
from infra.commands.chaos.ending import JOBS, REDRIVES, DeadWorkflows, Ending
from infra.commands.chaos.records import by_status, percentile
from infra.commands.client import Buyer, Reply, Unreachable
from infra.commands.job import JobFailed
from infra.commands.patient_buyer import PatientBuyer
from testbed.record import Outcome


class Shop:
    """A shop whose dead letters fail again `stubborn` times, and whose orders end after `looks` looks."""

    def __init__(self, dead=0, stubborn=0, looks=0):
        self.dead, self.stubborn, self.looks, self.jobs = dead, stubborn, looks, Counter()

    def must(self, method, path, body=None):
        if method == "GET":
            none = {"waiting": 0, "in_flight": 0}
            return {"items": [{"name": "mails", "messages": none, "dead_letters": none | {"waiting": self.dead}}]}
        assert path == "/admin/queues/mails/redrive"
        redriven, self.stubborn = self.dead, self.stubborn - 1
        self.dead = self.dead if self.stubborn >= 0 else 0
        return {"redriven": ["a"] * redriven, "complete": True}

    def look(self):
        self.looks -= 1
        return "the books", ["ord_1 is PLACED"] if self.looks >= 0 else []

    def run(self, job):
        self.jobs[job] += 1
        raise JobFailed("its next run tries again")


def test_end_waits_for_orders_and_redrives_what_died_under_faults():
    shop = Shop(dead=3, stubborn=2, looks=4)
    ending = Ending(shop, shop, shop.run, look_seconds=0, jobs_every_seconds=0)
    assert ending.wait(60) == "the books"
    assert (ending.redriven, ending.problems) == ({"mails": 9}, [])
    assert shop.jobs.keys() == {*JOBS, "ReconcilePayments"} and shop.jobs["ReconcilePayments"] == 1


@pytest.mark.parametrize(
    ("shop", "problem"),
    [
        (Shop(dead=1, stubborn=999), "1 messages in mails, of which 1 dead letters"),
        (Shop(looks=10**6), "ord_1 is PLACED"),
    ],
)
def test_what_does_not_end_is_named(shop, problem):
    ending = Ending(shop, shop, shop.run, look_seconds=0.001)
    ending.wait(0.1)
    assert ending.problems == [problem]
    assert ending.redriven["mails"] <= REDRIVES


class StepFunctions:
    """Client of Step Functions and of SQS with one execution that died and one that did not."""

    def __init__(self):
        self.sent = []

    def client(self, service):
        return self

    def get_paginator(self, operation):
        return self

    def paginate(self, stateMachineArn, statusFilter):
        dead = {"executionArn": "x:ord_1", "name": "ord_1", "status": "FAILED"}
        return [{"executions": [dead] if (stateMachineArn, statusFilter) == ("saga", "FAILED") else []}]

    def send_message(self, QueueUrl, MessageBody):
        self.sent.append((QueueUrl, json.loads(MessageBody)["detail"]))


def test_event_of_a_dead_workflow_is_sent_once():
    aws = StepFunctions()
    stack = {"StateMachineArn": "saga", "ReturnMachineArn": "return", "UndoMachineArn": "undo"}
    dead = DeadWorkflows(aws, stack, "recovery")
    assert [dead.report(), dead.report()] == [1, 1]
    detail = {"stateMachineArn": "saga", "executionArn": "x:ord_1", "name": "ord_1", "status": "FAILED"}
    assert aws.sent == [("recovery", detail)]


def test_orders_are_counted_by_ending_and_timed():
    found = [Outcome(subject=str(n), status="COMPLETED", seconds=n) for n in range(101)]
    found.append(Outcome(subject="x", status="CANCELLED", reason="OUT_OF_STOCK"))
    assert by_status(found) == {"CANCELLED OUT_OF_STOCK": 1, "COMPLETED": 101}
    assert (percentile(found, 50), percentile(found, 99)) == (50, 99)
    assert percentile(found[-1:], 50) is None


class Server(Buyer):
    """A buyer whose shop gives these answers."""

    def call(self, *request, **more):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, {}, {"code": "internal_error"} if answer == 500 else {})


class Impatient(PatientBuyer, Server):
    """It makes no pauses."""


@pytest.mark.parametrize(
    ("answers", "status"),
    [([Unreachable("no"), ConnectionResetError(), 429, 503, 202], 202), ([500, 202], 500), ([404, 202], 404)],
)
def test_patient_buyer_repeats_what_had_no_answer_or_no_capacity(answers, status):
    buyer = Impatient("http://shop.example", longest_pause_seconds=0)
    buyer.answers = list(answers)
    assert buyer.call("GET", "/health").status == status
    assert buyer.repeated == answers.index(status)


class Visited(Server):
    """Its replies have these bodies."""

    def call(self, *request, **more):
        return Reply(200, {}, self.answers.pop(0))


def test_buyer_looks_again_after_a_reply_that_is_no_order(monkeypatch):
    monkeypatch.setattr(buyers, "LOOK_SECONDS", 0)
    buyer = Visited("http://shop.example")
    buyer.answers = [{"message": "Internal server error"}, {"status": "PLACED"}, {"status": "COMPLETED"}]
    assert buyers._wait(buyer, "ord_1", buyers.OVER) == "COMPLETED"
