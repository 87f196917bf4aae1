"""A shop on fakes whose workflows run as shipped, one state at a time, as often and as late as a test wants."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from chalicelib.inventory.service import Inventory
from chalicelib.orders.service import Orders
from chalicelib.payments.confirmation import Confirmation
from chalicelib.payments.service import Payments
from chalicelib.platform.workflows import Workflow
from chalicelib.shipping.service import Shipping
from testbed.workflows import AwaitToken, Invoke
from tests.executions import Execution
from tests.fake_inventory_store import FakeInventoryStore
from tests.unit.conftest import LIMITS, RETURN, SAGA, UNDO, Shop

HOLD, BUYER_LIMIT = timedelta(minutes=30), timedelta(minutes=15)


class WorkflowShop(Shop):
    """`received` are the units of stock by SKU, with `_` for `-`."""

    def __init__(self, **received: int) -> None:
        super().__init__()
        self.inventory_store = FakeInventoryStore(**received)
        self.shipment_store = self.shipping._store
        self.join()

    def join(self, watch: Callable[[Any], Any] = lambda fake: fake, clock: Any = None) -> None:
        """Put `watch(fake)` in place of each fake, and let the rooms read the time from `clock`."""
        clock = clock or self.clock
        self.orders = Orders(watch(self.order_store), clock)
        self.inventory = Inventory(watch(self.inventory_store), clock, HOLD)
        confirmation = Confirmation("https://shop.example", BUYER_LIMIT, clock)
        self.payments = Payments(watch(self.payment_store), watch(self.gateway), confirmation)
        self.waiting_task = watch(self.saga)
        self.shipping = Shipping(watch(self.shipment_store), watch(self.warehouse), self.waiting_task, clock, LIMITS)
        functions = watch(self.step_functions)
        self.fulfilment_workflow = Workflow(functions, SAGA)
        self.compensation_workflow = Workflow(functions, UNDO)
        self.return_workflow = Workflow(functions, RETURN)

    def call(self, wanted: Invoke | AwaitToken) -> dict[str, Any]:
        """Call the function of a state; return its result, or raise its error."""
        method = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", wanted.state).lower()
        rooms = self.steps, self.buyer_confirmation, self.recovery, self.returns
        [function] = [getattr(room, method) for room in rooms if hasattr(room, method)]
        result = function(**wanted.payload)
        return {"refunded": result.amount, "shortfall": result.shortfall or ""} if result else {}

    def advance(self, execution: Execution) -> None:
        """Make the call once, and pass on its outcome. A state that waits for a token waits on if it succeeds."""
        try:
            result = self.call(execution.call)
        except Exception as failure:
            execution.failed(type(failure).__name__)
        else:
            if not execution.token:
                execution.succeeded(result)
