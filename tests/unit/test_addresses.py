"""Postal addresses: which are accepted, how they are kept, and the lines on a label."""

import pytest
from pydantic import ValidationError

from chalicelib.platform.shop import shop
from chalicelib.shipping.address import Address, ShippingAddress, address_lines
from chalicelib.shipping.countries import destinations, format_of
from chalicelib.shipping.routes import list_countries
from infra.build.gateway import models

PERSON = {"name": "Ada Lovelace", "line1": "12 Main Street", "city": "Springfield"}


def kept(**fields):
    return ShippingAddress.model_validate(PERSON | fields).to_store()


def errors(**fields):
    with pytest.raises(ValidationError) as refused:
        ShippingAddress.model_validate(PERSON | fields)
    return [error["loc"][0] for error in refused.value.errors()]


@pytest.mark.parametrize("country", ["ZZ", "XX", "UK", "KP", "no", "", "Norway"])
def test_country_that_the_shop_does_not_ship_to_is_refused(country):
    assert errors(country=country, postal_code="0150") == ["country"]


def test_countries_of_the_shop_have_an_address_format():
    assert [found.country for found in destinations()] == list(shop().ships_to)


@pytest.mark.parametrize(
    ("fields", "region", "postal_code"),
    [
        ({"country": "US", "region": "California", "postal_code": "94043"}, "CA", "94043"),
        ({"country": "US", "region": "ca", "postal_code": "94043-1351"}, "CA", "94043-1351"),
        ({"country": "CA", "region": "Québec", "postal_code": "h3z2y7"}, "QC", "H3Z2Y7"),
        ({"country": "AU", "region": "New South Wales", "postal_code": "2000"}, "NSW", "2000"),
        ({"country": "IT", "region": "Roma", "postal_code": "00144"}, "RM", "00144"),
        ({"country": "JP", "region": "13", "postal_code": "154-0023"}, "Tokyo", "154-0023"),
        ({"country": "AE", "region": "DU"}, "Dubai", None),
        ({"country": "AE", "city": "Dubai"}, "Dubai", None),
        ({"country": "HK", "city": "Hong Kong"}, None, None),
        ({"country": "HK", "city": None, "region": "Kowloon"}, "Kowloon", None),
        ({"country": "PL", "postal_code": "00950"}, None, "00-950"),
        ({"country": "SE", "postal_code": "SE-111 20"}, None, "111 20"),
        ({"country": "LV", "postal_code": "1010"}, None, "LV-1010"),
        ({"country": "IE"}, None, None),
        ({"country": "SG", "city": None, "postal_code": "546080"}, None, "546080"),
    ],
)
def test_region_and_postal_code_are_kept_in_one_form(fields, region, postal_code):
    address = kept(**fields)
    assert (address.region, address.postal_code) == (region, postal_code)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"country": "US", "postal_code": "94043"}, ["region"]),
        ({"country": "US", "region": "Bavaria", "postal_code": "94043"}, ["region"]),
        ({"country": "CA", "postal_code": "H3Z 2Y7"}, ["region"]),
        ({"country": "AU", "postal_code": "2000"}, ["region"]),
        ({"country": "US", "region": "CA"}, ["postal_code"]),
        ({"country": "US", "region": "CA", "postal_code": "9404"}, ["postal_code"]),
        ({"country": "NO", "postal_code": "H3Z 2Y7"}, ["postal_code"]),
        ({"country": "HK", "city": None}, ["region"]),
        ({"country": "HK", "region": "Bavaria"}, ["region"]),
        ({"country": "NO", "city": None, "postal_code": "0150"}, ["city"]),
        ({"country": "NO", "postal_code": "0150", "state": "Oslo"}, ["state"]),
        ({"country": "NO", "postal_code": "0150", "line2": "a\u202eb"}, ["line2"]),
    ],
)
def test_address_is_refused_by_the_name_of_its_field(fields, wrong):
    assert errors(**fields) == wrong


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({"country": "NO", "postal_code": "0150", "line2": "2nd floor"}, ["2nd floor", "0150 Springfield", "NORWAY"]),
        ({"country": "US", "region": "IL", "postal_code": "62701"}, ["Springfield, IL 62701", "UNITED STATES"]),
        ({"country": "AU", "region": "VIC", "postal_code": "3171"}, ["Springfield VIC 3171", "AUSTRALIA"]),
        ({"country": "GB", "postal_code": "SW1Y 4LB"}, ["Springfield", "SW1Y 4LB", "UNITED KINGDOM"]),
        ({"country": "AE", "city": "Dubai"}, ["Dubai", "UNITED ARAB EMIRATES"]),
        ({"country": "AE", "city": "Al Ain", "region": "AZ"}, ["Abu Dhabi", "Al Ain", "UNITED ARAB EMIRATES"]),
        ({"country": "DE", "region": "Berlin", "postal_code": "10115"}, ["10115 Springfield", "Berlin", "GERMANY"]),
        ({"country": "HK", "city": "Hong Kong", "postal_code": "999077"}, ["Hong Kong", "999077", "HONG KONG"]),
    ],
)
def test_label_shows_every_part_in_the_order_of_the_country(fields, lines):
    assert address_lines(kept(**fields)) == ["Ada Lovelace", "12 Main Street", *lines]


@pytest.mark.parametrize(
    ("country", "typed", "phone"),
    [
        ("NO", "22 12 34 56", "+4722123456"),
        ("NO", "0047 22 12 34 56", "+4722123456"),
        ("NO", " +49 (0)170-123 45 67 ", "+491701234567"),
        ("US", "(217) 555-0123", "+12175550123"),
        ("GB", "\uff10\uff12\uff10 7930 6000", "+442079306000"),
    ],
)
def test_phone_number_is_kept_as_e164(country, typed, phone):
    places = {"NO": {"postal_code": "0150"}, "US": {"region": "IL", "postal_code": "62701"}}
    found = kept(country=country, phone=typed, **places.get(country, {"postal_code": "SW1Y 4LB"}))
    assert found.phone == phone
    assert phone not in " ".join(address_lines(found))


@pytest.mark.parametrize(
    "phone", ["", "call me", "1", "+47", "+999 22123456", "22 12 34 56 ext. 5", "1" * 20, "2" * 33]
)
def test_text_that_is_no_phone_number_is_refused(phone):
    assert errors(country="NO", postal_code="0150", phone=phone) == ["phone"]


@pytest.mark.parametrize("country", ["ZZ", "UK", "", "../x"])
def test_label_of_an_older_order_with_an_unknown_country_is_still_written(country):
    old = Address(**PERSON, postal_code="\0", country=country)
    assert address_lines(old)[:2] == ["Ada Lovelace", "12 Main Street"]
    assert format_of(country) is None


def test_address_form_gets_the_fields_of_each_country():
    found = {each.country: each for each in list_countries(None).items}
    assert found["HK"].postal_code is None and found["AE"].city is None
    assert found["US"].region.required and {"code": "CA", "name": "California"} in [
        option.model_dump() for option in found["US"].region.options
    ]
    assert found["US"].order == ["city", "region", "postal_code"] and found["NO"].order == ["postal_code", "city"]
    assert found["NO"].region is None and found["US"].postal_code.kind == "zip"
    assert found["GB"].postal_code.required and not found["IE"].postal_code.required


def test_document_lists_the_countries_and_the_gateway_leaves_them_to_the_function():
    assert ShippingAddress.model_json_schema()["properties"]["country"]["enum"] == list(shop().ships_to)
    assert "enum" not in models()["ShippingAddress"]["properties"]["country"]
