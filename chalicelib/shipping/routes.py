"""Shipping over HTTP: the countries that the shop ships to, and what an address needs in each."""

from typing import Annotated

from chalice import Blueprint
from pydantic import Field

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.http import Call, endpoint
from chalicelib.shipping.countries import CITY, POSTAL_CODE, REGION, AddressFormat, Region, destinations

routes = Blueprint(__name__)

SHARED_SECONDS = 3600


class PartView(BaseModel):
    """A part of an address. `kind` is what the country calls it."""

    kind: str
    required: bool


class RegionView(PartView):
    options: Annotated[list[Region], Field(description="Empty where any text is accepted.")]


class PostalCodeView(PartView):
    pattern: Annotated[str | None, Field(description="A regular expression of the whole code, in capitals.")]
    examples: list[str]


class DestinationView(BaseModel):
    """A country and the parts that its addresses have beside a name and a street; null is a part that they lack."""

    country: Annotated[str, Field(description="ISO 3166-1 alpha-2")]
    city: PartView | None
    region: RegionView | None
    postal_code: PostalCodeView | None
    order: Annotated[list[str], Field(description="The parts in the order in which the country writes them.")]


class CountryList(BaseModel):
    items: list[DestinationView]
    next_cursor: None = None


NAMES = {CITY: "city", REGION: "region", POSTAL_CODE: "postal_code"}


@endpoint(
    routes, "GET", "/shipping/countries", summary="List destination countries",
    answer=CountryList, shared_seconds=SHARED_SECONDS,
)  # fmt: skip
def list_countries(call: Call) -> CountryList:
    """Return the countries that the shop ships to, with the parts of an address in each."""
    return CountryList(items=[_view(each) for each in destinations()])


def _view(found: AddressFormat) -> DestinationView:
    """A region that is neither required nor listed is not asked for."""
    has_region = REGION in found.parts and (REGION in found.required or bool(found.regions))
    shown = found.parts if has_region else found.parts - {REGION}
    letters = [letter for letter in "".join(found.lines) if letter in NAMES and letter in shown]
    needed = {letter: letter in found.required for letter in NAMES}
    return DestinationView(
        country=found.country,
        city=PartView(kind=found.city_kind, required=needed[CITY]) if CITY in shown else None,
        region=RegionView(kind=found.region_kind, required=needed[REGION], options=list(found.regions))
        if has_region
        else None,
        postal_code=PostalCodeView(
            kind=found.postal_code_kind,
            required=needed[POSTAL_CODE],
            pattern=found.postal_code_pattern,
            examples=list(found.postal_code_examples),
        )
        if POSTAL_CODE in shown
        else None,
        order=[NAMES[letter] for letter in letters],
    )
