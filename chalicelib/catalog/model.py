"""Products and categories: pure data, and how a text search reads them."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from chalicelib.payments.limits import LARGEST_CHARGE
from chalicelib.platform.errors import NotFound, Unacceptable
from chalicelib.platform.money import Money
from chalicelib.platform.shop import shop

SKU_PATTERN = r"^[A-Z0-9][A-Z0-9-]{0,39}$"
Sku = Annotated[str, StringConstraints(pattern=SKU_PATTERN)]
CategoryId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Picture = Annotated[str, StringConstraints(max_length=200, pattern=r"^(/[\w.-]+)+$")]
"""Where a picture is, below the storefront's own address: a page of the shop asks nobody else."""


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


class ProductNotFound(NotFound):
    """There is no product with this sku."""


class ProductRefused(Unacceptable):
    """The catalog cannot store this product as it is."""


class ProductDetails(BaseModel):
    """What an admin writes; the sku comes from the path."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
    price: ShopPrice
    category: CategoryId
    image: Picture
    images: Annotated[
        list[Picture],
        Field(default_factory=list, max_length=8, description="Further pictures, in the order of the gallery."),
    ]


class Product(ProductDetails):
    sku: Sku

    @property
    def search_text(self) -> str:
        return folded(f"{self.name} {self.description} {self.category} {self.sku}")


class Category(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: CategoryId
    name: str


def category_of(product: ProductDetails) -> Category:
    """A category exists as soon as a product names it; its name is its id in title case."""
    return Category(id=product.category, name=product.category.replace("-", " ").title())


def folded(text: str) -> str:
    """Lower case and without accents, so that `cafe` finds `Café`."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def search_words(query: str) -> list[str]:
    """The distinct words of a query, at most eight: every one must be found."""
    return list(dict.fromkeys(folded(query).split()))[:8]


def is_sku(text: str) -> bool:
    return re.fullmatch(SKU_PATTERN, text) is not None
