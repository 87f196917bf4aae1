"""Terminal output: prints text as it is, without markup, emoji codes or control characters.

Names of products, dead letters and error messages come from outside; none of them may style or break the output.
"""

from typing import Any

from rich.console import Console
from rich.text import Text


class PlainConsole(Console):
    """A console that reads no markup. Use `styled` for colours."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)


def styled(text: str, style: str) -> Text:
    """Return `text` in one style."""
    return Text(printable(text), style)


def printable(text: str) -> str:
    """Return `text` with each control character replaced, so that it cannot send escape sequences."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)


def one_line(text: str) -> str:
    """Return `text` as a single printable line."""
    return printable(" ".join(text.split()))
