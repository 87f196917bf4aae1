"""Shop configuration: `shop.json` as one typed, frozen object, read on first use.

The file lies at the root of the repository and of each deployed function's code. It holds what is the same on every
stage and what a fork changes first; `settings.py` holds what differs between deployments.
"""

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, ValidationError

from chalicelib.platform.base_model import BaseModel

FILE = Path(__file__).resolve().parents[2] / "shop.json"

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\r\n]+$")]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class ShopFileInvalid(Exception):
    """`shop.json` is missing or wrong; the message is one line that names the field."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found, a directory, or a path that leaves the database
        raise ValueError(f"no IANA time zone is called {name!r}") from None
    return name


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SellerAddress(_Frozen):
    line1: Line
    line2: Line | None = None
    postal_code: Line
    city: Line
    country: CountryCode


class Seller(_Frozen):
    """The company that sells, as it stands on invoices."""

    legal_name: Line
    address: SellerAddress
    vat_id: Line
    email: Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]


class Shop(_Frozen):
    name: Line
    tagline: Annotated[Line, Field(description="A few words beside the name, without a full stop.")]
    description: Annotated[Line, Field(description="One sentence for search results.")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(description="ISO 4217.")]
    time_zone: Annotated[str, AfterValidator(_known_zone), Field(description="IANA name; where a day begins and ends.")]
    sender_name: Annotated[Line, Field(description="The name beside the sender's address in emails.")]
    seller: Seller
    ships_to: Annotated[tuple[CountryCode, ...], Field(min_length=1, description="Countries the shop delivers to.")]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def day_of(self, at: datetime) -> date:
        """Return the day of an aware datetime in the shop's time zone. A day may have 23 or 25 hours."""
        return at.astimezone(self.zone).date()


@cache
def shop() -> Shop:
    """Return the configuration of this deployment. Raises ShopFileInvalid."""
    return read(FILE)


def read(path: Path) -> Shop:
    """Return the configuration that `path` holds. Raises ShopFileInvalid with one line."""
    try:
        return Shop.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ShopFileInvalid(f"{path.name}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise ShopFileInvalid(f"{path.name}: {field + ': ' if field else ''}{first['msg']}") from None
