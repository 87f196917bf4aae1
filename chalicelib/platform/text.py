"""Text rule: what a text typed by people may hold, on one line (`one_line`) or on several (`multi_line`).

Such a text is written into emails, CSV files, invoices and pages. A character that starts a new line, moves the cursor
or reverses the direction of what follows could forge the rest of any of them. Zero-width joiners and direction marks
stay: Persian, the Indic scripts and emoji are spelled with them.

Use these types for input. A model of stored data keeps plain `str`, so that records older than the rule can be read.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

LINE_BREAKS = "\u2028\u2029"
BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates: they reorder the text that follows (Unicode Standard Annex 9)."""
NOT_CHARACTERS = "\ufdd0-\ufdef\ufff9-\ufffb\ufffe\uffff"
"""Noncharacters and interlinear annotation controls, which have no place in plain text."""

REFUSED = rf"\x00-\x1f\x7f-\x9f{LINE_BREAKS}{BIDI_CONTROLS}{NOT_CHARACTERS}"
REFUSED_IN_LINES = REFUSED.replace(r"\x00-\x1f", r"\x00-\x08\x0b\x0c\x0e-\x1f").replace(LINE_BREAKS, "")
SURROGATES = "\ud800-\udfff"

VISIBLE_CATEGORIES = ("L", "N", "P", "S")
BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\U0001d159")
"""Hangul fillers, the empty Braille pattern and the null note head: letters and symbols that draw nothing."""

ZERO_WIDTH = "\u200b\u2060\ufeff"
"""They mean nothing at the start or the end of a text; copying from a page brings them along."""
SPACES = " \t\n\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"

COMPOSED_OF = 4
"""Code points. Normalization form C composes one character of at most so many. A longer text is not normalised at all:
the time that takes grows with the square of a run of accents."""


def is_visible(character: str) -> bool:
    """Return whether the character draws something of its own."""
    return unicodedata.category(character)[0] in VISIBLE_CATEGORIES and character not in BLANK_LETTERS


@dataclass(frozen=True)
class TextRule:
    """A constraint for `Annotated[str, …]`. Lengths are characters after normalisation and trimming."""

    max_length: int
    min_length: int
    is_multi_line: bool = False

    @property
    def refused(self) -> str:
        """The refused characters, as the inside of a character class of a regular expression."""
        return REFUSED_IN_LINES if self.is_multi_line else REFUSED

    def cleaned(self, text: str) -> str:
        """Return the text in normalization form C without surrounding white space.

        Raises PydanticCustomError (a ValueError) for a refused character, for a text without a visible character
        and for a wrong length. An empty text is fine where `min_length` is 0.
        """
        if found := re.search(f"[{self.refused}{SURROGATES}]", text):
            raise PydanticCustomError(
                "character_refused",
                "Must not contain the invisible character {code}.",
                {"code": f"U+{ord(found[0]):04X}"},
            )
        if len(text) > COMPOSED_OF * self.max_length:
            raise self._too_long()
        lines = re.sub("\r\n?|[\u2028\u2029]", "\n", text)
        cleaned = unicodedata.normalize("NFC", lines).strip(SPACES + ZERO_WIDTH)
        if len(cleaned) > self.max_length:
            raise self._too_long()
        if len(cleaned) < self.min_length or (text.strip() and not any(map(is_visible, cleaned))):
            raise PydanticCustomError("text_not_visible", "Must contain at least one visible character.")
        return cleaned

    def _too_long(self) -> PydanticCustomError:
        return PydanticCustomError(
            "string_too_long", "Must have at most {max_length} characters.", {"max_length": self.max_length}
        )

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.cleaned, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        lengths = {"minLength": self.min_length} if self.min_length else {}
        escaped = re.sub(r"[^\x20-\x7e]", lambda found: f"\\u{ord(found[0]):04x}", self.refused)
        return handler(schema) | lengths | {"maxLength": self.max_length, "pattern": f"^[^{escaped}]*$"}


def one_line(max_length: int, min_length: int = 1) -> TextRule:
    """Return the rule for a text on one line. Where it is optional, write `Annotated[str, one_line(9)] | None`."""
    return TextRule(max_length, min_length)


def multi_line(max_length: int, min_length: int = 0) -> TextRule:
    """Return the rule for a text on several lines, such as a description. It may contain tabs, and line
    breaks, which become line feeds."""
    return TextRule(max_length, min_length, is_multi_line=True)
