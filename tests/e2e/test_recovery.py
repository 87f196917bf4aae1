"""Recovery: an order whose workflow failed is settled by another workflow."""

import json

import pytest


@pytest.fixture
def executions(engine, opened):
    """Return a function that lists the names of a state machine's executions for one order, oldest first."""

    def named(output, order_id):
        machine = opened["stack"][output]
        pages = engine.session.client("stepfunctions").get_paginator("list_executions")
        pages = pages.paginate(stateMachineArn=machine)
        found = [each["name"] for page in pages for each in page["executions"]]
        return sorted(name for name in found if name.startswith(order_id))

    return named


@pytest.fixture
def waiting(guest, new_product, eventually):
    """Return an order that waits for a silent warehouse."""
    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    eventually(lambda: (guest.order(order_id)["shipment"] or {}).get("status") == "REQUESTED")
    return order_id


@pytest.fixture
def kill(engine, opened, resource):
    """Stop a workflow and send its status event as EventBridge would: the AWS emulator emits none."""

    def now(output, name):
        machine = opened["stack"][output]
        execution = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        engine.session.client("stepfunctions").stop_execution(executionArn=execution)
        detail = {"executionArn": execution, "stateMachineArn": machine, "name": name, "status": "ABORTED"}
        event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
        sqs = engine.session.client("sqs")
        return lambda: sqs.send_message(QueueUrl=resource("RecoveryQueue"), MessageBody=json.dumps(event))

    return now


@pytest.fixture
def dispatch(engine, resource):
    def answer(order_id):
        reply = {"order_id": order_id, "outcome": "dispatched", "tracking_number": "T1"}
        engine.session.client("sqs").send_message(
            QueueUrl=resource("WarehouseRepliesQueue"), MessageBody=json.dumps(reply)
        )

    return answer


def test_order_whose_parcel_has_left_is_completed_without_its_saga(guest, sandbox, waiting, kill, dispatch, eventually):
    send_status_event = kill("StateMachineArn", waiting)
    dispatch(waiting)
    eventually(lambda: guest.order(waiting)["shipment"]["status"] == "DISPATCHED")
    send_status_event()
    order = guest.ended(waiting)
    assert (order["status"], order["shipment"]["tracking_number"]) == ("COMPLETED", "T1")
    assert sandbox.kept(waiting) == order["total"]["amount"]


def test_order_whose_parcel_leaves_while_it_is_recovered_is_completed(guest, waiting, kill, dispatch, executions):
    kill("StateMachineArn", waiting)()
    dispatch(waiting)
    assert guest.ended(waiting)["status"] == "COMPLETED"
    assert executions("UndoMachineArn", waiting)[0] == waiting
