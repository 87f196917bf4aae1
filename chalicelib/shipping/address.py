"""Postal addresses: the rules for a new one, the stored form, and the lines on a parcel or an invoice."""

import re
from typing import Annotated, Any

from pydantic import (
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.shop import shop
from chalicelib.platform.text import one_line
from chalicelib.shipping import phone_number
from chalicelib.shipping.countries import CITY, POSTAL_CODE, REGION, STREET, AddressFormat, format_of

REGION_NOTE = "State, province or the like, by code or name; kept in one form. Required where the format requires it."
CITY_NOTE = "Required where the country's format has it."
POSTAL_CODE_NOTE = "Required where the country has postal codes, and of the country's pattern."
PHONE_NOTE = "For the carrier. With country code, or as it is dialled in the address's country; kept as E.164."
COUNTRY_NOTE = "ISO 3166-1 alpha-2; one of the countries that the shop ships to."


class Address(BaseModel):
    """A stored address. It has no rules, so that an order older than a rule can still be read."""

    model_config = ConfigDict(frozen=True)

    name: str
    line1: str
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: Annotated[str, Field(description="ISO 3166-1 alpha-2")]
    phone: Annotated[str | None, Field(description="E.164")] = None


class Destination:
    """The rule for a country code: one of those in `shop.json`, which is read when the rule is first used."""

    def checked(self, country: str) -> str:
        """Return the code. Raises PydanticCustomError for a country that the shop does not ship to."""
        if country not in shop().ships_to:
            raise PydanticCustomError("country_not_served", "The shop does not ship to this country.")
        return country

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | {"enum": list(shop().ships_to), "description": COUNTRY_NOTE}


class ShippingAddress(BaseModel):
    """An address as it is accepted at checkout. Unknown fields are refused, so that none is lost without a word."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: Annotated[str, Destination()]
    name: Annotated[str, one_line(100)]
    line1: Annotated[str, one_line(120)]
    line2: Annotated[str, one_line(120)] | None = None
    city: Annotated[str, one_line(80)] | None = Field(default=None, description=CITY_NOTE, validate_default=True)
    region: Annotated[str, one_line(80)] | None = Field(default=None, description=REGION_NOTE, validate_default=True)
    postal_code: Annotated[str, one_line(16)] | None = Field(
        default=None, description=POSTAL_CODE_NOTE, validate_default=True
    )
    phone: Annotated[str, one_line(32)] | None = Field(default=None, description=PHONE_NOTE)

    @field_validator("city")
    @classmethod
    def _city_fits(cls, city: str | None, known: ValidationInfo) -> str | None:
        found = _format(known)
        if found and not city and CITY in found.required:
            raise _missing(found.city_kind)
        return city

    @field_validator("region")
    @classmethod
    def _region_fits(cls, region: str | None, known: ValidationInfo) -> str | None:
        """Where the format requires no city beside the region (Hong Kong, Japan), a city may stand for it."""
        found = _format(known)
        if found is None:
            return region
        city = known.data.get("city")
        if region is None:
            inferred = found.region_code(city) if city and CITY not in found.required else None
            if REGION in found.required and not inferred and not (city and CITY not in found.required):
                raise _missing(found.region_kind)
            return inferred
        if found.regions and (kept := found.region_code(region)) is None:
            raise PydanticCustomError("region_unknown", "Not a {kind} of this country.", {"kind": found.region_kind})
        return kept if found.regions else region

    @field_validator("postal_code")
    @classmethod
    def _postal_code_fits(cls, postal_code: str | None, known: ValidationInfo) -> str | None:
        found = _format(known)
        if found is None:
            return postal_code
        if postal_code is None:
            if POSTAL_CODE in found.required:
                raise _missing("postal code")
            return None
        kept = found.postal_code(postal_code)
        if kept is None:
            raise PydanticCustomError(
                "postal_code_invalid",
                "Not a postal code of this country, which look like {example}.",
                {"example": (found.postal_code_examples or ("others",))[0]},
            )
        return kept

    @field_validator("phone")
    @classmethod
    def _phone_fits(cls, phone: str | None, known: ValidationInfo) -> str | None:
        country = known.data.get("country")
        if phone is None or country is None:
            return phone
        kept = phone_number.international(phone, country)
        if kept is None:
            raise PydanticCustomError("phone_invalid", "Not a phone number. Those of other countries begin with +.")
        return kept

    def to_store(self) -> Address:
        """Return this address as it is kept with an order. Where there is no city, the region stands for it."""
        return Address(**self.model_dump() | {"city": self.city or self.region})


def address_lines(address: Address) -> list[str]:
    """Return the lines of a label in the order of the address's country, whose name is the last line.

    Every part of the address is on one of them, also a part that the country's format does not have. The phone number
    is on none: it is for the carrier only.
    """
    found = format_of(address.country)
    if found is None:
        place = " ".join(part for part in (address.postal_code, address.city, address.region) if part)
        return [line for line in (address.name, address.line1, address.line2, place, address.country) if line]
    parts = {CITY: address.city, REGION: address.region, POSTAL_CODE: address.postal_code, "N": address.name}
    street = [line for line in (address.line1, address.line2) if line]
    lines = _filled(found, parts, street)
    extra = [part for letter, part in parts.items() if part and letter not in found.parts and not _shows(lines, part)]
    return [*lines, *extra, found.country_name]


def _filled(found: AddressFormat, parts: dict[str, str | None], street: list[str]) -> list[str]:
    """Return the format's lines with the parts in place. A line of which no part is there is left out."""
    city, region = parts[CITY], parts[REGION]
    shown = parts | ({CITY: None} if city and region and city.casefold() == region.casefold() else {})
    lines: list[str] = []
    for template in found.lines:
        letters = re.findall(r"%([A-Z])", template)
        if STREET in letters:
            lines += street
            template = template.replace("%A", "")
        if any(shown.get(letter) for letter in letters):
            line = re.sub(r"%([A-Z])", lambda match: shown.get(match[1]) or "", template)
            lines.append(" ".join(line.split()).strip(" ,-") if len(letters) > 1 else line)
    return lines


def _shows(lines: list[str], part: str) -> bool:
    return any(part.casefold() in line.casefold() for line in lines)


def _format(known: ValidationInfo) -> AddressFormat | None:
    country = known.data.get("country")
    return format_of(country) if country else None


def _missing(kind: str) -> PydanticCustomError:
    return PydanticCustomError(
        "missing", "Please give the {kind}: addresses in this country need it.", {"kind": _in_words(kind)}
    )


def _in_words(kind: str) -> str:
    return {"do_si": "province", "post_town": "town"}.get(kind, kind)
