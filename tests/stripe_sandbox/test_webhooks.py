"""Events and their delivery to webhook endpoints."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import stripe

from infra.stripe_sandbox import serve

from .client import authorized, captured, control_api_at, eventually, http, new_intent, refusal, shop_at

TOLERANCE = 300
HOLD = ["payment_intent.created", "payment_intent.amount_capturable_updated", "charge.succeeded"]


@pytest.fixture
def receiver():
    started = Receiver()
    yield started
    started.close()


class Receiver:
    """An endpoint that records its requests and responds with the given statuses, then with 200."""

    def __init__(self):
        self.got = []
        self.statuses = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}/hooks?from=sandbox"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def _handler(receiver):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.got.append(SimpleNamespace(path=self.path, headers=self.headers, body=body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler

    def wait_for(self, count):
        eventually(lambda: len(self.got) >= count)
        return self.got

    def types(self):
        return [json.loads(request.body)["type"] for request in self.got]

    def close(self):
        self._http.shutdown()
        self._http.server_close()


def listen(shop, receiver, *kinds):
    return shop.webhook_endpoints.create({"url": receiver.url, "enabled_events": list(kinds) or ["*"]})


def verify(request, secret, tolerance=TOLERANCE):
    return stripe.WebhookSignature.verify_header(request.body, request.headers["Stripe-Signature"], secret, tolerance)


def event_types(shop):
    return [event.type for event in shop.events.list({"limit": 100}).auto_paging_iter()][::-1]


def settled(control_api):
    """Wait until no delivery is pending and return all deliveries."""

    def all_settled():
        deliveries = control_api("GET", "/webhooks").body["deliveries"]
        return deliveries if deliveries and not any(delivery["pending"] for delivery in deliveries) else None

    return eventually(all_settled)


class TestEvents:
    def test_held_payment_has_its_events(self, shop):
        intent = authorized(shop)

        assert event_types(shop) == HOLD
        created, held, _ = [event.data.object for event in shop.events.list().data][::-1]
        assert (created.id, created.status) == (intent.id, "requires_payment_method")
        assert (held.id, held.status, held.amount_capturable) == (intent.id, "requires_capture", 1250)

    def test_captured_and_refunded_payment_has_its_events(self, shop):
        intent = captured(shop)
        shop.refunds.create({"payment_intent": intent.id, "amount": 50})

        assert event_types(shop)[3:] == [
            "payment_intent.succeeded",
            "charge.captured",
            "refund.created",
            "charge.refunded",
        ]
        [refunded] = shop.events.list({"type": "charge.refunded"}).data
        assert (refunded.data.object.payment_intent, refunded.data.object.amount_refunded) == (intent.id, 50)

    def test_payment_captured_at_once_has_its_events(self, shop):
        authorized(shop, capture_method="automatic")

        assert event_types(shop) == ["payment_intent.created", "payment_intent.succeeded", "charge.succeeded"]

    def test_failed_attempt_is_an_event(self, shop):
        intent = shop.payment_intents.create(new_intent())
        for _ in range(2):
            declined = (intent.id, {"payment_method": "pm_card_chargeDeclined"})
            refusal(shop.payment_intents.confirm, *declined, expected=stripe.CardError)

        assert event_types(shop)[1:] == 2 * ["payment_intent.payment_failed", "charge.failed"]

    def test_authentication_and_cancellation_have_their_events(self, shop):
        intent = shop.payment_intents.create(new_intent())
        shop.payment_intents.confirm(intent.id, {"payment_method": "pm_card_authenticationRequired"})
        shop.payment_intents.cancel(intent.id)

        assert event_types(shop)[1:] == ["payment_intent.requires_action", "payment_intent.canceled"]

    def test_request_without_a_change_creates_no_event(self, shop):
        intent = authorized(shop)
        refusal(shop.payment_intents.confirm, intent.id)
        shop.payment_intents.update(intent.id, {"metadata": {"a": "b"}})

        assert event_types(shop) == HOLD

    def test_event_names_its_request(self, shop):
        intent = shop.payment_intents.create(new_intent(), {"idempotency_key": "o-1:create"})

        [listed] = shop.events.list().data
        event = shop.events.retrieve(listed.id)

        assert event.id.startswith("evt_") and event.object == "event"
        assert (event.livemode, event.pending_webhooks) == (False, 0)
        assert event.request.idempotency_key == "o-1:create"
        assert event.request.id == intent.last_response.headers["Request-Id"]

    def test_event_contains_ids_even_if_the_response_was_expanded(self, shop):
        authorized(shop, expand=["latest_charge"])

        [event] = shop.events.list({"type": "payment_intent.amount_capturable_updated"}).data
        assert event.data.object.latest_charge.startswith("ch_")

    def test_lists_are_filtered_and_paged(self, shop):
        for _ in range(3):
            authorized(shop)

        assert len(list(shop.events.list({"limit": 2}).auto_paging_iter())) == 9
        assert len(list(shop.events.list({"limit": 1, "type": "charge.succeeded"}).auto_paging_iter())) == 3
        assert len(shop.events.list({"type": "payment_intent.*"}).data) == 6
        assert shop.events.list({"created": {"lt": 1000}}).data == []

    def test_repeated_request_creates_no_event(self, shop):
        for _ in range(2):
            shop.payment_intents.create(new_intent(), {"idempotency_key": "o-1:create"})

        assert event_types(shop) == ["payment_intent.created"]


class TestEndpoints:
    URL = "http://127.0.0.1:1/hooks"

    def test_secret_is_returned_only_on_creation(self, shop):
        created = shop.webhook_endpoints.create(
            {
                "url": self.URL,
                "enabled_events": ["charge.refunded", "*"],
                "description": "the shop",
                "metadata": {"a": "b"},
            }
        )

        assert created.secret.startswith("whsec_")
        found = shop.webhook_endpoints.retrieve(created.id)
        [listed] = shop.webhook_endpoints.list().data
        assert found == listed and "secret" not in found
        assert (found.url, found.status, found.description) == (self.URL, "enabled", "the shop")
        assert (found.enabled_events, found.metadata["a"]) == (["charge.refunded", "*"], "b")

    def test_endpoint_is_changed_and_deleted(self, shop):
        made = shop.webhook_endpoints.create({"url": self.URL, "enabled_events": ["*"]})

        changed = shop.webhook_endpoints.update(
            made.id, {"url": "http://shop.localhost:80", "enabled_events": ["charge.failed"], "disabled": True}
        )
        assert (changed.url, changed.status) == ("http://shop.localhost:80", "disabled")
        assert changed.enabled_events == ["charge.failed"] and "secret" not in changed
        assert shop.webhook_endpoints.update(made.id, {"disabled": False}).status == "enabled"
        assert shop.webhook_endpoints.delete(made.id).deleted is True
        assert refusal(shop.webhook_endpoints.retrieve, made.id).http_status == 404

    def test_endpoints_are_paged(self, shop):
        ids = [shop.webhook_endpoints.create({"url": self.URL, "enabled_events": ["*"]}).id for _ in range(3)]

        assert [made.id for made in shop.webhook_endpoints.list({"limit": 1}).auto_paging_iter()] == ids[::-1]

    @pytest.mark.parametrize(
        "url",
        [
            "https://127.0.0.1/hooks",
            "http://example.com/",
            "http://127.0.0.1@example.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "http://127.0.0.1:99999/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1/a b",
            "ftp://localhost/",
            "localhost:80",
            "http://",
        ],
    )
    def test_webhooks_are_sent_to_this_machine_only(self, shop, url):
        error = refusal(shop.webhook_endpoints.create, {"url": url, "enabled_events": ["*"]})

        assert (error.http_status, error.param) == (400, "url")
        assert "only sends to this machine" in error.user_message

    @pytest.mark.parametrize("wrong", [{}, {"enabled_events": ["everything"]}])
    def test_events_must_be_named(self, shop, wrong):
        assert refusal(shop.webhook_endpoints.create, {"url": self.URL, **wrong}).http_status == 400


class TestDelivery:
    def test_event_arrives_signed(self, shop, receiver, control_api):
        endpoint = listen(shop, receiver, "payment_intent.created")
        authorized(shop)

        [delivery] = settled(control_api)
        [request] = receiver.got
        [event] = shop.events.list({"type": "payment_intent.created"}).data

        assert verify(request, endpoint.secret)
        assert request.path == "/hooks?from=sandbox"
        assert request.headers["Content-Type"].startswith("application/json")
        sent = stripe.Webhook.construct_event(request.body, request.headers["Stripe-Signature"], endpoint.secret)
        assert (sent.id, sent.type, sent.pending_webhooks) == (event.id, event.type, 1)
        assert event.pending_webhooks == 0
        assert (delivery["event"], delivery["type"], delivery["url"]) == (event.id, event.type, receiver.url)
        assert (delivery["attempts"], delivery["last_status"], delivery["delivered"]) == (1, 200, True)

    def test_failed_delivery_is_tried_again(self, shop, receiver, control_api):
        endpoint = listen(shop, receiver, "payment_intent.created")
        receiver.statuses = [500]
        shop.payment_intents.create(new_intent())

        [delivery] = settled(control_api)

        assert [verify(request, endpoint.secret) for request in receiver.got] == [True, True]
        assert json.loads(receiver.got[0].body)["id"] == json.loads(receiver.got[1].body)["id"]
        assert (delivery["attempts"], delivery["last_status"], delivery["delivered"]) == (2, 200, True)

    def test_disabled_and_deleted_endpoints_get_nothing(self, shop, receiver, control_api):
        disabled, deleted, _ = (listen(shop, receiver, "payment_intent.created") for _ in range(3))
        shop.webhook_endpoints.update(disabled.id, {"disabled": True})
        shop.webhook_endpoints.delete(deleted.id)
        shop.payment_intents.create(new_intent())

        assert len(settled(control_api)) == len(receiver.got) == 1

    def test_deliveries_to_a_removed_endpoint_are_cancelled(self, shop, receiver, control_api):
        endpoint = listen(shop, receiver, "payment_intent.created")
        receiver.statuses = [500] * 50
        shop.payment_intents.create(new_intent())
        receiver.wait_for(1)

        shop.webhook_endpoints.delete(endpoint.id)

        [delivery] = settled(control_api)
        assert not delivery["delivered"]

    def test_accounts_receive_only_their_own_events(self, sandbox, shop, secret, receiver, control_api):
        listen(shop, receiver, "payment_intent.created")
        shop_at(sandbox.url, f"{secret}2").payment_intents.create(new_intent())
        mine = shop.payment_intents.create(new_intent())

        settled(control_api)

        assert [json.loads(request.body)["data"]["object"]["id"] for request in receiver.got] == [mine.id]

    def test_unresponsive_endpoint_does_not_delay_the_api(self, sandbox, tmp_path, secret):
        """It does not delay the end of the sandbox either."""
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            server = serve(0, str(tmp_path / "state.sqlite"))
            shop = shop_at(server.url, secret)
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            shop.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
            for _ in range(10):
                authorized(shop)
            deaf.accept()[0].close()

            assert shop.payment_intents.list().data
            server.close()

    def test_undelivered_events_survive_a_restart(self, tmp_path, secret, receiver):
        state = str(tmp_path / "state.sqlite")
        before = serve(0, state)
        shop = shop_at(before.url, secret)
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            closed_port = nobody.getsockname()[1]
        endpoint = shop.webhook_endpoints.create(
            {"url": f"http://127.0.0.1:{closed_port}", "enabled_events": ["payment_intent.created"]}
        )
        intent = shop.payment_intents.create(new_intent())
        control_api = control_api_at(before.url, secret)
        eventually(lambda: control_api("GET", "/webhooks").body["deliveries"][0]["attempts"] > 0)
        shop.webhook_endpoints.update(endpoint.id, {"url": receiver.url})
        before.close()

        after = serve(0, state)
        [request] = receiver.wait_for(1)
        after.close()

        assert verify(request, endpoint.secret)
        assert json.loads(request.body)["data"]["object"]["id"] == intent.id


class TestModes:
    def mode(self, control_api, mode, **more):
        answer = control_api("POST", "/webhooks", mode=mode, **more)
        assert (answer.status, answer.body["mode"]) == (200, mode)
        assert control_api("GET", "/webhooks").body["mode"] == mode

    def test_mode_duplicate_delivers_twice(self, shop, receiver, control_api):
        endpoint = listen(shop, receiver, "payment_intent.created")
        self.mode(control_api, "duplicate")
        shop.payment_intents.create(new_intent())

        assert len(settled(control_api)) == 3
        assert len({json.loads(request.body)["id"] for request in receiver.got}) == 1
        assert all(verify(request, endpoint.secret) for request in receiver.got)

    def test_mode_reorder_delivers_out_of_order(self, shop, receiver, control_api):
        listen(shop, receiver)
        self.mode(control_api, "reorder")
        captured(shop)

        settled(control_api)

        assert receiver.types() == event_types(shop)[::-1]
        assert len(receiver.got) == 5

    def test_mode_late_delivers_later(self, shop, receiver, control_api):
        endpoint = listen(shop, receiver, "payment_intent.created")
        self.mode(control_api, "late", seconds=1.2)
        shop.payment_intents.create(new_intent())

        [request] = receiver.wait_for(1)

        assert verify(request, endpoint.secret)
        with pytest.raises(stripe.SignatureVerificationError, match="Timestamp outside"):
            verify(request, endpoint.secret, tolerance=1)

    def test_mode_wrong_signature_signs_wrongly(self, shop, receiver, control_api):
        endpoint = listen(shop, receiver, "payment_intent.created")
        self.mode(control_api, "wrong_signature")
        receiver.statuses = [400]
        shop.payment_intents.create(new_intent())

        [delivery] = settled(control_api)

        assert (delivery["attempts"], delivery["last_status"], delivery["delivered"]) == (1, 400, False)
        with pytest.raises(stripe.SignatureVerificationError, match="No signatures found matching"):
            verify(receiver.got[0], endpoint.secret)

    def test_mode_stale_signs_with_an_old_time(self, shop, receiver, control_api):
        endpoint = listen(shop, receiver, "payment_intent.created")
        self.mode(control_api, "stale")
        receiver.statuses = [400]
        shop.payment_intents.create(new_intent())

        [delivery] = settled(control_api)

        assert (delivery["attempts"], delivery["last_status"], delivery["delivered"]) == (1, 400, False)
        assert verify(receiver.got[0], endpoint.secret, tolerance=None)
        with pytest.raises(stripe.SignatureVerificationError, match="Timestamp outside"):
            verify(receiver.got[0], endpoint.secret)

    def test_mode_off_delivers_when_sent_again(self, shop, receiver, control_api):
        endpoint = listen(shop, receiver, "payment_intent.created")
        self.mode(control_api, "off")
        shop.payment_intents.create(new_intent())
        [event] = shop.events.list().data
        assert control_api("GET", "/webhooks").body["deliveries"] == []

        answer = control_api("POST", "/webhooks/resend", event=event.id)

        assert answer.body == {"event": event.id, "deliveries": 1}
        [request] = receiver.wait_for(1)
        assert verify(request, endpoint.secret)
        assert json.loads(request.body)["id"] == event.id

    def test_mode_off_cancels_pending_deliveries(self, shop, receiver, control_api):
        listen(shop, receiver, "payment_intent.created")
        receiver.statuses = [500] * 50
        shop.payment_intents.create(new_intent())
        receiver.wait_for(1)

        self.mode(control_api, "off")

        [delivery] = settled(control_api)
        assert not delivery["delivered"]

    def test_mode_belongs_to_an_account_and_survives_a_restart(self, tmp_path, secret):
        state = str(tmp_path / "state.sqlite")
        before = serve(0, state)
        control_api_at(before.url, secret)("POST", "/webhooks", mode="late", seconds=7)
        other = control_api_at(before.url, f"{secret}2")("GET", "/webhooks").body
        before.close()

        after = serve(0, state)
        mine = control_api_at(after.url, secret)("GET", "/webhooks").body
        page = http(after.url, "GET", "/").text
        after.close()

        assert other == {"mode": "normal", "seconds": 0, "deliveries": []}
        assert mine == {"mode": "late", "seconds": 7, "deliveries": []}
        assert ": late</small>" in page

    def test_unknown_modes_and_events_are_refused(self, control_api):
        assert control_api("POST", "/webhooks", mode="upside_down").status == 400
        assert control_api("POST", "/webhooks").status == 400
        assert control_api("POST", "/webhooks/resend", event="evt_none").status == 404
