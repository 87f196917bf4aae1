"""The HTTP API's table of contents: which room answers which paths, and the two routes that belong to no room.

One instance of the API's function answers few kinds of calls, so it loads a room at the first call of one of its paths.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Literal

from chalice import Blueprint, Chalice, Response

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.edge_mark import through_the_distribution
from chalicelib.platform.http import Call, answered_methods, endpoint
from chalicelib.platform.prepared import prepare
from chalicelib.platform.problems import with_allowed_methods

ROOMS: dict[str, tuple[str, ...]] = {
    "accounts.address_routes": ("/me/addresses",),
    "accounts.settings_routes": ("/me/deletion", "/me/export", "/me/password"),
    "accounts.routes": ("/accounts", "/session"),
    "analytics.routes": ("/admin/insights", "/steps"),
    "billing.routes": ("/admin/documents", "/orders/{order_id}/documents", "/orders/{order_id}/invoice"),
    "cart.routes": ("/cart",),
    "catalog.routes": ("/admin/products", "/categories", "/partner/products", "/products"),
    "console.routes": (
        "/admin/audit",
        "/admin/run-reports",
        "/admin/orders/{order_id}/logs",
        "/admin/orders/{order_id}/timeline",
        "/admin/system",
        "/admin/workflows",
    ),
    "dead_letters.routes": ("/admin/orders/{order_id}/refunds", "/admin/queues", "/admin/replays"),
    "inventory.routes": ("/admin/stock",),
    "loyalty.routes": ("/me/points",),
    "notifications.routes": ("/me/email-preferences", "/unsubscribe"),
    "orders.routes": ("/orders",),
    "orders.admin_routes": ("/admin/orders",),
    "orders.guest_routes": ("/orders/claim", "/orders/claimable", "/orders/find"),
    "payments.routes": ("/webhooks/stripe",),
    "product_import.routes": ("/admin/imports",),
    "reporting.routes": ("/admin/reports",),
    "recommendations.routes": ("/products/{sku}/also-bought",),
    "shipping.routes": ("/shipping/countries",),
}
"""The beginnings of the paths that a module declares. Of several that fit a path, the longest counts."""

routes = Blueprint(__name__)


class Health(BaseModel):
    status: Literal["ok"] = "ok"


@endpoint(routes, "GET", "/health", summary="Check the API's health", answer=Health)
def health(call: Call) -> Health:
    """Return `ok` while the API answers. Nothing else is checked."""
    return Health()


DOCUMENT_PATH = "/openapi.json"


@routes.route(DOCUMENT_PATH, methods=answered_methods("GET"))
def get_openapi() -> Response:
    from chalicelib.platform import openapi  # Only this call needs it.

    load_rooms()
    document: dict[str, Any] = openapi.document("/api")
    return Response(document, {"Content-Type": "application/json", "Cache-Control": "public, max-age=300"})


def load_rooms() -> list[Blueprint]:
    """Declare every operation of the API. Return the routes of each room."""
    return [_routes_of(module) for module in ROOMS]


def register(app: Chalice) -> None:
    """Register every route, as `chalice package` and the tests need it."""
    app.register_middleware(through_the_distribution, "http")
    app.register_middleware(with_allowed_methods, "http")
    for blueprint in (routes, *load_rooms()):
        app.register_blueprint(blueprint)


def register_when_called(app: Chalice) -> None:
    """Register the routes that belong to no room, and those of a room at the first call of one of its paths."""

    @cache
    def add(module: str) -> None:
        app.register_blueprint(_routes_of(module))

    def with_its_room(request: Any, answer: Callable[[Any], Response]) -> Response:
        module = module_of(request.context["resourcePath"])
        if module:
            add(module)
        return answer(request)

    app.register_middleware(through_the_distribution, "http")
    app.register_middleware(with_its_room, "http")
    app.register_middleware(with_allowed_methods, "http")
    app.register_blueprint(routes)
    prepare(lambda: [add(module) for module in ROOMS])


def module_of(path: str) -> str | None:
    """Return the module that declares this path; None if it belongs to no room."""
    fitting = {
        start: module
        for module, starts in ROOMS.items()
        for start in starts
        if path == start or path.startswith(f"{start}/")
    }
    return fitting[max(fitting, key=len)] if fitting else None


def _routes_of(module: str) -> Blueprint:
    found: Blueprint = import_module(f"chalicelib.{module}").routes
    return found
