"""Products and categories: pure data, and what may be written of them."""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from chalicelib.payments.limits import LARGEST_CHARGE
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Conflict, NotFound, PreconditionFailed, UnprocessableRequest
from chalicelib.platform.ids import Sku
from chalicelib.platform.money import Money
from chalicelib.platform.shop import shop
from chalicelib.platform.text import multi_line, one_line

SKU_PATTERN = r"^[A-Z0-9][A-Z0-9-]{0,39}$"
NewSku = Annotated[Sku, StringConstraints(pattern=SKU_PATTERN)]
CategoryId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Picture = Annotated[str, StringConstraints(max_length=200, pattern=r"^(/[\w.-]+)+$")]
"""A path below the storefront's own origin: pages load pictures from no other host."""


def _that_we_can_charge(price: Money) -> Money:
    """Return `price` if one unit of it can be sold. Below the smallest charge, several units together can be.

    Raises ValueError.
    """
    if price.currency != shop().currency:
        raise ValueError(f"this shop sells in {shop().currency}")
    if price.amount > LARGEST_CHARGE:
        raise ValueError(f"no price is above {LARGEST_CHARGE}")
    return price


ShopPrice = Annotated[Money, AfterValidator(_that_we_can_charge)]
Name = Annotated[str, one_line(120)]
Description = Annotated[str, multi_line(2000)]
Gallery = Annotated[list[Picture], Field(max_length=8, description="Further pictures, in the order of the gallery.")]

ABSENT: Any = None
"""The default of a field that may be absent, and never null: defaults are not validated, so null is refused."""


def _without_defaults(schema: dict[str, Any]) -> None:
    for each in schema["properties"].values():
        each.pop("default", None)


class ProductNotFound(NotFound):
    """There is no product with this sku."""


class ProductRefused(UnprocessableRequest):
    """The catalog cannot store this product as it is."""


class ProductArchived(Conflict):
    """This product is no longer sold."""


class ProductChanged(PreconditionFailed):
    """The product was changed since the version that If-Match names. Read it again, then decide."""


class ProductExists(PreconditionFailed):
    """There is a product with this sku already."""


class ProductBusy(Conflict):
    """This product is being changed from elsewhere at the same time. Please try again."""


class ProductDetails(BaseModel):
    """Describe a product for sale; the sku comes from the path."""

    model_config = ConfigDict(frozen=True)

    name: Name
    description: Description
    price: ShopPrice
    category: CategoryId
    image: Picture
    images: Gallery = Field(default_factory=list)


class ProductWrite(ProductDetails):
    """Replace every field of a product. `archived` alone keeps its value where it is absent."""

    archived: Annotated[
        bool | None, Field(strict=True, description="True: no longer sold. Absent: stays as it is.")
    ] = None


class ProductChange(BaseModel):
    """Change the fields that are given. An absent field keeps its value; an empty one becomes empty."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_without_defaults)

    name: Name = ABSENT
    description: Description = ABSENT
    price: ShopPrice = ABSENT
    category: CategoryId = ABSENT
    image: Picture = ABSENT
    images: Gallery = ABSENT
    archived: Annotated[bool, Field(strict=True, description="True: no longer sold.")] = ABSENT

    @property
    def given(self) -> dict[str, Any]:
        """Return the given fields, validated, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Product(BaseModel):
    """A product as it is stored: what is written is checked, what was stored before a rule is still read.

    `version` counts its changes; 0 was stored before versions were counted. An archived product is not listed, not
    found by a search and cannot be bought. Orders and carts still show it.
    """

    model_config = ConfigDict(frozen=True)

    sku: Sku
    name: str
    description: str
    price: Money
    category: str
    image: str
    images: list[str] = Field(default_factory=list)
    archived: bool = False
    version: int = 0
    created_at: str = ""
    """Empty for what was stored before this was recorded: it counts as the oldest."""

    @property
    def etag(self) -> str:
        return f'"{self.version}"'


class Sort(StrEnum):
    RELEVANCE = "relevance"
    NEWEST = "newest"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"


class Selection(BaseModel):
    """Products to list, and their order. Prices are in minor units, both bounds included."""

    model_config = ConfigDict(frozen=True)

    category: str | None = None
    archived: bool = False
    sort: Sort = Sort.RELEVANCE
    min_price: int | None = None
    max_price: int | None = None

    @property
    def is_by_name(self) -> bool:
        """Return whether this is a whole list in the order of names."""
        return self.sort is Sort.RELEVANCE and self.min_price is None and self.max_price is None

    def has(self, product: Product) -> bool:
        """Return whether a product belongs to this list as it is now; an index may be late."""
        is_listed = product.archived == self.archived and self.category in (None, product.category)
        is_dear_enough = self.min_price is None or product.price.amount >= self.min_price
        is_cheap_enough = self.max_price is None or product.price.amount <= self.max_price
        return is_listed and is_dear_enough and is_cheap_enough


class Category(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    name: str


def category_of(product: Product) -> Category:
    """A category exists as soon as a product names it; its name is its id in title case."""
    return Category(id=product.category, name=product.category.replace("-", " ").title())


def is_sku(text: str) -> bool:
    return re.fullmatch(SKU_PATTERN, text) is not None


def is_sold(product: Product | None) -> bool:
    """Return whether this product, as it was found in the catalog or not, can be bought at all."""
    return product is not None and not product.archived
