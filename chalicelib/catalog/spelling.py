"""Spelling correction: the symmetric-delete method of SymSpell, for an index that is read by key.

A form of a word is the word, or the word without one of its first characters. Two words one typo apart share a form, so
a misspelling is looked up under a fixed number of keys, however many words there are.
"""

from collections.abc import Iterable

LENGTHS = range(4, 25)
"""Characters of a word that is corrected, or that another is corrected to."""
SHORTEST_FORM = 3
LEADING = 7
"""Characters of a word that its forms look at; SymSpell's default."""


def is_corrected(word: str) -> bool:
    """Return whether a typo in a word can be found. Numbers and short words are as good as any other."""
    return len(word) in LENGTHS and word.isalpha()


def forms(word: str) -> list[str]:
    """Return the distinct forms of a word, at most eight."""
    start = word[:LEADING]
    every = dict.fromkeys([start, *(start[:at] + start[at + 1 :] for at in range(len(start)))])
    return [form for form in every if len(form) >= SHORTEST_FORM]


def corrections(word: str, candidates: Iterable[str]) -> list[str]:
    """Return the candidates that are one typo apart from a word, the likeliest first."""
    meant = {each for each in candidates if one_typo_apart(word, each)}
    return sorted(meant, key=lambda each: (each[0] != word[0], abs(len(each) - len(word)), each))


def one_typo_apart(one: str, other: str) -> bool:
    """Return whether one character added, missing, replaced or swapped with its neighbour makes them equal."""
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    one, other = one[start:], other[start:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    return max(len(one), len(other)) <= 1 or (len(one) == 2 and one == other[::-1])
