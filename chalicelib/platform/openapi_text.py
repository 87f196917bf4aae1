"""Texts of the OpenAPI document that belong to no single operation."""

DESCRIPTION = """\
HTTP API of the storefront. Amounts are integers in minor units of a currency. Errors are problem documents
(RFC 9457) with a stable `code`. Lists have `items` and `next_cursor`; pass the cursor back to read the next page."""

TAGS: dict[str, str] = {
    "accounts": "Sign-up, sign-in, sessions and passwords.",
    "analytics": "Sales, the checkout funnel and the experiment, for admins.",
    "billing": "Invoices, credit notes and reversals.",
    "cart": "Carts of guests and customers.",
    "catalog": "Products and categories: browsing, administration and the partner API.",
    "console": "Operator console: order timelines, logs, workflows, the system map and the audit.",
    "dead_letters": "Dead-letter queues and their redrive, replays of archived events, retries of failed refunds.",
    "health": "Availability of the API.",
    "inventory": "Stock levels and adjustments, for admins.",
    "loyalty": "Loyalty points.",
    "notifications": "Email preferences and unsubscribing.",
    "orders": "Checkout, order status, cancellation and returns.",
    "payments": "Webhooks of the payment provider.",
    "product_import": "Product imports from CSV or JSON Lines files, for admins.",
    "recommendations": "Products that were bought together.",
    "reporting": "Reports on orders from the optional reporting database, for admins.",
    "shipping": "Destination countries and their address formats.",
}
"""By the room that declares the route; `health` is for routes that belong to no room."""

HEADERS = {
    "X-Cart-Token": "Identifies a guest's cart. Issued with the first write; the client stores it.",
    "X-Order-Token": "Opens a guest's order. Issued at checkout and by a link in an email.",
    "Idempotency-Key": "Chosen by the client, unique per request. A repeated key returns the first response again.",
    "If-Match": "Entity tags or `*`: write only if one of them is current. Without it the last write wins.",
    "If-None-Match": "`*`: write only if the resource does not exist yet.",
    "X-Variant": "The variant of the experiment that the buyer sees: `a` or `b`. Other values are ignored.",
    "Stripe-Signature": "Stripe's signature of the request body.",
    "X-Session-Request": "Always `1`. Pages of other sites cannot send this header.",
}

COOKIES = {"saga_refresh": "The refresh token of the session. Set by signing in; scripts cannot read it."}

ANSWER_HEADERS = {
    "ETag": "The version of the product, for `If-Match`.",
    "Location": "Address of the order, relative to this call.",
    "Set-Cookie": "The refresh token and, for admins, the cookie that opens the console's pages.",
    "X-Cart-Token": "A new guest's cart token, when one was issued.",
}

PATH_PARAMETERS = {
    "address_id": "Id of an address: 1 to 64 of A-Z, a-z, 0-9, hyphen and underscore. The client chooses it.",
    "import_id": "Id of an import.",
    "message_id": "SQS message id of a dead letter.",
    "name": "Name of a queue, as in the list of queues.",
    "number": "Number of a document.",
    "order_id": "Id of an order.",
    "replay_id": "Id of a replay.",
    "sku": "Stock keeping unit of a product.",
    "token": "The token from an email's link.",
}

PARAMETER_VALUES = {
    "Idempotency-Key": "5f0c2b7a-9d3e-41c8-b6a7-0e12c9a4d3f1",
    "If-Match": '"3"',
    "If-None-Match": "*",
    "Stripe-Signature": "t=1905240600,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
    "X-Cart-Token": "cart-token-of-the-guest",
    "X-Order-Token": "order-token-of-the-guest",
    "X-Session-Request": "1",
    "X-Variant": "a",
    "address_id": "home",
    "name": "notifications",
    "saga_refresh": "refresh-token",
    "token": "token-of-the-link",
}
"""Examples of parameters that are not named like a field (`platform.examples`)."""
