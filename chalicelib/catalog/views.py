"""Product view: a product joined with its stock, as catalog and recommendations answer it."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from chalicelib.catalog.model import Product
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.ids import Sku
from chalicelib.platform.money import Money

SHARED_SECONDS = 5
"""How long shared caches keep these answers. Names, prices and stock on them may be late by twice this; cart and order
always read the current ones."""


class ProductView(BaseModel):
    sku: Sku
    name: str
    description: str
    price: Money
    category: str
    image: str
    images: Annotated[list[str], Field(description="Further pictures, in the order of the gallery.")]
    available: Annotated[int, Field(description="Units that can be bought now; none of an archived product.")]
    archived: Annotated[bool, Field(description="True: no longer sold.")] = False


def product_view(product: Product, available: Mapping[Sku, int]) -> ProductView:
    """Join a product and its stock. `available` is units by sku."""
    units = 0 if product.archived else available.get(product.sku, 0)
    return ProductView(**product.model_dump(), available=units)
