"""Tour: runs each pattern of docs/patterns once on the local shop and prints where it happened."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import boto3
from rich.console import Console
from websockets.sync.client import connect

from chalicelib.events.contracts import EVENT_CONTRACTS, data_of
from chalicelib.events.envelope import Envelope
from chalicelib.platform.money import decimal_text
from infra.build.template import ROOT, merged_template
from infra.commands import import_products, job, mail
from infra.commands.client import Buyer
from infra.commands.output import styled
from infra.local import place, run

PATIENCE_SECONDS = 60
EXAMPLE = ROOT / "docs" / "examples" / "products.csv"


class TourStuck(Exception):
    """A result is wrong, or did not appear within the time that the tour allows."""


@dataclass(frozen=True)
class Tour:
    """The local shop, with a client for a guest, a customer and an admin."""

    outputs: dict[str, Any]
    session: boto3.Session
    guest: Buyer
    customer: Buyer
    admin: Buyer
    sku: str

    def timeline(self, order_id: str, kind: str) -> list[dict[str, Any]]:
        items = self.admin.must("GET", f"/admin/orders/{order_id}/timeline")["items"]
        return [item for item in items if item["kind"] == kind]

    def emails(self, order_id: str) -> int:
        """Return the number of emails sent about this order."""
        sent = mail.messages(self.outputs["engine_url"], self.outputs["account"])
        return sum(order_id in json.dumps(email) for email in sent)

    def completed(self, buyer: Buyer) -> str:
        order_id = buyer.buy(self.sku)
        buyer.ended(order_id)
        return order_id


@dataclass(frozen=True)
class Stop:
    """One pattern: its page in docs/patterns, and the function that yields a line per observation."""

    page: str
    title: str
    visit: Callable[[Tour], Iterator[str]]


def tour(console: Console) -> int:
    outputs, session = run.outputs(), run.place().session
    guest = Buyer(outputs["api_url"])
    customer, admin = (guest.signed_in(each.email, each.password) for each in (place.CUSTOMER, place.ADMIN))
    products = guest.must("GET", "/products")["items"]
    plenty = max(products, key=lambda product: product["available"])["sku"]
    guided = Tour(outputs, session, guest, customer, admin, plenty)
    began = time.monotonic()
    for number, stop in enumerate(STOPS, 1):
        console.print()
        console.print(
            styled(f"{number}. {stop.title}", "bold"), styled(f" docs/patterns/{stop.page}.md", "dim"), soft_wrap=True
        )
        for line in stop.visit(guided):
            console.print(f"   {line}", soft_wrap=True)
    console.print(f"\nDone in {time.monotonic() - began:.0f} s. Check the invariants: make audit\n")
    return 0


def saga(tour: Tour) -> Iterator[str]:
    order_id = tour.completed(tour.guest)
    yield f"{order_id}: {' → '.join(_titles(tour.timeline(order_id, 'state')))}"
    refused = tour.guest.buy(tour.sku, line2="sandbox:refuse")
    order = tour.guest.ended(refused)
    compensations = [title for title in _titles(tour.timeline(refused, "state")) if title not in FORWARD]
    yield f"the warehouse refused {refused}: {order['status']} {order['reason']}"
    yield f"compensations: {' → '.join(compensations)}"


def outbox(tour: Tour) -> Iterator[str]:
    order_id = tour.completed(tour.guest)
    for event in _eventually(lambda: _published(tour.timeline(order_id, "event"))):
        delay = _moment(event["details"]["published_at"]) - _moment(event["at"])
        yield f"{event['title']:18} published {delay.total_seconds() * 1000:5.0f} ms after the commit"


def contracts(tour: Tour) -> Iterator[str]:
    order_id = tour.completed(tour.guest)
    dynamodb = tour.session.resource("dynamodb").meta.client
    key = {"pk": f"ORDER#{order_id}", "sk": "EVENT#000001"}
    item = dynamodb.get_item(TableName=tour.outputs["stack"]["OrdersTableName"], Key=key)["Item"]
    placed = Envelope.model_validate(json.loads(json.dumps(item["event"], default=int)))
    data = data_of(placed)
    yield f"{len(EVENT_CONTRACTS)} contracts; {placed.type} version {placed.version} of {order_id} is a {data!r}"


def live(tour: Tour) -> Iterator[str]:
    order_id = tour.guest.buy(tour.sku)
    origin: Any = tour.outputs["storefront_url"]
    with connect(tour.outputs["websocket_url"], origin=origin, subprotocols=tour.guest.live(order_id)) as socket:
        token = tour.guest.order_tokens[order_id]
        socket.send(json.dumps({"action": "subscribe", "order_id": order_id, "token": token}))
        status = ""
        while status != "COMPLETED":
            update = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
            status = update["status"]
            yield f"received version {update['version']}: {update['type']} {status}"


def fan_out(tour: Tour) -> Iterator[str]:
    before = tour.customer.must("GET", "/me/points")["points"]
    order_id = tour.completed(tour.customer)
    invoice = _eventually(lambda: tour.customer.call("GET", f"/orders/{order_id}/invoice").body.get("url"))
    yield f"invoice of {order_id}: {invoice.split('?')[0]}"
    yield f"points: {before} before, {_eventually(lambda: _more_points(tour, before))} after"
    insights = tour.admin.must("GET", "/admin/insights")
    today, currency = insights["days"][-1], insights["currency"]
    revenue = f"{decimal_text(today['revenue'], currency)} {currency}"
    yield f"sold today: {today['orders']} orders, {today['pieces']} units, {revenue}"


def filtering(tour: Tour) -> Iterator[str]:
    before = tour.admin.must("GET", "/admin/insights")["points"]
    order_id = tour.completed(tour.guest)
    after = tour.admin.must("GET", "/admin/insights")["points"]
    yield f"{order_id} is a guest's, so the topic does not send it to the points queue"
    yield f"points of all customers: {before} before, {after} after"


def pipeline(tour: Tour) -> Iterator[str]:
    before = _on_sale(tour)
    created = tour.admin.must("POST", "/admin/imports", {"format": "csv"})
    import_products.upload(created["upload"], EXAMPLE.read_bytes())

    def ended() -> dict[str, Any] | None:
        now = tour.admin.must("GET", f"/admin/imports/{created['import_id']}")
        return now if now["status"] in import_products.ENDED else None

    done = _eventually(ended)
    yield f"{EXAMPLE.name}: {done['rows']}"
    for row in import_products.report(done["report_url"]):
        yield f"row {row}"
    imported = _on_sale(tour) - before
    for sku in imported:
        tour.admin.archive(sku)
    if imported:
        yield f"archived: {len(imported)} products, so that the catalog is as before"


def express(tour: Tour) -> Iterator[str]:
    before = _on_sale(tour)
    created = tour.admin.must("POST", "/admin/imports", {"format": "csv", "small": True})
    import_products.upload(created["upload"], EXAMPLE.read_bytes())
    began = time.monotonic()
    done = tour.admin.must("POST", f"/admin/imports/{created['import_id']}/run")
    yield f"{EXAMPLE.name}: {done['status']} {done['rows']} in the response, after {time.monotonic() - began:.1f} s"
    again = tour.admin.must("POST", f"/admin/imports/{created['import_id']}/run")
    yield f"run again: {again['status']} {again['rows']}"
    for sku in _on_sale(tour) - before:
        tour.admin.archive(sku)


def replay(tour: Tour) -> Iterator[str]:
    order_id = tour.completed(tour.guest)
    before = _eventually(lambda: _settled(lambda: tour.emails(order_id)))
    now = datetime.now(UTC)
    span = {"from": (now - timedelta(minutes=2)).isoformat(), "to": now.isoformat()}
    started = tour.admin.must("POST", "/admin/replays", span)

    def is_over() -> bool:
        return tour.admin.must("GET", f"/admin/replays/{started['replay_id']}")["state"] == "COMPLETED"

    _eventually(is_over)
    behind = tour.completed(tour.guest)
    yield f"{started['replay_id']}: the events of the last two minutes were published again"
    _eventually(lambda: tour.emails(behind) >= before)  # its events follow those of the replay
    after = tour.emails(order_id)
    yield f"emails about {order_id}: {before} before the replay, {after} after it"
    if after != before:
        raise TourStuck("The replay sent emails again: its consumer is not idempotent.")


def dead_letters(tour: Tour) -> Iterator[str]:
    sqs = tour.session.client("sqs")
    urls = tour.outputs["stack"]["DeadLetterQueueUrls"].split(",")
    url = next(url for url in urls if "NotificationsDeadLetters" in url)
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"detail": {"what": "is this"}}))
    first = _eventually(lambda: tour.admin.must("GET", "/admin/queues/notifications/messages")["items"])[0]
    yield f"an unreadable message is in the dead-letter queue of notifications: {first['id']}"
    tour.admin.must("DELETE", f"/admin/queues/notifications/messages/{first['id']}")
    queues = tour.admin.must("GET", "/admin/queues")["items"]
    left = sum(queue["dead_letters"]["waiting"] for queue in queues)
    yield f"deleted; {len(queues)} queues hold {left} dead letters"


def clock(tour: Tour) -> Iterator[str]:
    known = job.jobs()
    yield f"jobs: {', '.join(known)}"
    for name in ("sweep_reservations", "reconcile_payments"):
        yield f"{name}: {job.invoke(tour.session, place.STACK, known[name], {})}"


def callers(tour: Tour) -> Iterator[str]:
    for name, resource in merged_template("local")["Resources"].items():
        own = resource.get("Properties", {})
        policies = [own, *(policy for policy in own.get("Policies", []) if isinstance(policy, dict))]
        statements = [each for policy in policies for each in policy.get("PolicyDocument", {}).get("Statement", [])]
        invoked = [each["Resource"] for each in statements if each["Action"] == "lambda:InvokeFunction"]
        if invoked:
            yield f"{name} may invoke {sum(len(each) if isinstance(each, list) else 1 for each in invoked)}"
    yield "all are roles of workflows and schedules, except two policies of the console"
    answer = tour.admin.must("POST", "/admin/audit", {})
    violated = sum(promise["violated"] for promise in answer["promises"])
    yield f"a call that waits, of the auditor: {len(answer['promises'])} promises, {violated} violated"


def kinds_of_api(tour: Tour) -> Iterator[str]:
    settings = merged_template("local")["Parameters"]["ApiType"]
    kind = "a REST" if "PartnerPlanId" in tour.outputs["stack"] else "an HTTP"
    yield f"ApiType is one of {', '.join(settings['AllowedValues'])}; this shop has {kind} API"
    for path, body in (("/orders", None), ("/nowhere", None), ("/cart/items/X", {})):
        reply = tour.guest.call("PUT" if body is not None else "GET", path, body)
        yield f"{path}: {reply.status} {reply.body.get('code') or reply.body}"
    yield "a REST API answers these itself, an HTTP API leaves the last one to the function"


def cached_reads(tour: Tour) -> Iterator[str]:
    api = merged_template("local")["Resources"]["RestAPI"]["Properties"]
    for path in (setting["ResourcePath"].replace("/~1", "/").replace("~1", "/") for setting in api["MethodSettings"]):
        method = api["DefinitionBody"]["paths"].get(path, {}).get("get", {})
        if key := method.get("x-amazon-apigateway-integration", {}).get("cacheKeyParameters"):
            yield f"{path}: requests are distinguished by {', '.join(name.split('.')[-1] for name in key)}"
    yield "this API has no cache: the one at the edge does the same for nothing"


def relational(tour: Tour) -> Iterator[str]:
    found = f"/admin/reports/orders?sku={tour.sku}"
    if tour.admin.call("GET", found).status == 404:
        yield "off: REPORTING=1 make up starts PostgreSQL, which then follows the shop"
        return
    order_id = tour.completed(tour.customer)
    began = time.monotonic()
    order = _eventually(lambda: _reported(tour.admin.must("GET", found)["items"], order_id))
    yield f"{order['number']} reached PostgreSQL {time.monotonic() - began:.1f} s after its end: {order['status']}"
    report = tour.admin.must("GET", "/admin/reports/categories")
    for month in report["items"][:3]:
        revenue, refunds = (decimal_text(month[name], report["currency"]) for name in ("revenue", "refunds"))
        yield f"{month['month']} {month['category']}: {revenue} {report['currency']} less refunds of {refunds}"
    for cohort in tour.admin.must("GET", "/admin/reports/cohorts")["items"][:3]:
        orders = ", ".join(f"+{each['months_later']}: {each['customers']}" for each in cohort["repeats"])
        yield f"customers of {cohort['month']}: {cohort['customers']}; ordered in month {orders}"


STOPS = (
    Stop("saga", "Saga with compensations", saga),
    Stop("transactional-outbox", "Transactional outbox", outbox),
    Stop("event-contracts", "Event contracts", contracts),
    Stop("live-updates", "Live updates, pushed from the stream", live),
    Stop("fan-out-fan-in", "Fan-out and fan-in", fan_out),
    Stop("content-filtered-routing", "Content-filtered routing", filtering),
    Stop("processing-pipeline", "Event processing pipeline", pipeline),
    Stop("express-workflow", "Express workflow", express),
    Stop("archive-and-replay", "Archive and replay, and idempotent consumers", replay),
    Stop("dead-letters", "Dead letters", dead_letters),
    Stop("scheduled-jobs", "Scheduled jobs", clock),
    Stop("http-api", "REST API or HTTP API", kinds_of_api),
    Stop("relational-read-model", "Relational read model", relational),
    Stop("api-cache", "Cache of the API", cached_reads),
    Stop("function-to-function", "Functions that call functions: refused, but for two", callers),
)

FORWARD = {
    "ReserveInventory",
    "AuthorizePayment",
    "ShipOrder",
    "CapturePayment",
    "CompleteOrder",
}


def _titles(items: list[dict[str, Any]]) -> list[str]:
    return [item["title"] for item in items]


def _published(events: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Return the events once the relay has recorded the publication of each."""
    return events if all(event["details"]["published_at"] for event in events) else None


def _reported(items: list[dict[str, Any]], order_id: str) -> dict[str, Any] | None:
    """Return the order of this id once it is completed there too."""
    return next((each for each in items if each["order_id"] == order_id and each["status"] == "COMPLETED"), None)


def _on_sale(tour: Tour) -> set[str]:
    found: set[str] = set()
    cursor = ""
    while True:
        page = tour.admin.must("GET", f"/admin/products{cursor}")
        found |= {product["sku"] for product in page["items"]}
        if page["next_cursor"] is None:
            return found
        cursor = f"?cursor={quote(page['next_cursor'])}"


def _settled(count: Callable[[], int]) -> int:
    """Return the count if it does not change for a second, otherwise 0."""
    before = count()
    time.sleep(1)
    return before if count() == before else 0


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _more_points(tour: Tour, before: int) -> int | None:
    points = tour.customer.must("GET", "/me/points")["points"]
    return points if points > before else None


def _eventually(question: Callable[[], Any]) -> Any:
    """Poll until the answer is truthy and return it. Raises TourStuck."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.2)
    raise TourStuck(f"No result within {PATIENCE_SECONDS} s. See .local/engine.log")
