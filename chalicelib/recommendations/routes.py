"""Recommendations over HTTP, for buyers. Names and prices are the catalog's."""

from chalice import Blueprint

from chalicelib import wiring
from chalicelib.catalog.model import ProductNotFound
from chalicelib.catalog.views import SHARED_SECONDS, ProductView, product_view
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.ids import Sku

routes = Blueprint(__name__)

RECOMMENDED = 4
CANDIDATES = 20
"""How many are looked up in the catalog: some may no longer be sold."""


class AlsoBought(BaseModel):
    items: list[ProductView]
    next_cursor: None = None


@endpoint(
    routes, "GET", "/products/{sku}/also-bought", summary="List products bought together with a product",
    answer=AlsoBought, shared_seconds=SHARED_SECONDS, refusals=(ProductNotFound,),
)  # fmt: skip
def list_also_bought(call: Call, sku: Sku) -> AlsoBought:
    """Return up to four products that were most often in an order with this one."""
    skus = wiring.recommendations().also_bought(sku)[:CANDIDATES]
    products, available = wiring.offered([sku, *skus])
    if sku not in products:
        raise ProductNotFound
    recommended = [products[sku] for sku in skus if sku in products and not products[sku].archived][:RECOMMENDED]
    return AlsoBought(items=[product_view(product, available) for product in recommended])
