"""Scenarios: what one buyer can do with an order, each as a case with that buyer alone."""

from collections.abc import Callable

from testbed.loop import Loop
from testbed.shop.buyers import Script, script_of
from testbed.shop.fake_payment_provider import APPROVED, DECLINED, WANTS_HOLDER
from testbed.simulation import Case

SEED = 1
SEARCHED = 20_000
Wanted = Callable[[Script], bool]


def _plain(script: Script) -> bool:
    """Whether the buyer pays and lets the order take its course."""
    return script.payment_method == APPROVED and not _is_special(script)


def _is_special(script: Script) -> bool:
    others = (script.wish, script.cancels_after, script.returns, script.misfortune)
    return any(each is not None for each in others) or script.checks_out_twice


def _only(script: Script, **wanted: object) -> bool:
    """Whether the buyer does this and nothing else of what is special."""
    usual = {
        "wish": None, "cancels_after": None, "returns": None, "misfortune": None,
        "checks_out_twice": False, "payment_method": APPROVED,
    }  # fmt: skip
    return all(getattr(script, name) == value for name, value in (usual | wanted).items())


def _confirms(script: Script, how: str) -> bool:
    return _only(script, payment_method=WANTS_HOLDER) and script.confirms == how


def _cancels(script: Script, since: float, until: float) -> bool:
    after = script.cancels_after
    return after is not None and since <= after < until and _only(script, cancels_after=after)


SCENARIOS: dict[str, Wanted] = {
    "bought": lambda script: _plain(script) and len(script.lines) == 2 and not script.is_customer,
    "bought by a customer": lambda script: _plain(script) and script.is_customer,
    "checked out in two windows": lambda script: _only(script, checks_out_twice=True),
    "declined": lambda script: _only(script, payment_method=DECLINED),
    "confirmed": lambda script: _confirms(script, "soon"),
    "confirmed late": lambda script: _confirms(script, "late"),
    "confirmation fails": lambda script: _confirms(script, "fails"),
    "never confirmed": lambda script: _confirms(script, "never"),
    "refused by the warehouse": lambda script: _only(script, wish="sandbox:refuse"),
    "no answer of the warehouse": lambda script: _only(script, wish="sandbox:silent"),
    "cancelled at once": lambda script: _cancels(script, 0, 0.5),
    "cancelled while it ships": lambda script: _cancels(script, 1.2, 1.8),
    "cancelled when it is sent": lambda script: _cancels(script, 2.2, 2.8),
    "returned": lambda script: _only(script, returns="all"),
    "returned in part": lambda script: _only(script, returns="parts") and len(script.lines) > 1,
    "refunded outside": lambda script: _only(script, misfortune="refunded outside"),
    "dispute lost": lambda script: _only(script, misfortune="dispute lost"),
    "returned during a dispute that is won": lambda script: _only(script, misfortune="dispute won", returns="all"),
    "returned during a dispute that is lost": lambda script: _only(script, misfortune="dispute lost", returns="all"),
}
"""By name: whether a buyer does it."""


def case_of(scenario: str) -> Case:
    """Return the case of the first buyer who does it."""
    loop, wanted = Loop(SEED), SCENARIOS[scenario]
    number = next(number for number in range(SEARCHED) if wanted(script_of(loop, number)))
    return Case(SEED, (number,))
