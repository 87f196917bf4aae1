"""Phone numbers: parsing and normalization to E.164, with Google's numbering plans (the package phonenumberslite)."""


def international(text: str, country: str) -> str | None:
    """Return the number as E.164, or None if it cannot be one. Without a country code it is one of `country`.

    Only its length is checked: a numbering plan may have new ranges that the package does not know. An extension is
    refused, because E.164 has none.
    """
    import phonenumbers  # Few requests hold a phone number.

    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
