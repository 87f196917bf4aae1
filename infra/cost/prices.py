"""Price table: what one unit of each AWS service costs, read from `prices.yaml` and checked."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

FILE = Path(__file__).with_name("prices.yaml")
HOURS_PER_MONTH = 730
"""AWS's own estimates use this: https://aws.amazon.com/calculator/calculator-assumptions/"""


class PricesInvalid(Exception):
    """The price table has mistakes. `problems` holds a line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Source(BaseModel):
    """Where a price stands: AWS's page, the page on which the number was read, and that page's date."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    page: HttpUrl
    read: HttpUrl
    dated: date


class Price(BaseModel):
    """`usd` for `per` units, without free tiers and volume discounts."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    service: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    unit: Annotated[str, Field(min_length=1)]
    usd: Annotated[float, Field(ge=0)]
    per: Annotated[int, Field(gt=0)] = 1

    @property
    def each(self) -> float:
        """US dollars for one unit."""
        return self.usd / self.per


class PriceTable(BaseModel):
    """The prices of one region."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    region: str
    sources: dict[str, Source]
    prices: dict[str, Price]

    @model_validator(mode="after")
    def _has_sources(self) -> "PriceTable":
        for name, price in self.prices.items():
            if price.source not in self.sources:
                raise ValueError(f"price {name} names the source {price.source!r}, which is not listed")
        return self

    def __getitem__(self, name: str) -> Price:
        return self.prices[name]

    def cost(self, units: Mapping[str, float]) -> float:
        """Return what these units cost, in US dollars. Raises KeyError for a unit without a price."""
        return sum(self.prices[name].each * count for name, count in units.items())


@cache
def prices(path: Path = FILE) -> PriceTable:
    """Return the price table of a file. Raises PricesInvalid."""
    try:
        content: Any = yaml.safe_load(path.read_text())
        return PriceTable.model_validate(content)
    except (OSError, yaml.YAMLError) as error:
        raise PricesInvalid([f"{path.name}: {error}"]) from error
    except ValidationError as error:
        raise PricesInvalid(
            [f"{path.name}: {'.'.join(map(str, each['loc'])) or 'table'}: {each['msg']}" for each in error.errors()]
        ) from error
