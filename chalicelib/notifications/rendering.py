"""Rendering of emails: Jinja templates with the storefront's design, and amounts and days as the buyer writes them.

Only the functions that send emails load Jinja and Babel; both are imported on first use.
"""

from copy import copy
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.platform.money import Money, decimals
from chalicelib.platform.shop import shop

if TYPE_CHECKING:
    from babel import Locale
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"

LIGHT = {
    "ground": "#f8f3e8", "raised": "#fffcf5", "sunken": "#efe8d8", "ink": "#14262e", "quiet": "#4d5f66",
    "line": "#ded5c0", "berry": "#a8233a", "berry_text": "#a1213a", "on_berry": "#fff8ee",
}  # fmt: skip
DARK = {
    "ground": "#0f1c22", "raised": "#16272f", "sunken": "#0a151a", "ink": "#f1eadb", "quiet": "#a9b9ba",
    "line": "#2a3e46", "berry": "#c8374c", "berry_text": "#ff9ca6", "on_berry": "#fff8ee",
}  # fmt: skip
"""The colours of `frontend/src/styles/tokens.css`: mail programs know no variables."""
FONTS = {
    "serif": "Fraunces,'Iowan Old Style','Palatino Linotype',Palatino,Georgia,serif",
    "sans": "'Avenir Next',Avenir,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif",
    "mono": "'SF Mono',Consolas,'Liberation Mono',monospace",
}
PLAIN_SPACES = {ord("\N{NO-BREAK SPACE}"): " ", ord("\N{NARROW NO-BREAK SPACE}"): " "}
"""Amounts hold such spaces, which not every program that shows plain text can draw."""
ANYWHERE = "001"
"""CLDR's region for the world."""


def render(name: str, **content: Any) -> tuple[str, str]:
    """Return the email's text and its HTML, from the two templates of this name.

    Everything in the HTML is escaped. A name that the content lacks raises UndefinedError.
    """
    text, html = (_environment().get_template(f"{name}.{kind}") for kind in ("txt", "html"))
    known = content | {"shop": shop()}
    return text.render(known).strip().translate(PLAIN_SPACES) + "\n", html.render(known)


class Formats:
    """How people in a country write amounts and days, in English."""

    def __init__(self, country: str) -> None:
        self._locale = _locale(country)

    def money(self, money: Money) -> str:
        return self.amount(money.amount, money.currency)

    def amount(self, amount: int, currency: str) -> str:
        """Return minor units, which may be below zero, as for example `€12.50` or `12,50 €`.

        The decimal places are ours: CLDR writes some currencies without those that ISO 4217 gives them.
        """
        digits = decimals(currency)
        pattern = copy(self._locale.currency_formats["standard"])
        pattern.frac_prec = (digits, digits)
        written: str = pattern.apply(Decimal(amount).scaleb(-digits), self._locale, currency, currency_digits=False)
        return written

    def day(self, moment: str) -> str:
        """Return the day of an ISO 8601 moment in the shop's time zone."""
        from babel.dates import format_date

        return format_date(shop().day_of(datetime.fromisoformat(moment)), "long", self._locale)


@cache
def _locale(country: str) -> "Locale":
    from babel import Locale, UnknownLocaleError

    try:
        return Locale("en", country)
    except UnknownLocaleError:
        return Locale("en", ANYWHERE)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",), default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(light=LIGHT, dark=DARK, **FONTS)
    return environment
