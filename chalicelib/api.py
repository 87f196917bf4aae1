"""The HTTP API's table of contents, and the two routes that belong to no room."""

from typing import Any, Literal

from chalice import Blueprint, Chalice, Response

from chalicelib.accounts.routes import routes as accounts
from chalicelib.analytics.routes import routes as analytics
from chalicelib.billing.routes import routes as billing
from chalicelib.cart.routes import routes as cart
from chalicelib.catalog.routes import routes as catalog
from chalicelib.console.routes import routes as console
from chalicelib.dead_letters.routes import routes as dead_letters
from chalicelib.inventory.routes import routes as inventory
from chalicelib.loyalty.routes import routes as loyalty
from chalicelib.notifications.routes import routes as notifications
from chalicelib.orders.guest_routes import routes as guest_orders
from chalicelib.orders.routes import routes as orders
from chalicelib.payments.routes import routes as payments
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.http import Call, answered_methods, endpoint
from chalicelib.platform.problems import with_allowed_methods
from chalicelib.product_import.routes import routes as imports
from chalicelib.recommendations.routes import routes as recommendations
from chalicelib.shipping.routes import routes as shipping

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
    from chalicelib.platform import openapi  # Only this call needs it, and every function imports this module.

    document: dict[str, Any] = openapi.document("/api")
    return Response(document, {"Content-Type": "application/json", "Cache-Control": "public, max-age=300"})


def register(app: Chalice) -> None:
    app.register_middleware(with_allowed_methods, "http")
    for room in (
        routes,
        accounts,
        catalog,
        imports,
        inventory,
        cart,
        guest_orders,
        orders,
        shipping,
        billing,
        notifications,
        analytics,
        loyalty,
        recommendations,
        dead_letters,
        payments,
        console,
    ):
        app.register_blueprint(room)
