"""Fault injection: the response that the shop receives for each kind, and the effect at the provider."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from infra.stripe_sandbox import serve

from .client import WAIT, authorized, control_api_at, eventually, http, new_intent, refusal, shop_at

KEY = {"idempotency_key": "o-1:step"}
LOST = stripe.APIConnectionError
BROKEN = stripe.APIError
BUSY = stripe.RateLimitError


@pytest.fixture
def arrange(control_api):
    """Return a function that plans a fault and returns a counter of its uses."""

    def ask(operation, kind, **more):
        answer = control_api("POST", "/faults", operation=operation, kind=kind, **more)
        assert (answer.status, answer.body["struck"]) == (200, 0)
        return lambda: next(
            fault["struck"]
            for fault in control_api("GET", "/faults").body["faults"]
            if fault["id"] == answer.body["id"]
        )

    return ask


def held_with(shop, card, **changes):
    return shop.payment_intents.create(new_intent(payment_method=card, confirm=True, **changes))


def status(shop, intent):
    return shop.payment_intents.retrieve(intent.id).status


def was_replayed(answer):
    return answer.last_response.headers.get("Idempotent-Replayed") == "true"


class TestKinds:
    def capture(self, shop, intent, key=KEY):
        return shop.payment_intents.capture(intent.id, {}, key)

    @pytest.mark.parametrize(
        ("kind", "expected", "seconds"),
        [("error_before", BROKEN, None), ("rate_limited", BUSY, None), ("timeout", LOST, 0.05)],
    )
    def test_fault_without_effect_is_not_remembered(self, shop, arrange, kind, expected, seconds):
        intent = authorized(shop)
        struck = arrange("capture", kind, seconds=seconds)

        refusal(self.capture, shop, intent, expected=expected)
        assert (status(shop, intent), struck()) == ("requires_capture", 1)

        taken = self.capture(shop, intent)
        assert (taken.status, was_replayed(taken)) == ("succeeded", False)

    def test_errors_look_like_stripes(self, shop, arrange):
        intent = authorized(shop)
        arrange("capture", "error_before")
        arrange("capture", "rate_limited")

        broken = refusal(self.capture, shop, intent, expected=BROKEN)
        busy = refusal(self.capture, shop, intent, expected=BUSY)

        assert (broken.http_status, broken.json_body["error"]["type"]) == (500, "api_error")
        assert (busy.http_status, busy.json_body["error"]["code"]) == (429, "rate_limit")
        assert busy.json_body["error"]["type"] == "invalid_request_error"

    def test_lost_response_is_stored_under_its_key(self, shop, arrange):
        intent = authorized(shop)
        arrange("capture", "error_after")

        refusal(self.capture, shop, intent, expected=LOST)
        assert status(shop, intent) == "succeeded"

        assert was_replayed(self.capture(shop, intent))

    def test_faults_on_the_way_hit_remembered_answers_too(self, shop, arrange):
        intent = authorized(shop)
        struck = arrange("capture", "error_after", times=2)
        arrange("capture", "error_before")

        for expected in (LOST, LOST, BROKEN):
            refusal(self.capture, shop, intent, expected=expected)

        assert was_replayed(self.capture(shop, intent))
        assert struck() == 2

    def test_sticky_error_belongs_to_its_key(self, shop, arrange):
        intent = authorized(shop)
        struck = arrange("capture", "sticky_error")

        first = refusal(self.capture, shop, intent, expected=BROKEN)
        again = refusal(self.capture, shop, intent, expected=BROKEN)

        assert (first.http_status, again.http_status) == (500, 500)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert (status(shop, intent), struck()) == ("requires_capture", 1)
        assert self.capture(shop, intent, {"idempotency_key": "o-1:again"}).status == "succeeded"

    def test_sticky_error_can_hide_an_effect(self, shop, arrange):
        intent = authorized(shop)
        struck = arrange("capture", "sticky_error_after", times=0)

        first = refusal(self.capture, shop, intent, expected=BROKEN)
        again = refusal(self.capture, shop, intent, expected=BROKEN)

        assert (status(shop, intent), struck()) == ("succeeded", 1)
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"

    def test_slow_fault_delays_the_answer(self, shop, arrange):
        intent = authorized(shop)
        struck = arrange("capture", "slow", seconds=0.05)

        assert (self.capture(shop, intent).status, struck()) == ("succeeded", 1)

    @pytest.mark.parametrize(("kind", "replayed"), [("slow", True), ("timeout", False)])
    def test_waiting_holds_neither_key_nor_sandbox(self, tmp_path, secret, kind, replayed):
        """The delay is one hour, but the sandbox closes before."""
        server = serve(0, str(tmp_path / "state.sqlite"))
        shop, control_api = shop_at(server.url, secret), control_api_at(server.url, secret)
        intent = authorized(shop)
        control_api("POST", "/faults", operation="capture", kind=kind, seconds=3600)
        with ThreadPoolExecutor(1) as pool:
            try:
                lost = pool.submit(refusal, self.capture, shop, intent, expected=LOST)
                eventually(lambda: control_api("GET", "/faults").body["faults"][0]["struck"])
                taken = eventually(lambda: self.captured_unless_in_use(shop, intent))
                assert not lost.done()
            finally:
                server.close()
            assert lost.result(WAIT)

        assert (taken.status, was_replayed(taken)) == ("succeeded", replayed)

    def captured_unless_in_use(self, shop, intent):
        try:
            return self.capture(shop, intent)
        except stripe.IdempotencyError:
            return None  # the first request has not reached its delay yet

    def test_authorization_expires_after_confirm(self, shop, arrange):
        intent = shop.payment_intents.create(new_intent())
        arrange("confirm", "hold_expires", seconds=0.05)

        held = shop.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

        assert held.status == "requires_capture"
        eventually(lambda: status(shop, intent) == "canceled")
        assert shop.payment_intents.retrieve(intent.id).cancellation_reason == "automatic"
        assert len(shop.events.list({"type": "payment_intent.canceled"}).data) == 1

    def test_authorization_expires_before_capture(self, shop, arrange):
        intent = authorized(shop)
        arrange("capture", "hold_expires")

        for _ in range(2):
            error = refusal(self.capture, shop, intent)
            assert (error.http_status, error.code) == (400, "payment_intent_unexpected_state")

        assert error.headers["Idempotent-Replayed"] == "true"
        assert status(shop, intent) == "canceled"

    def test_refused_request_can_lose_its_response(self, shop, arrange):
        intent = shop.payment_intents.create(new_intent())
        arrange("capture", "error_after")

        refusal(self.capture, shop, intent, expected=LOST)

        assert refusal(self.capture, shop, intent).headers["Idempotent-Replayed"] == "true"


class TestWhichRequests:
    def test_fault_can_strike_each_operation(self, shop, arrange):
        canceled, refunded = authorized(shop), authorized(shop, capture_method="automatic")
        for operation, step in {
            "create": lambda: shop.payment_intents.create(new_intent()),
            "confirm": lambda: shop.payment_intents.confirm(canceled.id),
            "cancel": lambda: shop.payment_intents.cancel(canceled.id),
            "refund": lambda: shop.refunds.create({"charge": refunded.latest_charge}),
            "retrieve": lambda: shop.payment_intents.retrieve(refunded.id),
        }.items():
            struck = arrange(operation, "error_before")
            refusal(step, expected=BROKEN)
            assert struck() == 1

    def test_fault_for_any_operation_strikes_each_request(self, shop, arrange):
        struck = arrange("any", "error_before", times=0)

        refusal(shop.refunds.list, expected=BROKEN)
        refusal(shop.payment_intents.create, new_intent(), expected=BROKEN)

        assert struck() == 2

    def test_creation_may_confirm_as_well(self, shop, arrange):
        arrange("confirm", "error_before")

        refusal(authorized, shop, expected=BROKEN)

    def test_other_operations_work(self, shop, arrange):
        struck = arrange("capture", "error_before")

        shop.payment_intents.cancel(authorized(shop).id)

        assert struck() == 0

    @pytest.mark.parametrize("operation", ["create", "capture", "refund"])
    def test_fault_can_be_limited_to_one_order(self, shop, arrange, operation):
        struck = arrange(operation, "error_before", order_id="o-2", times=0)

        def buy(order_id):
            intent = authorized(shop, metadata={"order_id": order_id})
            shop.payment_intents.capture(intent.id)
            return shop.refunds.create({"payment_intent": intent.id, "metadata": {"order_id": "o-2"}})

        assert buy("o-1").status == "succeeded"
        refusal(buy, "o-2", expected=BROKEN)
        assert struck() == 1

    def test_fault_occurs_a_limited_number_of_times(self, shop, arrange, control_api):
        arrange("retrieve", "error_before", times=2)
        intent = authorized(shop)

        for _ in range(2):
            refusal(shop.payment_intents.retrieve, intent.id, expected=BROKEN)

        assert status(shop, intent) == "requires_capture"

    def test_fault_with_a_probability_strikes_the_share_that_its_seed_chooses(self, shop, arrange, control_api):
        intent = authorized(shop)

        def failures(seed):
            struck = arrange("retrieve", "error_before", times=0, probability=0.3, seed=seed)
            found = []
            for number in range(60):
                try:
                    shop.payment_intents.retrieve(intent.id)
                except stripe.APIError:
                    found.append(number)
            assert struck() == len(found)
            control_api("DELETE", "/faults")
            return found

        assert 5 < len(failures(7)) < 35
        assert failures(7) == failures(7) != failures(8)

    def test_faults_are_listed_and_cleared(self, sandbox, shop, arrange, control_api, secret):
        arrange("create", "slow", seconds=1.5, times=0, order_id="o-1")
        other = control_api_at(sandbox.url, f"{secret}2")
        other("POST", "/faults", operation="any", kind="timeout")

        [fault] = control_api("GET", "/faults").body["faults"]
        assert "active fault" in http(sandbox.url, "GET", "/").text
        assert fault.pop("id").startswith("fault_")
        assert fault == {
            "operation": "create",
            "kind": "slow",
            "seconds": 1.5,
            "times": 0,
            "order_id": "o-1",
            "probability": 1,
            "seed": 0,
            "struck": 0,
        }
        assert control_api("DELETE", "/faults").body == {"cleared": 1}
        assert control_api("GET", "/faults").body == {"faults": []}
        [fault] = other("GET", "/faults").body["faults"]
        assert (fault["seconds"], fault["times"], fault["order_id"]) == (30, 1, None)


class TestByCard:
    def test_card_fault_strikes_once_per_payment_and_operation(self, shop):
        for _ in range(2):
            intent = shop.payment_intents.create(new_intent())
            confirm = (intent.id, {"payment_method": "pm_card_fault_confirm_errorAfter"})
            refusal(shop.payment_intents.confirm, *confirm, expected=LOST)
            assert status(shop, intent) == "requires_capture"

        assert shop.payment_intents.capture(intent.id).status == "succeeded"

    def test_latest_card_counts(self, shop):
        intent = shop.payment_intents.create(new_intent(payment_method="pm_card_visa"))
        confirm = (intent.id, {"payment_method": "pm_card_fault_confirm_errorBefore"})

        refusal(shop.payment_intents.confirm, *confirm, expected=BROKEN)
        assert shop.payment_intents.confirm(*confirm).status == "requires_capture"

    def test_card_fault_may_strike_always(self, shop):
        intent = held_with(shop, "pm_card_fault_capture_rateLimited_always")

        for _ in range(3):
            refusal(shop.payment_intents.capture, intent.id, expected=BUSY)

        assert shop.payment_intents.cancel(intent.id).status == "canceled"

    def test_card_fault_expires_the_hold_before_capture(self, shop):
        intent = held_with(shop, "pm_card_fault_capture_holdExpires")

        assert refusal(shop.payment_intents.capture, intent.id).code == "payment_intent_unexpected_state"
        assert status(shop, intent) == "canceled"

    def test_later_operations_know_the_card(self, shop):
        intent = held_with(shop, "pm_card_fault_refund_stickyError")
        shop.payment_intents.capture(intent.id)
        refund = {"payment_intent": intent.id}

        for _ in range(2):
            refusal(shop.refunds.create, refund, KEY, expected=BROKEN)
        assert shop.refunds.create(refund, {"idempotency_key": "o-1:again"}).amount == 1250

        watched = held_with(shop, "pm_card_fault_retrieve_errorBefore")
        refusal(shop.payment_intents.retrieve, watched.id, expected=BROKEN)
        assert status(shop, watched) == "requires_capture"

    def test_retried_creation_succeeds(self, shop):
        request = new_intent(payment_method="pm_card_fault_confirm_errorBefore", confirm=True)

        refusal(shop.payment_intents.create, request, KEY, expected=BROKEN)

        assert shop.payment_intents.create(request, KEY).status == "requires_capture"

    def test_card_fault_is_otherwise_a_visa(self, shop):
        intent = held_with(shop, "pm_card_fault_cancel_timeout", expand=["payment_method"])

        assert (intent.payment_method.card.brand, intent.payment_method.card.last4) == ("visa", "4242")

    @pytest.mark.parametrize("name", ["capture_explode", "pay_timeout", "refund_holdExpires"])
    def test_card_fault_of_another_name_is_unknown(self, shop, name):
        strange = new_intent(payment_method=f"pm_card_fault_{name}", confirm=True)

        error = refusal(shop.payment_intents.create, strange)

        assert error.code == "resource_missing"


class TestByMetadata:
    def test_metadata_fault_strikes_creation_once_per_order(self, shop):
        request = new_intent(metadata={"order_id": "o-1", "sandbox_fault": "create:error_after"})

        refusal(shop.payment_intents.create, request, KEY, expected=LOST)

        again = shop.payment_intents.create(request, KEY)
        assert was_replayed(again)
        assert [intent.id for intent in shop.payment_intents.list().data] == [again.id]

    def test_metadata_may_name_several_faults(self, shop):
        wish = {"sandbox_fault": "capture:error_before, capture:rate_limited,refund:sticky_error"}
        intent = authorized(shop, metadata=wish)

        refusal(shop.payment_intents.capture, intent.id, expected=BROKEN)
        refusal(shop.payment_intents.capture, intent.id, expected=BUSY)
        assert shop.payment_intents.capture(intent.id).status == "succeeded"
        refusal(shop.refunds.create, {"payment_intent": intent.id}, expected=BROKEN)

    @pytest.mark.parametrize("wish", ["capture", "capture:explode", "pay:timeout", "cancel:hold_expires"])
    def test_faults_that_do_not_exist_are_refused(self, shop, wish):
        error = refusal(shop.payment_intents.create, new_intent(metadata={"sandbox_fault": wish}))

        assert (error.http_status, error.param) == (400, "metadata[sandbox_fault]")
        assert "There is no fault" in error.user_message


@pytest.mark.parametrize(
    ("origin", "path", "may"),
    [
        ("http://shop.cloudfront.localhost:4566", "/admin/faults", True),
        ("http://127.0.0.1:8000", "/admin/webhooks", True),
        ("https://shop.example", "/admin/faults", False),
        ("https://localhost.example", "/admin/faults", False),
        ("https://shop.localhost.example", "/admin/faults", False),
        ("http://shop.cloudfront.localhost:4566", "/v1/payment_intents", False),
    ],
)
def test_pages_of_this_machine_may_use_only_the_control_api(sandbox, origin, path, may):
    asking = http(sandbox.url, "OPTIONS", path, headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    reading = http(sandbox.url, "GET", path, headers={"Origin": origin, "Authorization": "Bearer sk_test_page"})

    for answer in (asking, reading):
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if may else None)
