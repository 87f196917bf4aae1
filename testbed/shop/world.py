"""World: the shop's handlers, workflows and template in the simulated cloud, in one process.

The code that runs is the deployed code. Replaced are only what it reaches outwards: AWS's clients, the payment
provider, the clock, sources of random bytes, and the sleep between retries.
"""

import json
import os
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta, tzinfo
from functools import cache, partial
from types import ModuleType
from typing import Any
from unittest.mock import patch

import yaml

from infra.build.template import ROOT, asl, merged_template
from testbed.cloud.calls import client_error
from testbed.cloud.cloud import Client, Cloud
from testbed.cloud.functions import Function
from testbed.cloud.template import Template
from testbed.dynamodb import Resource
from testbed.loop import START, Loop
from testbed.plan import Injector
from testbed.shop.payments import Provider
from testbed.workflows import Workflow

STAGE = "local"
SECRET = "whsec_simulated"
LINK_KEYS = "0123456789abcdef0123456789abcdef"
NOT_SIMULATED = {
    "split_import", "import_rows", "read_import", "prepare_import", "write_batch", "write_sales_report", "live",
}  # fmt: skip
"""Functions of files and browsers' connections; the others make, pay, ship and account orders."""
API, WAREHOUSE = "APIHandler", "WarehouseSimulator"
MACHINES = {"OrderFulfilment": "order_fulfilment", "OrderUndo": "order_undo", "OrderReturn": "order_return"}
"""The workflows' files by logical id."""
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
SUBJECT = re.compile(r"ord_[0-9a-f]{24}")


@cache
def template() -> Template:
    """Return the template that AWS gets, with the parameters of the local stage."""
    values = yaml.safe_load((ROOT / "infra" / "stages" / f"{STAGE}.yaml").read_text())["parameters"]
    return Template(merged_template(STAGE), values | {"Stage": STAGE})


@cache
def workflows() -> dict[str, Workflow]:
    """Return the workflows by logical id, as they are deployed."""
    found = {}
    for name, properties in template().of_type("AWS::StepFunctions::StateMachine"):
        if name in MACHINES:
            text = asl(ROOT / "statemachine" / f"{MACHINES[name]}.asl.yaml")
            filled = PLACEHOLDER.sub(partial(_value, properties["DefinitionSubstitutions"]), text)
            found[name] = Workflow(MACHINES[name], json.loads(filled))
    return found


def _value(values: dict[str, Any], placeholder: re.Match[str]) -> str:
    return str(values[placeholder[1]])


@cache
def operated_parts() -> str:
    """Return the value of the parameter that lists the queues that an operator may redrive."""
    return next(
        str(properties["Value"])
        for name, properties in template().of_type("AWS::SSM::Parameter")
        if name == "OperatedParts"
    )


@cache
def _environment() -> dict[str, str]:
    """Return the environment of the shop's functions."""
    variables = dict(template().environment)
    # One function's own lease, and what needs a library that only its image has.
    for name in ("LEASE_SECONDS", "REPORT_AS_PDF", "EDGE_MARK_DIGESTS"):
        variables.pop(name, None)
    return variables | {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
    }


@cache
def _shop() -> ModuleType:
    """Return the shop's module of entry points."""
    import app

    return app


@cache
def handlers() -> dict[str, Function]:
    """Return the shop's functions by logical id, with their timeouts."""
    settings = json.loads((ROOT / ".chalice" / "config.json").read_text())
    shop = _shop()
    found = {API: Function(shop.app, settings["lambda_timeout"]), WAREHOUSE: Function(_warehouse().handle, 10)}
    for name, own in settings["lambda_functions"].items():
        if name not in NOT_SIMULATED:
            logical_id = "".join(part.capitalize() for part in name.split("_"))
            found[logical_id] = Function(getattr(shop, name), own.get("lambda_timeout", settings["lambda_timeout"]))
    return found


@cache
def _warehouse() -> ModuleType:
    """Return the warehouse simulator, which makes its clients when it is loaded."""
    with patch.dict(os.environ, _environment()):
        from infra.simulator import warehouse

    return warehouse


def subject_of(event: Any) -> str | None:
    """Return the order that an event is about; None if it is about several or none."""
    found = set(SUBJECT.findall(event if isinstance(event, str) else json.dumps(event)))
    return found.pop() if len(found) == 1 else None


class Bucket:
    """S3 as the shop uses it: objects by key, written once where asked for."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def put_object(
        self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str | None = None, **_: Any
    ) -> dict[str, Any]:
        if IfNoneMatch == "*" and (Bucket, Key) in self.objects:
            raise client_error("PutObject", "PreconditionFailed", 412)
        self.objects[Bucket, Key] = Body
        return {}


class Mailbox:
    """SES: keeps what was sent, in the form in which the audit reads it."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_email(self, Content: dict[str, Any], **_: Any) -> dict[str, Any]:
        message = Content["Simple"]
        body = message["Body"].get("Text", {}).get("Data", "")
        self.sent.append({"Subject": message["Subject"]["Data"], "BodyText": body})
        return {"MessageId": str(len(self.sent))}


class World:
    """One run's cloud with the shop in it. Use it within `patched`."""

    def __init__(self, seed: int, injector: Injector, note_call: Any, note_state: Any) -> None:
        self.loop = Loop(seed)
        self.injector = injector
        self.cloud = Cloud(template(), self.loop, injector, handlers(), subject_of, workflows(), note_call, note_state)
        self.bucket, self.mailbox = Bucket(), Mailbox()
        self.provider = Provider(self.loop, injector, self.cloud, _deployment())

    @contextmanager
    def patched(self) -> Iterator[None]:
        """Let the shop's code run in this world."""
        from chalicelib.platform import aws, clock, identity, metrics, parameters, retries
        from chalicelib.platform.log import log
        from infra.audit import books

        dynamodb, sqs, states = self.cloud.dynamodb_client(), self.cloud.client("sqs"), self.cloud.client("states")
        events, s3 = self.cloud.client("events"), _faulty(self.cloud, "s3", self.bucket)
        ses = _faulty(self.cloud, "ses", self.mailbox)
        values = {"webhook": SECRET, "keys": LINK_KEYS}

        def parameter(name: str) -> Any:
            value = next((text for part, text in values.items() if part in name), operated_parts())
            return parameters.Parameter(lambda: value, lambda: self.loop.now)

        virtual = _virtual_time(self.loop)
        warehouse = _warehouse()
        replaced = [
            *((aws, name, lambda client=client: client) for name, client in (
                ("dynamodb", dynamodb), ("sqs", sqs), ("stepfunctions", states), ("events", events),
                ("s3", s3), ("s3_for_addresses", s3), ("ses", ses), ("aws_lambda", lambda: _Lambda(self.cloud)),
            )),
            (aws, "parameter", parameter),
            (clock, "datetime", virtual),
            (books, "datetime", virtual),
            (retries, "sleep", self.loop.pause),
            (retries, "uniform", self._uniform),
            (uuid, "uuid4", lambda: uuid.UUID(bytes=self._bytes(16), version=4)),
            (metrics, "count", lambda name, value=1: None),
            (identity, "verified_claims", lambda token: json.loads(bytes.fromhex(token))),
            (warehouse, "_sqs", sqs),
            (warehouse, "_ledger", Resource(dynamodb).Table("WarehouseLedger")),
            (warehouse, "_now", lambda: self.loop.time.strftime("%Y-%m-%dT%H:%M:%SZ")),
            (sys.modules["secrets"], "token_hex", lambda size=32: self._bytes(size).hex()),
        ]  # fmt: skip
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, _environment()))
            for target, name, value in replaced:
                stack.enter_context(patch.object(target, name, value))
            stack.enter_context(patch("chalicelib.payments.stripe_provider.StripeProvider", lambda *_: self.provider))
            stack.callback(log.setLevel, log.log_level)
            log.setLevel("CRITICAL")
            stack.callback(_forget)
            _forget()
            yield

    def _uniform(self, low: float, high: float) -> float:
        task = self.loop.running()
        return low + (high - low) * (task.draw() if task else 0.5)

    def _bytes(self, size: int) -> bytes:
        task = self.loop.running()
        return task.random_bytes(size) if task else self.loop.unique("bytes").encode().ljust(size, b"\0")[:size]


def _virtual_time(loop: Loop) -> type[datetime]:
    class Virtual(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            task = loop.running()
            return START + timedelta(seconds=loop.now + (task.skew if task else 0))

    return Virtual


def _faulty(cloud: Cloud, service: str, api: Any) -> Any:
    return Client(cloud.calls, service, api, 1 if service == "ses" else 3)


class _Lambda:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def invoke(self, FunctionName: str, Payload: bytes, **_: Any) -> dict[str, Any]:
        name = FunctionName.rsplit(":", 1)[-1]
        self._cloud.functions.invoke(name, json.loads(Payload), None, lambda result: None)
        return {"StatusCode": 202}


def _deployment() -> str:
    return template().environment["DEPLOYMENT"]


def _forget() -> None:
    """Let the shop read its settings and compose its services again."""
    from chalicelib.platform.settings import settings

    settings.cache_clear()
    for name, module in list(sys.modules.items()):
        if name.startswith("chalicelib.wiring") and isinstance(module, ModuleType):
            for value in vars(module).values():
                with suppress(AttributeError):
                    value.cache_clear()
