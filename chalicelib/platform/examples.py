"""Examples for the API and event documents: values by field name, and one example for any JSON Schema.

An example given in a model (`Field(examples=[…])`) comes first, then the values below. The documents are built from
them once per process, so everything here is plain data.
"""

import re
from typing import Any

Schema = dict[str, Any]

ORDER, RETURN, IMPORT = "ord_5f0c2b7a9d3e41c8b6a70e12", "ret_5f0c2b7a9d3e41c8", "imp_7d1c9a40b2e64f0f"
MESSAGE = "1f6d3c9e-8f0b-4c55-9a56-2b9e3d1f7c10"
TIME, LATER, DAY = "2030-05-17T09:30:00Z", "2030-05-17T10:30:00Z", "2030-05-17"
EMAIL, ADDRESS = "ida.sand@example.com", "https://shop.example"

VALUES: dict[str, Any] = {
    "amount": 2490, "available": 12, "by": "admin@example.com", "carrier": "Northern Post", "category": "kitchen",
    "causation_id": "evt_1c7f0a52d4b94e3f8a1d6c0b9e2f7a34", "cart_token": "cart-token-of-the-guest",
    "city": "Hamburg", "client_secret": "pi_3Q9_secret_b4", "code": "314159", "conversion": 0.12,
    "correlation_id": ORDER, "country": "DE", "currency": "EUR", "cursor": "eyJrIjoiMjAzMC0wNSJ9",
    "customer_id": "cus_8a1d6c0b", "date": DAY, "days": 7, "decline_code": None, "did_you_mean": None,
    "description": "Enamel, holds 350 ml.", "detail_type": "OrderPlaced", "email": EMAIL,
    "email_fingerprint": "5d41402abc4b2a76", "endings": {"COMPLETED": 7}, "error": None, "expires_in": 900,
    "expires_in_seconds": 300, "client": "7d793037a0760186", "event_id": "evt_1c7f0a52d4b94e3f8a1d6c0b9e2f7a34",
    "event_type": "OrderPlaced", "execution": ORDER, "failed": 0,
    "id_token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI4YTEifQ.c2ln",
    "image": "/images/products/kitchen-mug.svg", "images": ["/images/products/kitchen-mug-side.svg"],
    "import_id": IMPORT, "in_words": "Too few visits to compare the variants.", "issued_on": DAY, "kind": "order",
    "line1": "Speicherstraße 12", "line2": None, "lost": 0, "machine": "order-fulfilment",
    "message_id": MESSAGE, "name": "Enamel mug", "new_password": "a long enough password",
    "next_action": None, "next_cursor": None, "note": "Delivery of May", "number": "INV-2030-000001",
    "current_password": "correct horse battery",
    "order_id": ORDER, "order_ids": [ORDER], "order_token": "order-token-of-the-guest",
    "password": "correct horse battery",
    "payment_intent": "pi_3Q9", "phone": "+494012345678", "payment_method": "pm_card_visa",
    "postal_code": "20457", "queue": "notifications",
    "q": "mug", "quantities": {"KITCHEN-MUG-01": 1}, "quantity": 2, "reason": None, "receive_count": 5,
    "redirect_url": "https://hooks.stripe.com/redirect/authenticate/src_1", "refers_to": None, "refund_failed": 0,
    "refunded": 0, "region": None, "replay_id": "replay-2030-05-17", "report_url": None, "return_id": RETURN,
    "returned": 0, "revenue": 12450, "shipping_label": ["Ida Sand", "Speicherstraße 12", "20457 HAMBURG", "GERMANY"],
    "shortfall": None, "skus": ["KITCHEN-MUG-01", "CAMP-TENT-01"], "sku": "KITCHEN-MUG-01",
    "source": "storefront.orders", "state": "RUNNING", "subject": ORDER, "time_zone": "Europe/Berlin",
    "tracking_number": "NP123456789DE", "unavailable": False, "unit_price": 1245, "variant": "a", "withdrawn": 0,
    "withdrawn_at": None, "workflows": ["return"], "year": 2030,
}  # fmt: skip
"""By field. Null: an optional field that is usually empty."""

UNIT_PRICE = {"amount": 1245, "currency": "EUR"}

OF_MODELS: dict[str, Any] = {
    "Activity": {
        "window_minutes": 15,
        "running": {"OrderFulfilment": 2},
        "functions": {"RelayEvents": {"invocations": 31, "errors": 0}},
    },
    "Address.name": "Ida Sand",
    "AddressView.id": "home",
    "AddressView.label": ["Ida Sand", "Speicherstraße 12", "20457 HAMBURG", "GERMANY"],
    "AuditRequest": {"since": TIME},
    "CartLine.unit_price": UNIT_PRICE,
    "Category.id": "kitchen",
    "Category.name": "Kitchen",
    "Component": {
        "id": "NotificationsQueue",
        "kind": "queue",
        "name": "shop-notifications",
        "queue": "notifications",
        "says": None,
    },
    "DestinationView": {
        "country": "DE",
        "city": {"kind": "city", "required": True},
        "region": None,
        "postal_code": {"kind": "postal", "required": True, "pattern": "[0-9]{5}", "examples": ["26133", "53225"]},
        "order": ["postal_code", "city"],
    },
    "DocumentLink.url": f"{ADDRESS}/documents/INV-2030-000001.html",
    "DocumentView.cause": None,
    "Dropped.dropped": MESSAGE,
    "Entry": {
        "kind": "event",
        "at": TIME,
        "title": "OrderPlaced",
        "duration_ms": 12,
        "waited_ms": None,
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "details": {"source": "storefront.orders"},
        "document": {"type": "OrderPlaced", "version": 1},
    },
    "Envelope.id": "evt_9b2e3d1f7c104c559a562b9e3d1f7c10",
    "FieldError.field": "shipping_address.postal_code",
    "FieldError.message": "Not a postal code of this country, which look like 26133.",
    "FunnelDayView.by_variant": {
        "a": {"visit": 40, "cart": 12, "checkout": 8, "placed": 6, "completed": 5},
    },
    "ImportView.ended_at": None,
    "AskedImport.ended_at": None,
    "DeadLetterView.id": MESSAGE,
    "LineView.unit_price": UNIT_PRICE,
    "Link": {"source": "NotificationsQueue", "target": "SendNotifications", "verb": "feeds"},
    "PaymentMovement.reference": "re_3Q9",
    "PaymentView.status": "AUTHORIZED",
    "Promise.promise": "No stock is negative",
    "QueueView.name": "notifications",
    "QuotedLine.unit_price": UNIT_PRICE,
    "RedriveRequest": {"message_ids": [MESSAGE]},
    "Redriven.failed": {},
    "Redriven.redriven": [MESSAGE],
    "ReplayRequest": {"from": TIME, "to": LATER, "detail_type": "OrderPlaced"},
    "ReturnRequest": {"lines": [{"sku": "KITCHEN-MUG-01", "quantity": 1}]},
    "ReturnView.id": RETURN,
    "CategoryMonth": {
        "month": "2030-05",
        "category": "kitchen",
        "orders": 31,
        "units": 48,
        "returned": 2,
        "revenue": 61250,
        "refunds": 2490,
        "net": 58760,
    },
    "Cohort": {
        "month": "2030-05",
        "customers": 12,
        "repeats": [
            {"months_later": 0, "customers": 12, "revenue": 31200},
            {"months_later": 1, "customers": 4, "revenue": 9960},
        ],
    },
    "Replay.start": TIME,
    "Replay.end": LATER,
    "RowCounts": {"written": 240, "unchanged": 8, "failed": 2, "total": 250},
    "ShipmentView.status": "DISPATCHED",
    "ShippingAddress": {
        "country": "DE",
        "name": "Ida Sand",
        "line1": "Speicherstraße 12",
        "city": "Hamburg",
        "postal_code": "20457",
    },
    "SignIn": {"email": EMAIL, "password": "correct horse battery"},
    "Stock.shards": 1,
    "StockAdjustment.shards": None,
    "StockLedger.shards": 1,
    "StockSplit": {"shards": 10},
    "StripeEvent": {
        "id": "evt_1Q9",
        "type": "charge.refunded",
        "data": {"object": {"object": "charge", "id": "ch_1Q9", "payment_intent": "pi_3Q9"}},
    },
    "UploadForm": {"url": "https://imports.example", "fields": {"key": f"{IMPORT}/products.csv", "policy": "eyJ9"}},
    "Violation": {"subject": ORDER, "text": "The payment was captured twice."},
    "WorkflowView": {
        "name": "fulfilment",
        "machine": "shop-order-fulfilment",
        "definition": {"StartAt": "ReserveInventory", "States": {}},
    },
}
"""By model, or by `Model.field`."""

TIMES = ("at", "time", "second", "sent_until")
PYTHON_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
    "null": type(None),
}
BY_FORMAT = {"date-time": TIME, "date": DAY, "uri": ADDRESS}


def example_of(schema: Schema, definitions: Schema, field: str = "", model: str = "") -> Any:
    """Return one value that `schema` accepts. `definitions` are the schemas that its references name."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return example_of(definitions[name], definitions, field, model)
    if schema.get("examples"):
        return schema["examples"][0]
    for key in (f"{model}.{field}", schema.get("title", "")):
        if key in OF_MODELS:
            return OF_MODELS[key]
    options = [schema, *schema.get("anyOf", [])]
    if field in VALUES and any(_fits(VALUES[field], option, definitions) for option in options):
        return VALUES[field]
    if schema.get("default") is not None:
        return schema["default"]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], definitions, field, model)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    return _of_type(schema, definitions, field, model)


def _of_type(schema: Schema, definitions: Schema, field: str, model: str) -> Any:
    match schema.get("type"):
        case "object":
            return _object(schema, definitions)
        case "array":
            items = schema.get("items") or {}
            return [example_of(items, definitions, field, model)]
        case "string":
            if field in TIMES or field.endswith("_at"):
                return TIME
            return BY_FORMAT.get(schema.get("format", ""), f"{model}.{field}")
        case "integer" | "number":
            return max(schema.get("minimum", 0), schema.get("exclusiveMinimum", 0), 1)
        case "boolean":
            return schema.get("default", False)
    return None


def _object(schema: Schema, definitions: Schema) -> Any:
    """Return an object with every property, except optional ones that have neither a value here nor a default."""
    required, title = schema.get("required", []), schema.get("title", "")
    found = {
        name: example_of(each, definitions, name, title)
        for name, each in schema.get("properties", {}).items()
        if name in required or name in VALUES or each.get("default") is not None or "const" in each
    }
    extra = schema.get("additionalProperties")
    return found if found or not isinstance(extra, dict) else {"key": example_of(extra, definitions)}


def _fits(value: Any, schema: Schema, definitions: Schema) -> bool:
    """Return whether `value` is of the schema's type and one of its enumerated values, as far as it has them."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
    kind = PYTHON_TYPES.get(schema.get("type", ""), ())
    if schema.get("type") == "boolean":
        return isinstance(value, bool)
    is_of_type = isinstance(value, kind) and not isinstance(value, bool)
    is_listed = value in schema.get("enum", [value])
    has_pattern = not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None
    return is_of_type and is_listed and has_pattern
