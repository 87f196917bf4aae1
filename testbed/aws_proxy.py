"""AWS fault proxy: stands between an application and an AWS endpoint, and injects the faults of a plan.

The plan decides which call meets which fault, and microburst answers in the format of the service, so that the SDK
believes it. `python -m testbed.aws_proxy --upstream http://127.0.0.1:4566 --port 9999`

| request              | effect                                                                          |
|----------------------|---------------------------------------------------------------------------------|
| POST /_testbed/run   | begins a run: {"plan": …, "seed": 7, "names": {physical name: name in the plan}} |
| GET /_testbed/run    | returns what was injected so far: [{"site": …, "what": …, "times": …}]           |
| DELETE /_testbed/run | ends the faults; what was injected stays                                        |
| GET /_testbed/health | answers 200                                                                     |
"""

import argparse
import json
import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import ClientResponse, ClientSession, web
from microburst.core.context import RequestContext
from microburst.core.pipeline import Microburst
from microburst.detection import host
from microburst.forward import Upstream
from microburst.rules import Decision, RuleEngine
from pydantic import BaseModel, ConfigDict
from yarl import URL

from testbed.plan import POSSIBLE, Fault, FaultPlan, Injector, Site, What
from testbed.record import Injected

BOUNDARIES = {"stepfunctions": "states", "sesv2": "ses", "email": "ses"}
"""By the name that microburst gives to a service: the boundary of the plan, where it has another name."""
THROTTLES = {
    "dynamodb": {"code": "ProvisionedThroughputExceededException", "status": 400},
    "sqs": {"code": "RequestThrottled", "status": 400},
    "sns": {"code": "Throttled", "status": 429},
    "s3": {"code": "SlowDown", "status": 503},
    "ses": {"code": "TooManyRequestsException", "status": 429},
}
FAILURES = {
    "dynamodb": {"code": "InternalServerError", "status": 500},
    "events": {"code": "InternalException", "status": 500},
    "s3": {"code": "InternalError", "status": 500},
    "ssm": {"code": "InternalServerError", "status": 500},
}
"""By boundary, where a service has a code of its own (section Errors of each service's API reference)."""
WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
KEPT = 1_000_000
"""So many faults are counted one by one."""


host._endpoint_prefix_map = dict
"""A caller's `Host` is this proxy. To recognize an AWS service's, microburst would load all models, for seconds."""


class RunRequest(BaseModel):
    """The plan and seed of a run. `names` are those of the plan by the physical names of resources."""

    model_config = ConfigDict(extra="forbid")

    plan: FaultPlan
    seed: int
    names: dict[str, str] = {}


@dataclass
class Run:
    request: RunRequest
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.injector = Injector(self.request.plan, self.request.seed)
        self.random = Random(self.request.seed)


class PlannedFaults(RuleEngine):
    """Rules of microburst, of which each is made for the one call that the plan's fault strikes."""

    def __init__(self) -> None:
        super().__init__()
        self.run: Run | None = None
        self.struck: dict[int, tuple[str, What]] = {}
        """By the id of the rule, as the log of fired rules names it."""

    def decide(self, info: RequestContext) -> Decision | None:
        """Return the fault that this call meets, if any."""
        if self.run is None or not (site := site_of(info, self.run.request.names)):
            return None
        fault = self.run.injector.strike(site, time.monotonic() - self.run.began)
        if fault is None:
            return None
        if site.boundary == "ses":
            info.service, info.protocol = "sesv2", "rest-json"  # signed as `ses`, whose old API speaks XML
        once = RuleEngine()
        [rule] = once.set_rules([effect(fault, site, _items(info), self.run.random)])
        self.struck[rule.id] = (str(site), fault.what)
        return once.decide(info)


class Endpoint(Upstream):
    """The AWS endpoint. It gets the caller's `Host` and path as they are, because the caller has signed them."""

    session: Any

    async def start(self) -> None:
        await super().start()
        self.session = Verbatim(self.session)

    def _outbound_headers(self, request: web.Request) -> dict[str, str]:
        return {**super()._outbound_headers(request), "host": request.headers["Host"]}


class Verbatim:
    """A client session that encodes no address again: a name in a path may contain `%3A`."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def request(self, method: str, url: str, **options: Any) -> ClientResponse:
        return await self._session.request(method, URL(url, encoded=True), **options)

    async def close(self) -> None:
        await self._session.close()


def site_of(info: RequestContext, names: dict[str, str]) -> Site | None:
    """Return where a call would be struck, or None if it belongs to no boundary of a plan."""
    boundary = BOUNDARIES.get(info.service or "", info.service or "")
    if What.LOST_ANSWER not in POSSIBLE.get(boundary, set()):
        return None
    operation = info.operation or ("SendEmail" if boundary == "ses" else "")
    physical = resource_of(info, boundary)
    return Site(boundary=boundary, operation=operation, resource=names.get(physical, physical))


def resource_of(info: RequestContext, boundary: str) -> str:
    """Return the physical name of the table, queue, … that a call concerns, the first one of a transaction; or ''."""
    body = _body(info)
    if items := body.get("TransactItems"):
        [change] = items[0].values()
        return str(change["TableName"])
    if requests := body.get("RequestItems"):
        return str(next(iter(requests)))
    if entries := body.get("Entries") if boundary == "events" else None:
        return str(entries[0].get("EventBusName", ""))
    for key in ("QueueUrl", "stateMachineArn", "executionArn"):
        if key in body:
            return str(body[key]).rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return info.resource or ""


def _items(info: RequestContext) -> int:
    """Return the number of items in a transaction."""
    return len(_body(info).get("TransactItems", ()))


def _body(info: RequestContext) -> dict[str, Any]:
    try:
        body = json.loads(info.body or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def effect(fault: Fault, site: Site, items: int, random: Random) -> dict[str, Any]:
    """Return the rule of microburst that has this fault's effect; `items` is the number in the call's transaction."""
    match fault.what:
        case What.THROTTLE:
            return {"error": THROTTLES.get(site.boundary, {"code": "ThrottlingException", "status": 400})}
        case What.LOST_ANSWER:
            return {"response": {"abort_bytes": 0}}
        case What.TIMEOUT:
            return {"timeout_ms": 1000 * fault.seconds}
        case What.DELAY:
            return {"latency": 1000 * fault.seconds}
        case What.ERROR:
            return {"error": _failure(site, items, random)}
    raise ValueError(f"no call of AWS meets {fault.what}")


def _failure(site: Site, items: int, random: Random) -> dict[str, Any]:
    """Return an error of the service itself or, for every other write of DynamoDB, a conflict with a transaction."""
    if items and random.random() < 0.5:
        conflict = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
        reasons = [conflict, *({"Code": "None"} for _ in range(items - 1))]
        message = "Transaction cancelled, please refer cancellation reasons for specific reasons"
        code = "TransactionCanceledException"
        return {"code": code, "status": 400, "message": message, "fields": {"CancellationReasons": reasons}}
    if site.boundary == "dynamodb" and site.operation in WRITES and random.random() < 0.5:
        return {"code": "TransactionConflictException", "status": 400}
    return FAILURES.get(site.boundary, {"code": "InternalFailure", "status": 500})


def application(upstream: str) -> web.Application:
    """Return the proxy before this AWS endpoint."""
    faults, proxy = PlannedFaults(), Microburst(upstream, fired_capacity=KEPT)
    proxy.engine, proxy.upstream = faults, Endpoint(upstream, stats=proxy.stats)

    async def begin(request: web.Request) -> web.Response:
        faults.run = Run(RunRequest.model_validate_json(await request.read()))
        return web.json_response({})

    async def injected(request: web.Request) -> web.Response:
        times = Counter(faults.struck[event.rule_id] for event in proxy.fired)
        found = [Injected(site=site, what=what, times=count) for (site, what), count in sorted(times.items())]
        return web.json_response([each.model_dump() for each in found])

    async def end(request: web.Request) -> web.Response:
        faults.run = None
        return web.json_response({})

    async def health(request: web.Request) -> web.Response:
        return web.json_response({})

    app = web.Application()
    app.on_startup.append(proxy.start)
    app.on_cleanup.append(proxy.stop)
    app.router.add_post("/_testbed/run", begin)
    app.router.add_get("/_testbed/run", injected)
    app.router.add_delete("/_testbed/run", end)
    app.router.add_get("/_testbed/health", health)
    app.router.add_route("*", "/_microburst/{tail:.*}", proxy.handle_control)
    app.router.add_route("*", "/{tail:.*}", proxy.handle_proxy)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m testbed.aws_proxy", description=__doc__)
    parser.add_argument("--upstream", required=True, help="address of the AWS endpoint or emulator")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--end-with", type=int, metavar="PID", help="stop when this parent process is gone")
    options = parser.parse_args()
    if options.end_with:
        threading.Thread(target=_end_with, args=[options.end_with], daemon=True).start()
    web.run_app(application(options.upstream), host="127.0.0.1", port=options.port, print=None, access_log=None)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
