"""Demo catalog: save the products of `products.json`, priced in the shop's currency. Repeating it adds no stock."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3

from chalicelib.catalog.model import ProductDetails
from chalicelib.catalog.service import Catalog
from chalicelib.catalog.store import ProductStore
from chalicelib.inventory.model import StockAdjustment
from chalicelib.inventory.store import InventoryStore, movement_key
from chalicelib.orders.reindexing import Reindexing
from chalicelib.platform.clock import iso, utc_now
from chalicelib.platform.shop import shop

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB

PRODUCTS = Path(__file__).parent / "products.json"


def seed(session: boto3.Session, outputs: dict[str, str], most: int | None = None) -> int:
    """Write the products, or only so many of them, and return their number.

    Only skus without a stock record receive stock.
    """
    catalog = _catalog(session, outputs)
    inventory = InventoryStore(_dynamodb(session), outputs["InventoryTableName"])
    products: list[dict[str, Any]] = json.loads(PRODUCTS.read_text())[:most]
    stocked = inventory.stocks([product["sku"] for product in products])
    opening = iso(utc_now())
    for product in products:
        price = {"amount": product["price_amount"], "currency": shop().currency}
        catalog.save(product["sku"], ProductDetails.model_validate(product | {"price": price}))
        if product["sku"] not in stocked:
            movement = StockAdjustment(at=opening, delta=product["stock"], note="at the opening")
            inventory.adjust(movement_key(f"opening-{product['sku']}"), product["sku"], movement)
    return len(products)


def reindex(session: boto3.Session, outputs: dict[str, str]) -> int:
    """Update what lists and searches read of catalog and orders to this release. Return the number of changed items."""
    orders = Reindexing(_dynamodb(session), outputs["OrdersTableName"])
    return _catalog(session, outputs).reindex() + orders.run()


def _catalog(session: boto3.Session, outputs: dict[str, str]) -> Catalog:
    return Catalog(ProductStore(_dynamodb(session), outputs["ProductsTableName"], outputs["SearchTableName"]))


def _dynamodb(session: boto3.Session) -> "DynamoDB":
    """Return a client that takes and gives plain Python values, as `chalicelib.platform.aws` does."""
    return cast("DynamoDB", session.resource("dynamodb").meta.client)
