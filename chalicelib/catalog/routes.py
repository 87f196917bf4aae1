"""The catalog over HTTP. What is available comes from the inventory and is joined in here."""

from typing import Annotated

from chalice import Blueprint
from pydantic import BaseModel, Field, StringConstraints

from chalicelib import wiring
from chalicelib.catalog.model import (
    Category,
    CategoryId,
    Product,
    ProductDetails,
    ProductNotFound,
    ProductRefused,
    is_sku,
)
from chalicelib.platform.errors import CursorInvalid, Unacceptable
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.money import Money

routes = Blueprint(__name__)


SHARED_SECONDS = 5
"""Names and prices may be late by this, twice at worst, and so may what is available, on these pages only: the cart
and the order ask each time."""

CATEGORIES_SHARED_SECONDS = 60


class SkuInvalid(Unacceptable):
    """A sku is up to 40 capital letters, digits and hyphens."""


class ProductView(BaseModel):
    sku: str
    name: str
    description: str
    price: Money
    category: str
    image: str
    images: Annotated[list[str], Field(description="Further pictures, in the order of the gallery.")]
    available: Annotated[int, Field(description="Pieces that can be bought now.")]


class ProductPage(BaseModel):
    items: list[ProductView]
    next_cursor: str | None


class CategoryList(BaseModel):
    items: list[Category]
    next_cursor: None = None


class ProductQuery(BaseModel):
    category: CategoryId | None = None
    q: Annotated[str, StringConstraints(max_length=200)] = ""
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = None


@endpoint(
    routes, "GET", "/products", summary="Products by name, by category, by text",
    query=ProductQuery, answer=ProductPage, shared_seconds=SHARED_SECONDS, refusals=(CursorInvalid,),
)  # fmt: skip
def list_products(call: Call, query: ProductQuery) -> ProductPage:
    products, next_cursor = wiring.catalog().page(query.category, query.q, query.cursor)
    available = wiring.inventory().available([product.sku for product in products])
    return ProductPage(items=[_view(p, available.get(p.sku, 0)) for p in products], next_cursor=next_cursor)


@endpoint(
    routes, "GET", "/products/{sku}", summary="One product",
    answer=ProductView, shared_seconds=SHARED_SECONDS, refusals=(ProductNotFound,),
)  # fmt: skip
def get_product(call: Call, sku: str) -> ProductView:
    product = wiring.catalog().product(sku)
    return _view(product, wiring.inventory().available([sku]).get(sku, 0))


@endpoint(
    routes, "GET", "/categories", summary="The shop's categories",
    answer=CategoryList, shared_seconds=CATEGORIES_SHARED_SECONDS,
)  # fmt: skip
def list_categories(call: Call) -> CategoryList:
    return CategoryList(items=wiring.catalog().categories())


@endpoint(
    routes, "GET", "/partner/products", summary="The catalog as it is now, for partners", access="partner",
    query=ProductQuery, answer=ProductPage, refusals=(CursorInvalid,),
)  # fmt: skip
def list_products_for_partner(call: Call, query: ProductQuery) -> ProductPage:
    return list_products(call, query)


@endpoint(
    routes, "GET", "/partner/products/{sku}", summary="One product as it is now, for partners", access="partner",
    answer=ProductView, refusals=(ProductNotFound,),
)  # fmt: skip
def get_product_for_partner(call: Call, sku: str) -> ProductView:
    return get_product(call, sku)


@endpoint(
    routes, "PUT", "/admin/products/{sku}", summary="Create or replace a product", access="admin",
    body=ProductDetails, answer=ProductView, refusals=(SkuInvalid, ProductRefused),
)  # fmt: skip
def put_product(call: Call, sku: str, body: ProductDetails) -> ProductView:
    product = wiring.catalog().save(valid_sku(sku), body)
    return _view(product, wiring.inventory().available([sku]).get(sku, 0))


def valid_sku(sku: str) -> str:
    """Raises SkuInvalid. Only where a product may be created; elsewhere an odd sku is just not found."""
    if not is_sku(sku):
        raise SkuInvalid
    return sku


def _view(product: Product, available: int) -> ProductView:
    return ProductView(**product.model_dump(), available=available)
