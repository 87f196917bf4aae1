"""Postal addresses: as a buyer gives them, and as they are kept."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib.platform.text import one_line


class Address(BaseModel):
    """A stored address. It has no rules, so that an order older than a rule can still be read."""

    model_config = ConfigDict(frozen=True)

    name: str
    line1: str
    line2: str | None = None
    city: str
    postal_code: str
    country: Annotated[str, Field(description="ISO 3166-1 alpha-2")]


class ShippingAddress(Address):
    """An address as it is accepted at checkout."""

    name: Annotated[str, one_line(100)]
    line1: Annotated[str, one_line(120)]
    line2: Annotated[str, one_line(120)] | None = None
    city: Annotated[str, one_line(80)]
    postal_code: Annotated[str, one_line(16)]
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), Field(description="ISO 3166-1 alpha-2")]

    def to_store(self) -> Address:
        """Return this address as it is kept with an order."""
        return Address(**self.model_dump())
