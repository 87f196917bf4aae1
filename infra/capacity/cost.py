"""Cost of a simulated trace: what its usage costs for a month at the prices of `infra/cost`.

Fixed costs (firewall, alarms, keys), logs, traces and transfer are left out: `make cost` has them.
"""

from collections import defaultdict

from infra.capacity.design import Design
from infra.capacity.simulate import Result
from infra.cost.prices import HOURS_PER_MONTH, prices

CALLS_PER_BATCH = 2
"""A batch is received and deleted by one request each."""


def units(result: Result, design: Design) -> dict[str, float]:
    """Return the billed units of the whole trace, by their names in the price table."""
    found: defaultdict[str, float] = defaultdict(float, result.units)
    for name, pool in result.pools.items():
        function = design.functions[name]
        suffix = "arm" if function.architecture == "arm64" else "x86"
        gigabytes = function.memory_mb / 1024
        found["lambda_request"] += pool.invocations
        found[f"lambda_gb_second_{suffix}"] += pool.busy_seconds * gigabytes
        found[f"provisioned_gb_second_{suffix}"] += pool.provisioned * result.seconds * gigabytes
        if function.has_snapshots:
            found["snapstart_cached_gb_second"] += result.seconds * gigabytes
            found["snapstart_restored_gb"] += pool.cold * gigabytes
    for name, queue in result.queues.items():
        unit = "sqs_fifo_request" if design.queues[name].is_fifo else "sqs_request"
        found[unit] += queue.sent + CALLS_PER_BATCH * queue.batches
    used = {bucket.name: bucket.used for bucket in result.buckets}
    found["state_transition"] += used.get("state_transitions", 0)
    found["email"] += used.get("ses_sends", 0)
    return found


def monthly(result: Result, design: Design) -> float:
    """Return US dollars for a month of this trace, repeated."""
    return prices().cost(units(result, design)) * HOURS_PER_MONTH * 3600 / result.load.seconds


def per_million_orders(result: Result, design: Design) -> float:
    """Return US dollars for a million orders, with the requests that come with them; 0 without orders."""
    return 1e6 * prices().cost(units(result, design)) / result.placed if result.placed else 0.0
