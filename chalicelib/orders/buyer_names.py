"""Buyers' names as operators search for them: without case and accents, the last word first.

The standard library folds what people of one script type: accents and `ø ł đ æ œ ı þ ð`. The catalog's transliteration
of other scripts costs 30 ms at a cold start, which each function that saves an order would pay.
"""

import unicodedata
from dataclasses import dataclass

BASE_FORMS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"})
"""Characters that Unicode does not take apart into a base and an accent."""
APOSTROPHES = str.maketrans(dict.fromkeys("'’ʼ`"))
MAX_LENGTH = 200
"""Characters of a key. DynamoDB takes 1,024 bytes as a sort key."""
WORDS_OF_A_QUERY = 6


@dataclass(frozen=True)
class NameQuery:
    """Names whose last word begins with `last`, with a word that begins so for each of `others`."""

    last: str
    others: tuple[str, ...]

    @property
    def whole(self) -> str:
        """Return the beginning of the key if this is a whole name."""
        return " ".join((self.last, *self.others))

    def finds(self, key: str) -> bool:
        words = key.split()
        return key.startswith(self.last) and all(any(word.startswith(each) for word in words) for each in self.others)


def name_key(name: str) -> str | None:
    """Return the folded name, its last word first. None of a name without words."""
    words = _words(name)
    return " ".join([words[-1], *words[:-1]])[:MAX_LENGTH] if words else None


def name_group(key: str) -> str:
    """Return what divides the index: the first character."""
    return key[0]


def name_queries(text: str) -> list[NameQuery]:
    """Return how a text may be meant: first name first, or last name first. None of a text without words."""
    words = _words(text)[:WORDS_OF_A_QUERY]
    if len(words) < 2:
        return [NameQuery(word, ()) for word in words]
    return [NameQuery(words[-1], tuple(words[:-1])), NameQuery(words[0], tuple(words[1:]))]


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).casefold().translate(BASE_FORMS).translate(APOSTROPHES)
    plain_text = (each for each in plain if not unicodedata.combining(each))
    return "".join(each if each.isalnum() else " " for each in plain_text).split()
