"""Limits on emails that strangers can cause: to one address, and from one client, within an hour.

A buyer who has not paid may have entered another person's address. An email beyond a limit is skipped and counted; it
never fails the request that caused it.
"""

from datetime import timedelta

from chalicelib.platform import metrics
from chalicelib.platform.rate_limit import RateLimit

WINDOW = timedelta(hours=1)
CODES_PER_RECIPIENT, CODES_PER_CLIENT = 2, 3
"""How many times as many codes of accounts as other emails. Mistyping one's password three times is no attack."""


class MailLimits:
    def __init__(self, limits: RateLimit, per_recipient: int, per_client: int) -> None:
        self._limits = limits
        self._per_recipient = per_recipient
        self._per_client = per_client

    def allow(self, to: str, client: str | None) -> bool:
        """Count an email to this address, caused by this client if it is known. Return whether it may be sent."""
        return self._within("mail", to, client, self._per_recipient, self._per_client)

    def allow_code(self, to: str, client: str) -> bool:
        """Count a code to this address. Return whether it may be sent."""
        per_recipient, per_client = self._per_recipient * CODES_PER_RECIPIENT, self._per_client * CODES_PER_CLIENT
        return self._within("code", to, client, per_recipient, per_client)

    def _within(self, kind: str, to: str, client: str | None, per_recipient: int, per_client: int) -> bool:
        """Check the client's limit first, so that a client over its limit uses up no mailbox's limit."""
        is_allowed = (client is None or self._limits.take(f"{kind}-from", client, per_client, WINDOW)) and (
            self._limits.take(f"{kind}-to", mailbox(to), per_recipient, WINDOW)
        )
        if not is_allowed:
            metrics.count("EmailSkipped")
        return is_allowed


def mailbox(email: str) -> str:
    """Return one name for the addresses that reach the same mailbox: letter case and `+tags` make no difference."""
    local, _, domain = email.casefold().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
