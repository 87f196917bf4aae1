"""The catalog over HTTP. What is available comes from the inventory and is joined in here."""

from typing import Annotated

from chalice import Blueprint
from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from chalicelib import wiring
from chalicelib.catalog.model import (
    Category,
    CategoryId,
    Product,
    ProductBusy,
    ProductChange,
    ProductChanged,
    ProductExists,
    ProductNotFound,
    ProductRefused,
    ProductWrite,
    Selection,
    Sort,
    is_sku,
)
from chalicelib.catalog.views import SHARED_SECONDS, ProductView, product_view
from chalicelib.payments.limits import LARGEST_CHARGE
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import CursorInvalid, UnprocessableRequest
from chalicelib.platform.http import Answer, Call, endpoint
from chalicelib.platform.ids import Sku
from chalicelib.platform.money import Money
from chalicelib.platform.preconditions import ETAG, IF_MATCH, IF_NONE_MATCH, PreconditionInvalid, precondition
from chalicelib.platform.text import one_line

routes = Blueprint(__name__)


CATEGORIES_SHARED_SECONDS = 60


class SkuInvalid(UnprocessableRequest):
    """A sku is up to 40 capital letters, digits and hyphens."""


class ProductPage(BaseModel):
    """A page of a search may hold few products, or none, and still have a `next_cursor`."""

    items: list[ProductView]
    next_cursor: str | None
    did_you_mean: Annotated[
        str | None, Field(description="The completed or corrected query that was searched for, as `q` finds nothing.")
    ] = None


class CategoryList(BaseModel):
    items: list[Category]
    next_cursor: str | None


Price = Annotated[int, Field(ge=0, le=LARGEST_CHARGE)]
Cursor = Annotated[str, StringConstraints(max_length=2000)]


class CategoryQuery(BaseModel):
    cursor: Cursor | None = None


class ProductQuery(BaseModel):
    category: CategoryId | None = None
    q: Annotated[str, one_line(200, min_length=0)] = ""
    sort: Annotated[Sort, Field(description="Without `q`, relevance is the order of names.")] = Sort.RELEVANCE
    min_price: Annotated[Price | None, Field(description="Lowest price, in minor units.")] = None
    max_price: Annotated[Price | None, Field(description="Highest price, in minor units.")] = None
    cursor: Cursor | None = None

    @field_validator("max_price")
    @classmethod
    def _not_below_the_lowest(cls, price: int | None, info: ValidationInfo) -> int | None:
        lowest = info.data.get("min_price")
        if price is not None and lowest is not None and price < lowest:
            raise PydanticCustomError("range_reversed", "Must not be below min_price.")
        return price


class AdminProductQuery(ProductQuery):
    archived: Annotated[bool, Field(description="True: the products that are no longer sold.")] = False


class AdminProduct(BaseModel):
    """A product as it is stored, without its stock. The ETag header names its version."""

    sku: Sku
    name: str
    description: str
    price: Money
    category: str
    image: str
    images: list[str]
    archived: bool
    version: int


@endpoint(
    routes, "GET", "/products", summary="List products",
    query=ProductQuery, answer=ProductPage, shared_seconds=SHARED_SECONDS, refusals=(CursorInvalid,),
)  # fmt: skip
def list_products(call: Call, query: ProductQuery) -> ProductPage:
    """Return products. Category, search text and prices narrow the list. Responses are cached for seconds."""
    return _page(query, archived=False)


@endpoint(
    routes, "GET", "/products/{sku}", summary="Get a product",
    answer=ProductView, shared_seconds=SHARED_SECONDS, refusals=(ProductNotFound,),
)  # fmt: skip
def get_product(call: Call, sku: Sku) -> ProductView:
    """Return one product with its availability. Archived products are returned too."""
    products, available = wiring.offered([sku])
    if sku not in products:
        raise ProductNotFound
    return product_view(products[sku], available)


@endpoint(
    routes, "GET", "/categories", summary="List categories",
    query=CategoryQuery, answer=CategoryList, shared_seconds=CATEGORIES_SHARED_SECONDS, refusals=(CursorInvalid,),
)  # fmt: skip
def list_categories(call: Call, query: CategoryQuery) -> CategoryList:
    """Return every category that has a product."""
    items, next_cursor = wiring.catalog().categories(query.cursor)
    return CategoryList(items=items, next_cursor=next_cursor)


@endpoint(
    routes, "GET", "/partner/products", summary="List products for a partner", access="partner",
    query=ProductQuery, answer=ProductPage, refusals=(CursorInvalid,),
)  # fmt: skip
def list_products_for_partner(call: Call, query: ProductQuery) -> ProductPage:
    """Return products, for a partner. Each call counts against the key's quota."""
    return list_products(call, query)


@endpoint(
    routes, "GET", "/partner/products/{sku}", summary="Get a product for a partner", access="partner",
    answer=ProductView, refusals=(ProductNotFound,),
)  # fmt: skip
def get_product_for_partner(call: Call, sku: Sku) -> ProductView:
    """Return one product, for a partner. Each call counts against the key's quota."""
    return get_product(call, sku)


@endpoint(
    routes, "GET", "/admin/products", summary="List products for an admin", access="admin",
    query=AdminProductQuery, answer=ProductPage, refusals=(CursorInvalid,),
)  # fmt: skip
def list_products_for_admin(call: Call, query: AdminProductQuery) -> ProductPage:
    """Return products without caching, current or archived."""
    return _page(query, query.archived)


@endpoint(
    routes, "GET", "/admin/products/{sku}", summary="Get a product as stored", access="admin",
    answer=AdminProduct, answer_headers=(ETAG,), refusals=(ProductNotFound,),
)  # fmt: skip
def get_product_for_admin(call: Call, sku: Sku) -> Answer:
    """Return a product as it is stored. The `ETag` header names its version."""
    product = wiring.catalog().product(sku)
    return Answer(AdminProduct(**product.model_dump()), {ETAG: product.etag})


@endpoint(
    routes, "PUT", "/admin/products/{sku}", summary="Create or replace a product", access="admin", changes_shared=True,
    headers=(IF_MATCH, IF_NONE_MATCH), body=ProductWrite, answer=ProductView, answer_headers=(ETAG,),
    refusals=(SkuInvalid, PreconditionInvalid, ProductChanged, ProductExists, ProductBusy, ProductRefused),
)  # fmt: skip
def put_product(call: Call, sku: Sku, body: ProductWrite) -> Answer:
    """Create a product or replace all of its fields. Preconditions protect against lost updates."""
    product = wiring.catalog().save(valid_sku(sku), body, precondition(call.headers))
    return Answer(_view(product), {ETAG: product.etag})


@endpoint(
    routes, "PATCH", "/admin/products/{sku}", summary="Change some fields of a product", access="admin",
    changes_shared=True, headers=(IF_MATCH,), body=ProductChange, answer=ProductView, answer_headers=(ETAG,),
    refusals=(ProductNotFound, PreconditionInvalid, ProductChanged, ProductBusy, ProductRefused),
)  # fmt: skip
def patch_product(call: Call, sku: Sku, body: ProductChange) -> Answer:
    """Change the given fields of a product; the other fields keep their values."""
    product = wiring.catalog().change(sku, body, precondition(call.headers))
    return Answer(_view(product), {ETAG: product.etag})


def valid_sku(sku: Sku) -> Sku:
    """Raises SkuInvalid. Only where a product may be created; elsewhere an odd sku is just not found."""
    if not is_sku(sku):
        raise SkuInvalid
    return sku


def _page(query: ProductQuery, archived: bool) -> ProductPage:
    wanted = Selection(
        category=query.category,
        archived=archived,
        sort=query.sort,
        min_price=query.min_price,
        max_price=query.max_price,
    )
    found = wiring.catalog().page(wanted, query.q, query.cursor)
    available = wiring.inventory().available([product.sku for product in found.products])
    return ProductPage(
        items=[product_view(p, available) for p in found.products],
        next_cursor=found.next_cursor,
        did_you_mean=found.did_you_mean,
    )


def _view(product: Product) -> ProductView:
    return product_view(product, wiring.inventory().available([product.sku]))
