"""Records of runs of the test bed, as tests of their report need them."""

from testbed.plan import FaultPlan, What
from testbed.record import EdgeRecord, Entry, Injected, Outcome, RunRecord, VerdictRecord


def record(**given):
    details = {"name": "Simulation", "seed": 42, "started_at": "2026-11-29T12:00:00Z", "seconds": 61.0}
    return RunRecord(**{**details, **given})


def entry(text="PutItem", at=1.0, source="ShipOrder", target="OrdersTable", subject="ord_1", fault=None):
    return Entry(at=at, source=source, target=target, text=text, subject=subject, fault=fault)


def outcome(subject="ord_1", status="COMPLETED", seconds=4.0, **given):
    return Outcome(subject=subject, status=status, seconds=seconds, **given)


EVERYTHING = record(
    command="make simulate SEED=42",
    plan=FaultPlan.of("dynamodb.PutItem/Orders*=throttle@0.1[5:60] payments.capture=lost_answer#1,3"),
    outcomes=[outcome(), outcome("ord_2", "CANCELLED", None, reason="OUT_OF_STOCK", faults=3)],
    injected=[
        Injected(site=f"queue.deliver/Queue{number}", what=what, times=number + 1) for number, what in enumerate(What)
    ],
    verdicts=[
        VerdictRecord(invariant="Each order ends", checked=2, violations={"ord_2": "it waits for ever"}),
        VerdictRecord(invariant="Money adds up", checked=2),
        VerdictRecord(invariant="Emails are sent once", checked=0),
    ],
    edges=[EdgeRecord(workflow="order_return", source="start", target="RefundReturn", times=17)],
    entries=[entry(fault=What.KILL), entry("ask", 2, "buyer", "APIHandler", "ord_2")],
)
