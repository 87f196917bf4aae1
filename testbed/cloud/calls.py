"""Calls of AWS's API as an SDK makes them: with latency, injected faults, and the SDK's own retries.

Retries: AWS SDKs and Tools reference guide, "Retry behavior", mode `standard`. A call whose answer is lost is repeated
too, so an operation may take effect twice within one call of the application.
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from testbed.loop import Killed, Loop, Task
from testbed.plan import Fault, Injector, Site, What

ATTEMPTS = 3
RETRIED = {
    "InternalServerError",
    "InternalFailure",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TooManyRequestsException",
}
LONGEST_BACKOFF = 20.0
READ_TIMEOUT = 5.0
AFTERWARDS = (What.LOST_ANSWER, What.KILL_AFTER)
"""Faults that leave the call its effect."""
FASTEST, SLOWEST = 0.002, 0.03
"""Seconds that a call takes, of which each half passes before and after its effect."""

Note = Callable[[Task, Site, Fault | None], None]


class Calls:
    """Makes the calls of tasks. `note` is called for each attempt, with the fault that it meets."""

    def __init__(self, loop: Loop, injector: Injector, note: Note) -> None:
        self._loop, self._injector, self._note = loop, injector, note

    def make(self, site: Site, act: Callable[[], Any], attempts: int = ATTEMPTS) -> Any:
        """Return what `act` returns; outside of a task, without latency and faults. Raises what AWS's SDK raises."""
        task = self._loop.running()
        if task is None:
            return act()
        for attempt in range(1, attempts + 1):
            try:
                return self.once(task, site, act)
            except (ClientError, ReadTimeoutError) as error:
                if attempt == attempts or not _is_retried(error):
                    raise
            self._loop.pause(task.draw() * min(2 ** (attempt - 1), LONGEST_BACKOFF))
        raise AssertionError("unreachable")

    def once(
        self, task: Task, site: Site, act: Callable[[], Any], refused: Callable[[What], Exception] | None = None
    ) -> Any:
        """Make one attempt. `refused` returns the error for an injected fault; None for AWS's own."""
        latency = FASTEST + (SLOWEST - FASTEST) * task.draw()
        self._loop.pause(latency / 2)
        fault = self._struck(task, site)
        if fault is not None and fault.what not in AFTERWARDS:
            self._fail(task, site, fault, refused)
        answer = act()
        if fault is not None and fault.what == What.KILL_AFTER:
            task.death = "killed"
            raise Killed
        self._loop.pause(latency / 2)
        if fault is not None and fault.what == What.LOST_ANSWER:
            self._loop.pause(READ_TIMEOUT)
            raise refused(fault.what) if refused else ReadTimeoutError(endpoint_url=str(site))
        return answer

    def _struck(self, task: Task, site: Site) -> Fault | None:
        task.calls += 1
        fault = self._injector.strike(site, self._loop.now, f"{task.name}#{task.calls}")
        self._note(task, site, fault)
        if task.calls == task.doom or (fault is not None and fault.what == What.KILL):
            task.death = "killed"
            raise Killed
        return fault

    def _fail(self, task: Task, site: Site, fault: Fault, refused: Callable[[What], Exception] | None) -> None:
        if fault.what == What.DELAY:
            return self._loop.pause(fault.seconds)
        if fault.what == What.TIMEOUT:
            self._loop.pause(READ_TIMEOUT)
        if refused:
            raise refused(fault.what)
        if fault.what == What.TIMEOUT:
            raise ReadTimeoutError(endpoint_url=str(site))
        raise error_of(site, fault.what)


def error_of(site: Site, what: What) -> ClientError:
    """Return AWS's error for a call that fails before its effect."""
    if what == What.ERROR:
        return client_error(site.operation, "InternalServerError", 500)
    if site.operation == "TransactWriteItems":
        # DynamoDB developer guide, "Transaction conflict handling in DynamoDB": the SDK does not retry it.
        return client_error(
            site.operation,
            "TransactionCanceledException",
            CancellationReasons=[{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}],
        )
    throttled = "ProvisionedThroughputExceededException" if site.boundary == "dynamodb" else "ThrottlingException"
    return client_error(site.operation, throttled)


def client_error(operation: str, code: str, status: int = 400, message: str = "", **details: Any) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **details,
    }
    return ClientError(response, operation)


def _is_retried(error: ClientError | ReadTimeoutError) -> bool:
    if isinstance(error, ReadTimeoutError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return error.response["Error"]["Code"] in RETRIED or status >= 500


def pascal(name: str) -> str:
    """Return the API's name of an operation from its name in Python."""
    return "".join(part.capitalize() for part in name.split("_"))
