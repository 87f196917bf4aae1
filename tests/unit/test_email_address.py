"""Email address rule, and what it means for accounts and admins."""

import pytest
from pydantic import BaseModel, ValidationError

from chalicelib.accounts.model import AccountEmail
from chalicelib.platform.email_address import Email
from infra.commands import people


class Form(BaseModel):
    email: Email


class Account(BaseModel):
    email: AccountEmail


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" ada@example.com ", "ada@example.com"),
        ("Ada.L+shop@Example.COM", "Ada.L+shop@example.com"),
        ("o'neil@example.co.uk", "o'neil@example.co.uk"),
        ("ada@müller.de", "ada@xn--mller-kva.de"),
        ("ada@例え.jp", "ada@xn--r8jz45g.jp"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_address_is_kept_as_it_is_sent_to(typed, kept):
    assert Form(email=typed).email == kept


@pytest.mark.parametrize(
    "typed",
    [
        "", "ada", "@example.com", "ada@", "ada@example", "a..b@example.com", ".a@example.com", "a.@example.com",
        "a,b@example.com", "a;b@example.com", "<ada@example.com>", "Ada <ada@example.com>", "mailto:ada@example.com",
        "ada@example.com,eve@example.com", "ada@example.com\r\nBcc: eve@example.com", "ada@example.com\n",
        "ad\0a@example.com", "ad\x1ba@example.com", "ad\u200ba@example.com", "ada@exam\u200bple.com",
        "a da@example.com", "adä@example.com", "ada@-example.com", "ada@exa_mple.com", "ada@example..com",
        "ada@example.com.",
        "ada@[127.0.0.1]", "ada@127.0.0.1", '"a da"@example.com', "ada@localhost", "ada@xn--a.de", "\ud800@example.com",
        "a" * 65 + "@example.com", "a@" + ".".join(["b" * 63] * 4) + ".com", "a" * 40_000 + "@example.com",
    ],
)  # fmt: skip
def test_address_that_cannot_be_sent_to_is_refused(typed):
    with pytest.raises(ValidationError):
        Form(email=typed)


def test_refused_address_says_why():
    with pytest.raises(ValidationError, match="Internationalized characters before the @-sign"):
        Form(email="jürgen@example.com")


LONGEST = "a" * 60 + "@" + "b" * 63 + ".de"


def test_account_address_fits_a_cognito_user_name():
    assert len(LONGEST) == 127 and Account(email=f"{LONGEST}".upper()).email == LONGEST
    longer = "a" * 62 + LONGEST[60:]
    assert len(longer) == 129 and Form(email=longer)
    with pytest.raises(ValidationError, match="at most 128 characters"):
        Account(email=longer)


@pytest.mark.parametrize("email", ["nobody", "a" * 62 + LONGEST[60:], "ad\u200ba@example.com"])
def test_admin_is_not_invited_to_an_address_that_cannot_be_a_user_name(email):
    class Session:
        def client(self, name):
            return None

    with pytest.raises(people.NotAllowed):
        people.make_admin(Session(), {"UserPoolId": "pool"}, email)
