"""Strict rules: what AWS refuses or does differently, on top of the AWS emulator (MiniStack).

The launcher installs them in the order of `RULES`. `STRICT_WITHOUT=name,name` leaves rules out, which shows that the
tests of `tests/strict` and `tests/e2e` fail without them.
"""

import os

from infra.local.strict import app_client_secret, callbacks, concurrency, websocket_subprotocol
from infra.local.strict.rule import Rule

WITHOUT = "STRICT_WITHOUT"

RULES: tuple[Rule, ...] = (app_client_secret.RULE, concurrency.RULE, callbacks.RULE, websocket_subprotocol.RULE)


def install() -> None:
    """Install every rule that `STRICT_WITHOUT` does not name."""
    without = os.environ.get(WITHOUT, "").split(",")
    for rule in RULES:
        if rule.name not in without:
            rule.install()
