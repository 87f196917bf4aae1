"""Email address rule: what an address may look like so that Amazon SES can send to it.

SES has no SMTPUTF8: the part before the @ must be ASCII, and an internationalised domain is sent as punycode, which is
also how it is stored. Whether the mailbox exists is not checked.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

MAX_LENGTH = 254
"""Characters, RFC 5321."""

DOCUMENTED: dict[str, Any] = {"format": "email"}


def normalized(text: str) -> str:
    """Return the address in ASCII, its domain in lower case. Raises PydanticCustomError (a ValueError) with the reason.

    The library is imported here because few functions ever read an address (25 ms).
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(
            text.strip(" "), check_deliverability=False, allow_smtputf8=False, allow_display_name=False, strict=True
        )
    except EmailNotValidError as error:
        raise PydanticCustomError("email_invalid", "{reason}", {"reason": str(error)}) from None
    if found.ascii_email is None or len(found.ascii_email) > MAX_LENGTH:
        raise PydanticCustomError("email_invalid", "The email address is too long.")
    return found.ascii_email


Email = Annotated[str, Field(json_schema_extra=DOCUMENTED | {"maxLength": MAX_LENGTH}), AfterValidator(normalized)]
