"""Password form: the same password typed on another keyboard is the same text (RFC 8265, OpaqueString)."""

import unicodedata


def opaque(password: str) -> str:
    """Return the password as it is compared: any space as U+0020, normalization form C.

    RFC 8265, section 4.2.2, asks for form C and against form KC, which would make different passwords equal. Case and
    width stay. An account whose password was set before this rule, in another form, needs a password reset.
    """
    spaced = "".join(" " if unicodedata.category(each) == "Zs" else each for each in password)
    return unicodedata.normalize("NFC", spaced)
