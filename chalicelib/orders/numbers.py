"""Order numbers: eight characters for the phone, derived from an order's id.

Seven are data in Crockford's Base32, which has no I, L, O or U; the last is a check character (Luhn mod N), so that a
number with one wrong character is no number. 35 bits of the id's hash: among a million orders, one in 34,000 shares its
number with another. So a search by number returns a list.
"""

import hashlib

from chalicelib.platform.ids import OrderId, OrderNumber

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BASE = len(ALPHABET)
LENGTH = 8
CONFUSED = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
"""Characters that no number has mean the digits that they look like."""


def number_of(order_id: OrderId) -> OrderNumber:
    """Return the number as it is shown, as for example `7K3M-9XQ2`."""
    bits = int.from_bytes(hashlib.sha256(order_id.encode()).digest()[:5])
    data = "".join(ALPHABET[bits >> 5 * place & 31] for place in range(LENGTH - 1))
    return _shown(data + _check(data))


def number_in(text: str) -> OrderNumber | None:
    """Return the number that was typed, in any case, with or without hyphen and spaces. None if it is not a number."""
    characters = text.upper().translate(CONFUSED)
    is_number = len(characters) == LENGTH and all(each in ALPHABET for each in characters)
    return _shown(characters) if is_number and _check(characters[:-1]) == characters[-1] else None


def _shown(characters: str) -> OrderNumber:
    return OrderNumber(f"{characters[:4]}-{characters[4:]}")


def _check(data: str) -> str:
    """Return the check character: every second value is doubled, beginning with the last."""
    total = 0
    for place, character in enumerate(reversed(data)):
        value = ALPHABET.index(character) * (1 if place % 2 else 2)
        total += value // BASE + value % BASE
    return ALPHABET[-total % BASE]
