"""Text folding: one form for stored texts and for queries, so that a search finds what people type.

Case, accents, apostrophes, hyphens and letters that a keyboard lacks (ø ł æ ß ı) do not matter. anyascii does the
transliteration; it is imported with the first text that needs it.
"""

import re
import unicodedata
from functools import lru_cache

WORDS_OF_A_QUERY = 8
TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
"""How German, Danish and Norwegian write these letters on a keyboard without them."""
APOSTROPHES = re.compile("['`]")
TEE_SHIRT = re.compile(r"\btee ?shirt")
"""The one word of this trade whose spellings differ by more than a hyphen."""
HYPHENATED = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
SINGLE_LETTER = re.compile(r"\b([a-z0-9]) (?=[a-z0-9])")


def folded(text: str) -> str:
    """Return the words of a text in lower-case ASCII letters and digits, with single spaces between them."""
    words = " ".join(re.findall("[a-z0-9]+", _plain(text)))
    return TEE_SHIRT.sub("t shirt", words)


def indexed(text: str) -> str:
    """Return all forms in which the words of a stored text may be typed.

    `T-Shirt` is there as `t shirt` and as `tshirt`, `Bjørn` as `bjorn` and as `bjoern`.
    """
    words = folded(text)
    forms = [words, *(compound.replace("-", "") for compound in HYPHENATED.findall(_plain(text)))]
    forms.append(SINGLE_LETTER.sub(r"\1", words))
    forms.append(folded(unicodedata.normalize("NFC", text).lower().translate(TWO_LETTERS)))
    return " ".join(dict.fromkeys(forms))


def search_words(query: str) -> list[str]:
    """Return the distinct words of a query, at most eight: every one must be found."""
    return list(dict.fromkeys(folded(query).split()))[:WORDS_OF_A_QUERY]


@lru_cache(maxsize=256)
def _plain(text: str) -> str:
    if not text.isascii():
        from anyascii import anyascii

        text = anyascii(unicodedata.normalize("NFKC", text))
    return APOSTROPHES.sub("", text.casefold())
