"""Step inputs: what the workflows in `statemachine/` pass to the functions of their Task states."""

from typing import NotRequired, TypedDict

from chalicelib.platform.ids import OrderId, ReturnId


class StepInput(TypedDict):
    order_id: OrderId


class WaitingStepInput(StepInput):
    """Of a step that waits until its token is returned."""

    task_token: str


class ResumeInput(WaitingStepInput):
    reason: str


class CancelInput(StepInput):
    reason: str


class ReturnInput(StepInput):
    return_id: ReturnId


class RefundedReturnInput(ReturnInput):
    """`refunded` is minor units; `shortfall` is missing in executions that began before there was one."""

    refunded: int
    shortfall: NotRequired[str]
