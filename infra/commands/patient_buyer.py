"""Patient buyer: repeats calls that had no answer or met no capacity, as the storefront's pages and people do."""

import http.client
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

from infra.commands.client import Buyer, Reply, Unreachable

PATIENCE_SECONDS = 120
THROTTLED = (429, 502, 503, 504)
"""Statuses of API Gateway and of the shop's own limits."""


@dataclass
class PatientBuyer(Buyer):
    """Every call can be repeated: an order carries its key, and all others are idempotent.

    `repeated` counts the repetitions. After PATIENCE_SECONDS a reply is final.
    """

    repeated: int = 0
    random: Random = field(default_factory=Random)
    longest_pause_seconds: float = 1

    def call(self, *request: Any, **more: Any) -> Reply:
        """Send a request until it has a final reply. Raises Unreachable after PATIENCE_SECONDS without a reply."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                reply = super().call(*request, **more)
                if not self.is_passing(reply) or time.monotonic() > deadline:
                    return reply
            except (OSError, http.client.HTTPException) as failure:
                if time.monotonic() > deadline:
                    raise Unreachable(f"{self.api_url} does not answer: {failure}") from failure
            self.repeated += 1
            time.sleep(self.random.uniform(0, self.longest_pause_seconds))

    def is_passing(self, reply: Reply) -> bool:
        """Return whether Lambda throttled the call: then API Gateway answers 500 without a problem document."""
        return reply.status in THROTTLED or (reply.status == 500 and "code" not in reply.body)
