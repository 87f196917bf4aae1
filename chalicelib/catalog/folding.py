"""Text folding: one form for stored texts and for queries, so that a search finds what people type.

Case, accents, apostrophes, hyphens, plurals and letters that a keyboard lacks (ø ł æ ß ı) do not matter. anyascii does
the transliteration and snowballstemmer reduces English words to their stems; both are imported with the first text
that needs them.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

WORDS_OF_A_QUERY = 8
LONGEST_WORD = 40
"""Characters of a word that count in a search."""
STOP_WORDS = {"a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of", "on", "or"}
STOP_WORDS |= {"but", "can", "has", "have", "its", "not", "so", "than", "that", "the", "their", "they", "this", "to"}
STOP_WORDS |= {"was", "when", "which", "who", "will", "with", "you", "your"}
"""Words of almost every text: neither indexed nor searched for."""
IRREGULAR = {"feet": "foot", "geese": "goose", "men": "man", "mice": "mouse", "teeth": "tooth", "women": "woman"}
F_OR_V = re.compile("(?:(i)[fv]e|(l|r|ea|oa|oo)[fv])$")
"""End of a stem whose plural changes the consonant: knife and knives, shelf and shelves."""
TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
"""How German, Danish and Norwegian write these letters on a keyboard without them."""
APOSTROPHES = re.compile("['`]")
ACUTE_ACCENT = "\u00b4"
"""Typed for an apostrophe; its compatibility form begins with a space."""
TEE_SHIRT = re.compile(r"\bt(?:ee ?)?shirt")
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
    return _significant(folded(query).split())[:WORDS_OF_A_QUERY]


def index_words(text: str) -> list[str]:
    """Return the distinct words by which a stored text is found, in all their forms."""
    return _significant(indexed(text).split())


def stems(words: Iterable[str]) -> list[str]:
    """Return the distinct stems of words, in their order: `mugs` and `mug` have one."""
    return list(dict.fromkeys(map(stem, words)))


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """Return what a folded word has in common with its other forms. It is not always a word."""
    stemmed: str = _stemmer().stemWord(IRREGULAR.get(word, word))
    if stemmed.endswith("s") and not stemmed.endswith("ss"):
        stemmed = stemmed[:-1]  # Lenses are reduced to `lens`, a lens to `len`.
    return F_OR_V.sub(r"\1\2v", stemmed)


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    from snowballstemmer import stemmer

    return stemmer("english")


def _significant(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in words if word not in STOP_WORDS))


@lru_cache(maxsize=256)
def _plain(text: str) -> str:
    if not text.isascii():
        from anyascii import anyascii

        text = anyascii(unicodedata.normalize("NFKC", text.replace(ACUTE_ACCENT, "'")))
    return APOSTROPHES.sub("", text.casefold())
