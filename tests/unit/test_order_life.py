"""Model-based test: the life of some orders in random histories, compared with a small model after each step.

The workflows are the shipped ones. Calls fail, answers are lost, functions run again late, and messages are lost,
repeated and reordered; at the end of each history the faults end, and every order has to.
`HISTORIES=2000` tries more histories than the usual ones.
"""

import logging
import os
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chalicelib.orders.model import Reason, TooLateToCancel
from chalicelib.payments.provider import DisputeStatus, PaymentDisputed
from chalicelib.platform.errors import Conflict
from testbed.shop.fake_payment_provider import APPROVED, DECLINED, WANTS_HOLDER
from tests.unit.order_model import OrderModel
from tests.unit.order_world import OPEN, PRICES, OrderWorld

pytestmark = pytest.mark.takes_long

HISTORIES = int(os.environ.get("HISTORIES", "120"))
STEPS = 50
WHICH = st.integers(0, 11)
LOST = ["", "", "", "", "Lambda.Unknown", "States.Timeout", "Lambda.TooManyRequestsException"]


def rarely(times, needs):
    """Let a rule apply so often in one history, and only where `needs` holds: most orders are to come far."""

    def limited(function):
        name = function.__name__

        def counted(self, **drawn):
            self.times[name] += 1
            return function(self, **drawn)

        counted.__name__, counted.__doc__ = name, function.__doc__
        return precondition(lambda self: self.times[name] < times and needs(self))(counted)

    return limited


class OrderLife(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.times = Counter()
        self.world = OrderWorld()
        self.model = OrderModel(self.world)

    def some(self, what, which):
        return what[which % len(what)]

    @initialize(
        units=st.dictionaries(st.sampled_from(list(PRICES)), st.integers(1, 2), min_size=1),
        method=st.sampled_from([APPROVED, APPROVED, WANTS_HOLDER]),
        steps=st.integers(0, 12),
    )
    def place_first(self, units, method, steps):
        self.world.places(units, method, False)
        self.drain(steps)

    @rule(
        units=st.dictionaries(st.sampled_from(list(PRICES)), st.integers(1, 3), min_size=1),
        method=st.sampled_from([APPROVED, APPROVED, WANTS_HOLDER, DECLINED]),
        is_free=st.sampled_from([False, False, False, True]),
    )
    @precondition(lambda self: len(self.world.orders_placed) < 4)
    def place(self, units, method, is_free):
        self.world.places(units, method, is_free)

    @rule(steps=st.integers(1, 12))
    def go_on(self, steps):
        """What is to be done is done, in the usual order."""
        self.drain(steps)

    @rule(steps=st.integers(4, 30))
    def go_on_for_long(self, steps):
        self.drain(steps)

    @rule(which=WHICH, again=st.booleans())
    @precondition(lambda self: self.world.events)
    def deliver_event(self, which, again):
        event = self.some(self.world.events, which)
        if self.world.consumes(event) and not again:
            self.world.events.remove(event)

    @rule(which=WHICH, lost=st.sampled_from(LOST), times=st.integers(1, 4))
    @precondition(lambda self: self.world.running)
    def run_state(self, which, lost, times):
        execution = self.some(self.world.running, which)
        for number in range(times):
            if execution in self.world.running:
                self.world.makes_call(execution, "" if number else lost)
                self.world.goes_on()

    @rule(which=WHICH)
    @precondition(lambda self: self.world.calls)
    def repeat_state(self, which):
        """A function that was invoked runs late, or again; its answer is lost."""
        self.world.repeats(self.world.calls[-1 - which % len(self.world.calls)])

    @rule(which=WHICH, way=st.sampled_from(["exhausts", "exhausts", "aborts"]))
    @rarely(2, lambda self: self.world.running)
    def break_workflow(self, which, way):
        execution = self.some(self.world.running, which)
        self.world.calls.append(execution.call)
        if way == "aborts":
            self.world.aborts(execution)
        else:
            execution.failed_for_good("Lambda.ServiceException")

    @rule(which=WHICH, is_lost=st.booleans())
    @precondition(lambda self: self.world.died)
    def recover(self, which, is_lost):
        died = self.some(self.world.died, which)
        if is_lost or self.world.recovers(died):
            self.world.died.remove(died)

    @rule(which=WHICH, refuses=st.booleans(), again=st.booleans(), is_silent=st.booleans())
    @precondition(lambda self: self.world.warehouse.unread)
    def read_request(self, which, refuses, again, is_silent):
        request = self.some(self.world.warehouse.unread, which)
        if not (is_silent and request.action == "ship"):
            self.world.warehouse.handle(request, refuses)
        if not again:
            self.world.warehouse.unread.remove(request)

    @rule(which=WHICH, again=st.booleans())
    @precondition(lambda self: self.world.warehouse.replies)
    def deliver_reply(self, which, again):
        reply = self.some(self.world.warehouse.replies, which)
        if self.world.replies(*reply) and not again:
            self.world.warehouse.replies.remove(reply)

    @rule(which=WHICH, by_shop=st.booleans())
    @rarely(1, lambda self: self.world.orders_placed)
    def cancel(self, which, by_shop):
        order = self.some(self.world.orders_placed, which)
        with suppress(TooLateToCancel):
            self.world.orders.cancel(order.id, Reason.SHOP_REQUEST if by_shop else Reason.CUSTOMER_REQUEST)

    @rule(which=WHICH, number=st.integers(1, 3), some=st.sampled_from([None, 1, 2]))
    @precondition(lambda self: any(order.status == "COMPLETED" for order in self.world.orders_placed))
    def return_units(self, which, number, some):
        """As the buyer's request does; the same number is the same request."""
        order = self.some([each for each in self.world.orders_placed if each.status == "COMPLETED"], which)
        wanted = {order.lines[0].sku: some} if some else None
        payment = self.world.payments.of(order.id)
        with suppress(Conflict):
            if payment.disputed:
                raise PaymentDisputed
            taken = self.world.orders.take_back(order.id, f"ret_{order.id}_{number}", wanted, payment.kept, order)
            self.model.came_back[taken.id] = order.id, taken.quantities

    @rule(which=WHICH, confirms=st.booleans())
    @precondition(lambda self: any(intent.awaits_buyer for intent in self.world.intents))
    def answer_bank(self, which, confirms):
        intent = self.some([each for each in self.world.intents if each.awaits_buyer], which)
        self.world.gateway.answer(intent.id, confirms)
        self.world.changed_at_bank(intent.id)

    @rule(which=WHICH)
    @rarely(1, lambda self: any(intent.held for intent in self.world.intents))
    def lose_hold(self, which):
        intent = self.some([each for each in self.world.intents if each.held], which)
        self.world.gateway.expire(intent.id)
        self.world.changed_at_bank(intent.id)

    @rule(which=WHICH, part=st.sampled_from([1, 2]))
    @precondition(lambda self: any(intent.kept and not intent.disputes for intent in self.world.intents))
    def dispute(self, which, part):
        intent = self.some([each for each in self.world.intents if each.kept and not each.disputes], which)
        self.world.gateway.dispute(intent.id, intent.kept // part)
        self.world.changed_at_bank(intent.id)

    @rule(which=WHICH, outcome=st.sampled_from([DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.WITHDRAWN]))
    @precondition(lambda self: any(intent.disputed for intent in self.world.intents))
    def decide_dispute(self, which, outcome):
        intent = self.some([each for each in self.world.intents if each.disputed], which)
        self.world.gateway.close_dispute(intent.id, outcome)
        self.world.changed_at_bank(intent.id)

    @rule(which=WHICH, part=st.sampled_from([1, 3]))
    @precondition(lambda self: any(intent.kept and not intent.disputed for intent in self.world.intents))
    def refund_outside(self, which, part):
        intent = self.some([each for each in self.world.intents if each.kept and not each.disputed], which)
        self.world.gateway.refund_by_hand(intent.id, intent.kept // part)
        self.world.changed_at_bank(intent.id)

    @rule(which=WHICH)
    @precondition(lambda self: self.refunds)
    def fail_refund(self, which):
        intent, refund = self.some(self.refunds, which)
        self.world.gateway.fail_refund(refund.id)
        self.world.changed_at_bank(intent.id)

    @property
    def refunds(self):
        return [(intent, each) for intent in self.world.intents for each in intent.refunds if each.is_effective]

    @rule(which=WHICH)
    @precondition(lambda self: self.world.orders_placed)
    def retry_refunds(self, which):
        self.world.retries_refunds(self.some(self.world.orders_placed, which).id)

    @rule(which=WHICH, fate=st.sampled_from(["received", "received twice", "lost"]))
    @precondition(lambda self: self.world.webhooks)
    def deliver_webhook(self, which, fate):
        webhook = self.some(self.world.webhooks, which)
        if fate == "lost" or (self.world.receives(webhook) and fate == "received"):
            self.world.webhooks.remove(webhook)

    @rule(
        call=st.sampled_from(["create", "confirm", "capture", "cancel", "refund", "all", "warehouse", ""]),
        way=st.sampled_from(["loses the answer", "fails", "fails after its effect"]),
    )
    def disturb(self, call, way):
        """The next such call goes wrong, or all of them until the next disturbance."""
        gateway = self.world.gateway
        gateway.is_down, self.world.warehouse.broken = call == "all", call == "warehouse"
        if call not in ("all", "warehouse", ""):
            if way == "loses the answer":
                gateway.lose(call)
            else:
                gateway.fail(call, has_effect=way != "fails")

    @rule(minutes=st.sampled_from([1, 6, 20, 45, 1500]))
    def pass_time(self, minutes):
        self.world.passes(minutes=minutes)

    @rule(job=st.sampled_from(["sweeps", "reconciles"]))
    def run_job(self, job):
        with suppress(*OPEN):
            getattr(self.world, job)()

    @rule(which=WHICH)
    @rarely(1, lambda self: self.parked)
    def redrive(self, which):
        with suppress(*OPEN):
            self.world.recovery.settle(self.some(self.parked, which))

    @property
    def parked(self):
        return [each.name.partition("-")[0] for each in self.world.executions if each.error and each.name[:3] == "ord"]

    @invariant()
    def world_agrees_with_the_model(self):
        self.world.goes_on()
        self.model.check_stock()
        for order in self.world.orders_placed:
            self.model.check(order)

    def teardown(self):
        """The faults end; then every order ends, and all books agree, also after each call was made again."""
        self.calm()
        self.settle()
        self.model.check_end()
        for call in list(self.world.calls):
            self.world.repeats(call)
            self.world_agrees_with_the_model()
        self.settle()
        self.model.check_end()

    def settle(self):
        for _ in range(60):
            self.drain()
            if self.is_at_rest():
                break
            self.world.sweeps()
            self.world.passes(minutes=20 if self.world.clock.now.hour % 2 else 1500)

    def calm(self):
        world = self.world
        world.gateway.is_down = world.warehouse.broken = False
        world.gateway.losing.clear()
        world.gateway.failing.clear()
        for intent in world.intents:
            if intent.disputed:
                world.gateway.close_dispute(intent.id, DisputeStatus.WON)
                world.changed_at_bank(intent.id)
            # Who refunded it makes it again, or reconciliation does.
            world.may_repair |= any(not each.is_effective and each.reference is None for each in intent.refunds)

    def drain(self, steps=300):
        """Deliver messages and make calls in their order: at most so many."""
        for _ in range(steps):
            if not self.world.progress():
                return
            self.world_agrees_with_the_model()

    def is_at_rest(self):
        """Operators make failed refunds again, while there is something to refund."""
        orders = self.world.orders_placed
        failed = [order.id for order in orders if order.failed_refunds and self.world.payments.of(order.id).kept]
        for order_id in failed:
            self.world.retries_refunds(order_id)
        is_busy = any(each.is_running for each in self.world.executions)
        mismatches = self.world.reconciles() + self.world.reconciles()
        return not (is_busy or failed or mismatches or self.world.webhooks) and all(each.is_settled for each in orders)


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_orders_are_worth_what_the_model_says_in_any_history(shop):
    many = settings(
        max_examples=HISTORIES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(OrderLife, settings=many)
