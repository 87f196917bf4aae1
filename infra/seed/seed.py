"""Demo catalog: save the products of `products.json`, priced in the shop's currency. Repeating it adds no stock."""

import json
from pathlib import Path
from typing import Any

import boto3

from chalicelib.catalog.model import ProductDetails
from chalicelib.catalog.service import Catalog
from chalicelib.catalog.store import ProductStore
from chalicelib.inventory.model import StockAdjustment
from chalicelib.inventory.store import InventoryStore, movement_key
from chalicelib.platform.clock import iso, utc_now
from chalicelib.platform.shop import shop

PRODUCTS = Path(__file__).parent / "products.json"


def seed(session: boto3.Session, outputs: dict[str, str]) -> int:
    """Write the products and return their number. Only skus without a stock record receive stock."""
    dynamodb = session.resource("dynamodb").meta.client
    catalog = _catalog(session, outputs)
    inventory = InventoryStore(dynamodb, outputs["InventoryTableName"])
    products: list[dict[str, Any]] = json.loads(PRODUCTS.read_text())
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
    """Update the catalog's search texts to this version's rule. Return the number of changed products."""
    return _catalog(session, outputs).reindex()


def _catalog(session: boto3.Session, outputs: dict[str, str]) -> Catalog:
    return Catalog(ProductStore(session.resource("dynamodb").meta.client, outputs["ProductsTableName"]))
