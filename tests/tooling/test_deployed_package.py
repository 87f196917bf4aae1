"""Deployed package: the zips for AWS hold what every handler needs, in the tested versions, and nothing else."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from boto3.dynamodb.types import TypeSerializer

from app import app
from chalicelib.platform import openapi
from chalicelib.platform.shop import shop
from chalicelib.reporting.settings import ReportingSettings
from infra.build import libraries, reporting
from infra.build.layers import BASE, LAYERS, REPORTING, archive_of
from infra.build.package import package
from infra.build.zips import files_in_zip
from infra.commands.bench_init import MACHINE, PLACED, QUEUED, REQUEST, STREAMED, SUBJECTS, environment
from infra.commands.package_sizes import parts_of_functions

pytestmark = pytest.mark.takes_long

SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3", "snapshot_restore_py")
"""What the Lambda runtime brings along."""
EXTENSION = re.compile(r"(.+)\.(?:cpython-\d+-[\w-]+|abi3)\.so$")
FOR_LAMBDA = re.compile(r"\.(?:cpython-313-aarch64-linux-gnu|abi3)\.so$")
AARCH64 = 0xB7
"""`e_machine` of an ELF file, at its byte 18."""
OPTIONAL = {
    "aiohttp": "Stripe's client uses it for asynchronous calls, which the shop does not make.",
    "cryptography": "Links are signed without it; only the API and the WebSocket verify tokens of the user pool.",
    "certifi": "The simulator brings no libraries; botocore has certificates of its own.",
    **dict.fromkeys(("sqlalchemy", "alembic"), "Only the functions of the reporting stack have its layer."),
    "greenlet": "SQLAlchemy uses it for asynchronous calls, which the shop does not make.",
    "pygments": "Mako, which Alembic imports, colors code with it where it is installed.",
    "matplotlib": "Only the container image of the sales report draws plots.",
    "simplejson": "requests prefers it where it is installed, as for moto; the standard library's module is the same.",
}
"""Modules that developers have and functions do without."""
DRAWING = {"chalicelib/analytics/report_pdf.py", "chalicelib/wiring/jobs.py"}
"""Modules that import what only the container image has, the second where a setting says so."""
REPORTING_CODE = {"app.py", "chalicelib/wiring/reporting.py"}
"""Modules that import `chalicelib/reporting/sql` in functions of the reporting stack."""
LIMIT, LIMIT_OF_CODE = 15_000_000, 1_000_000
"""Bytes of all zips together, and of the shop's own code."""

ORDER_ID = PLACED["data"]["order_id"]
STEP = {
    "order_id": ORDER_ID, "task_token": "token", "reason": "OUT_OF_STOCK", "return_id": "ret_1", "refunded": 1,
}  # fmt: skip
RETURNED = {"return_id": "ret_1", "refund": PLACED["data"]["total"], "quantities": {"MUG-01": 1}}
LINES = [{"sku": sku, "quantity": 1, "unit_price": 1} for sku in ("MUG-01", "TENT-01")]
ROW = {"line": 2, "imported": {"sku": "MUG-01", "stock": 1}}
SMALL = {"key": "uploads/small/imp_1.csv", "etag": "1"}
DIED = {"stateMachineArn": MACHINE, "name": ORDER_ID, "status": "FAILED"}


assert app.routes, "importing the app declares all operations"


def queued(body: dict[str, Any]) -> dict[str, Any]:
    return {"Records": [QUEUED | {"body": json.dumps(body)}]}


def from_bus(kind: str, **data: Any) -> dict[str, Any]:
    return queued({"detail": PLACED | {"type": kind, "data": PLACED["data"] | {"lines": LINES} | data}})


def streamed() -> dict[str, Any]:
    event = PLACED | {"data": PLACED["data"] | {"reason": None}}
    change = STREAMED["dynamodb"] | {"NewImage": {"event": TypeSerializer().serialize(event)}}
    return {"Records": [STREAMED | {"dynamodb": change}]}


EVENTS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("relay_events", "push_updates"), streamed()),
    "live": {"requestContext": {"eventType": "DISCONNECT", "connectionId": "1", "identity": {"sourceIp": "127.0.0.1"}}},
    "start_fulfilment": from_bus("OrderPlaced"),
    "send_confirmation": from_bus("OrderAuthorized"),
    "count_placed": from_bus("OrderPlaced"),
    "stop_fulfilment": from_bus("OrderCancelRequested", reason="CUSTOMER_REQUEST"),
    "start_return": from_bus("OrderReturnRequested", returned=RETURNED),
    "count_return": from_bus("OrderReturned", returned=RETURNED),
    **dict.fromkeys(
        ("send_notifications", "earn_points", "write_invoice", "count_sales", "learn_affinity"),
        from_bus("OrderCompleted"),
    ),
    "recover_workflow": queued({"detail": DIED}),
    "process_warehouse_reply": queued({"order_id": ORDER_ID, "outcome": "accepted"}),
    "process_stripe_event": queued({"payment_intent": "pi_1", "order_id": ORDER_ID}),
    "split_import": queued({"detail": {"object": {"key": "uploads/imp_1.csv", "etag": "1"}}}),
    "import_rows": queued({"import_id": "imp_1", "content": "1", "number": 0, "rows": [ROW], "bad_rows": []}),
    "read_import": SMALL,
    "prepare_import": SMALL,
    "write_batch": SMALL | {"number": 0},
    "handle": queued({"action": "leave", "order_id": ORDER_ID, "version": 1}),
    "project_orders": from_bus("OrderPlaced"),
    "project_adjustments": {"Records": []},
    "answer_report": {"report": "cohorts", "query": {}},
    "rebuild_reporting": {"table": "orders"},
}
"""By the handler's name. Steps of workflows and scheduled functions get STEP, of which each reads what it needs."""


class Brought(NamedTuple):
    """What a function brings along: its zip and its layers."""

    code: str
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Built:
    """The packages of both stages, and what the functions of `demo` did in isolation."""

    zips: dict[str, dict[str, Path]]
    code: dict[str, bytes]
    """The content of the functions' zip and of all layers."""
    handlers: dict[str, Brought]
    reporting: dict[str, Brought]
    results: dict[str, Any]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    out = tmp_path_factory.mktemp("package")
    templates = {stage: json.loads(package(stage, out / stage).read_text()) for stage in ("demo", "prod")}
    of_reporting = _handlers(reporting.package(out / "prod"))
    zips = {stage: {path.name: path for path in (out / stage).glob("*.zip")} for stage in templates}
    resources = templates["demo"]["Resources"]
    functions = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Serverless::Function"]
    handlers = {
        each["Handler"]: Brought(Path(each["CodeUri"]).name, tuple(layer["Ref"] for layer in each.get("Layers", [])))
        for each in functions
        if "CodeUri" in each
    }
    requests = _requests(openapi.document("")["paths"])
    results: dict[str, Any] = {}
    everything = handlers | of_reporting
    sdk = _linked_sdk(out / "sdk")
    own = {
        code: _unpacked(zips["demo"][code], out / "own" / code) for code in {each.code for each in everything.values()}
    }
    for brought in sorted(set(everything.values())):
        asked = [_asked(handler, requests) for handler, each in everything.items() if each == brought]
        results |= _isolated(own[brought.code], brought.layers, sdk, asked)
    code = files_in_zip(zips["prod"]["deployment.zip"])
    for layer in (*LAYERS, REPORTING):
        held = files_in_zip(zips["prod"][archive_of(layer)]).items()
        code |= {name.removeprefix("python/"): content for name, content in held}
    return Built(zips, code, handlers, of_reporting, results)


def _handlers(template: dict[str, Any]) -> dict[str, Brought]:
    """Return what each function of a template brings along, by its handler."""
    resources = template["Resources"].values()
    functions = [each["Properties"] for each in resources if each["Type"] == "AWS::Serverless::Function"]
    return {
        each["Handler"]: Brought(Path(each["CodeUri"]).name, tuple(layer["Ref"] for layer in each.get("Layers", [])))
        for each in functions
    }


def _requests(paths: dict[str, Any]) -> list[dict[str, Any]]:
    """One request for each operation, with an empty body."""
    return [
        REQUEST
        | {
            "path": path,
            "pathParameters": dict.fromkeys(re.findall(r"{(\w+)}", path), "1"),
            "body": "{}",
            "headers": {"content-type": "application/json"},
            "requestContext": {
                "httpMethod": method.upper(),
                "resourcePath": path,
                "identity": {"sourceIp": "127.0.0.1"},
                "authorizer": {"claims": {"sub": "ada", "email": "ada@example.com", "cognito:groups": "admins"}},
            },
        }
        for path, methods in paths.items()
        for method in methods
    ]


def _asked(handler: str, requests: list[dict[str, Any]]) -> dict[str, Any]:
    name = handler.rpartition(".")[2]
    own = dict.fromkeys(("LEDGER_TABLE", "REQUESTS_QUEUE_URL", "REPLIES_QUEUE_URL", "STACK_NAME"), "1")
    own |= dict.fromkeys(
        ("WEBSOCKET_MANAGEMENT_ENDPOINT", "STRIPE_API_BASE", "IDENTITY_ENDPOINT"), "https://127.0.0.1:9"
    )
    own |= {name.upper(): "9" if name == "reporting_port" else "127.0.0.1" for name in ReportingSettings.model_fields}
    own |= {"AWS_REGION": "eu-west-1", "REPORTING_SSL_MODE": "disable"}
    events = requests if handler == "app.app" else [EVENTS.get(name, STEP)]
    return {"handler": handler, "environment": environment(SUBJECTS[0], 9) | own, "events": events}


def _unpacked(code: Path, folder: Path) -> Path:
    for name, content in files_in_zip(code).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def _linked_sdk(folder: Path) -> Path:
    folder.mkdir()
    for name in SDK:
        place = Path(find_spec(name).origin)
        place = place.parent if place.name == "__init__.py" else place
        (folder / place.name).symlink_to(place)
    return folder


def _isolated(own: Path, layers: tuple[str, ...], sdk: Path, functions: list[dict[str, Any]]) -> dict[str, Any]:
    """Run the handlers with the zip's files, the libraries of the layers for this Python, and the SDK; nothing else."""
    folders = [own, *(libraries.installed(layer=layer) for layer in layers), sdk]
    has_all = set(layers) == set(LAYERS)
    asked = {"functions": functions, "has_all": has_all, "byte_code": str(sdk.with_name("byte-code"))}
    run = subprocess.run(
        [sys.executable, "-I", "-S", str(Path(__file__).with_name("isolated.py")), *map(str, folders)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=sdk.parent,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def _names(target: libraries.Target | None) -> set[str]:
    """Return the files of all layers."""
    folders = [libraries.installed(target, layer) for layer in LAYERS]
    return {path.relative_to(folder).as_posix() for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_package_is_the_same_for_both_stages_and_small(built):
    """One content, one hash: each is built by itself, from copies of its own."""
    names = ("deployment.zip", *map(archive_of, LAYERS))
    written = {stage: [zips[name].read_bytes() for name in names] for stage, zips in built.zips.items()}
    assert written["demo"] == written["prod"]
    assert len(written["prod"][0]) < LIMIT_OF_CODE and sum(map(len, written["prod"])) < LIMIT


def test_sizes_of_packages_are_counted_for_each_function(built):
    parts = parts_of_functions(built.zips["prod"]["deployment.zip"].with_name("sam.json"))
    assert parts[("deployment.zip", "BaseLayer.zip", "PaymentsLayer.zip")] == 8


def test_functions_bring_fewer_libraries_than_all_of_them(built):
    """Every function of the shop has the base; a layer is for functions that use it, at most five of them
    (Lambda quotas, "Layers")."""
    layers = {
        handler: each.layers for handler, each in built.handlers.items() if each.code != "warehouse_simulator.zip"
    }
    assert all(each[0] == BASE and len(each) <= 5 for each in layers.values())
    assert [handler for handler, each in layers.items() if set(each) == set(LAYERS)] == ["app.app"]
    assert sum(len(each) == 1 for each in layers.values()) > len(layers) / 2


def test_package_holds_each_locked_package_at_its_version_and_no_other(built):
    metadata = {name: content for name, content in built.code.items() if name.endswith(".dist-info/METADATA")}
    packed = {re.sub(r"[-_.]+", "-", name.removesuffix(".dist-info/METADATA")).lower() for name in metadata}
    locked = re.findall(r"^([\w.-]+)==(\S+)", libraries.LOCK.read_text(), re.MULTILINE)
    assert packed == {re.sub(r"[-_.]+", "-", f"{name}-{version}").lower() for name, version in locked}


def test_package_holds_no_command_line_and_no_part_of_the_sdk(built):
    names = built.code.keys()
    top = {name.partition("/")[0].removesuffix(".py") for name in names}
    assert {"app", "chalicelib", "chalice", "stripe"} <= top
    assert not top & {*SDK, "click", "inquirer", "pip", "setuptools", "wheel", "yaml"}
    assert {name for name in names if name.startswith("chalice/")} == {"chalice/__init__.py", "chalice/app.py"}
    assert not [name for name in names if name.endswith((".pyc", ".pyi")) or "/tests/" in name]


def test_package_is_compiled_for_the_runtime_of_lambda(built):
    extensions = {name: content for name, content in built.code.items() if name.endswith(".so")}
    assert len(extensions) > 3
    for name, content in extensions.items():
        assert FOR_LAMBDA.search(name) and int.from_bytes(content[18:20], "little") == AARCH64, name


def test_package_differs_from_what_is_tested_in_compiled_files_only():
    ours, lambdas = (_names(target) for target in (None, libraries.for_lambda()))
    assert {EXTENSION.sub(r"\1", name) for name in ours} == {EXTENSION.sub(r"\1", name) for name in lambdas}


def test_isolated_shop_can_execute_every_import_of_its_code(built):
    """Except for what draws reports, which only a container image has, and for what asks the reporting database."""
    failed = built.results["imports"]["failed"]
    drawing = {place.partition(":")[0] for place, why in failed.items() if "'matplotlib" in why}
    others = {place.partition(":")[0] for place, why in failed.items() if "'matplotlib" not in why}
    assert drawing == DRAWING
    assert {path for path in others if not path.startswith("chalicelib/reporting/sql/")} == REPORTING_CODE


def test_isolated_shop_finds_every_module_that_developers_have(built):
    """Also where a library catches the ImportError and does without, so that a test would see another behavior."""
    missing = {name for result in built.results.values() for name in result["missing"]}
    assert "simplejson" in missing
    ours = {name for name in missing if name.partition(".")[0] not in SDK and _is_importable(name)}
    assert ours - OPTIONAL.keys() == set()


def _is_importable(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def test_isolated_libraries_find_their_own_files(built):
    assert {name: value for name, value in built.results["libraries"].items() if name != "missing"} == {
        "token": {"sub": "ada"},
        "address": "GERMANY",
        "email": "ada@example.com",
        "rendered": "<!doctype html>",
        "amount": "0,05\xa0€",
        "search text": "a ae",
        "time zone": shop().time_zone,
        "stripe": "PaymentProviderUnavailable",
    }


def test_isolated_handlers_all_reach_aws(built):
    """So the event is understood, and all that its work needs is built."""
    silent = {handler: built.results[handler] for handler in built.handlers if not built.results[handler]["calls"]}
    assert silent == {}
    refused = {"", "ClientError", "PaymentProviderUnavailable"}
    assert {built.results[handler]["raised"] for handler in built.handlers} <= refused


def test_isolated_reporting_functions_reach_tables_or_their_database(built):
    """The database does not listen, so what is asked of it ends in a failure of its client."""
    raised = {handler: built.results[handler]["raised"] for handler in built.reporting}
    assert raised == {
        "app.project_orders": "",
        "app.project_adjustments": "DatabaseUnavailable",
        "app.answer_report": "DatabaseUnavailable",
        "app.migrate_reporting": "DatabaseUnavailable",
        "app.rebuild_reporting": "ClientError",
    }
    assert built.results["app.project_orders"]["calls"] == ["dynamodb:GetItem"]


def test_isolated_api_answers_every_operation(built):
    """Each room of the API is loaded by the first call of its paths."""
    answers = built.results["app.app"]["answers"]
    assert len(answers) == sum(map(len, openapi.document("")["paths"].values()))
    assert {answer["statusCode"] for answer in answers} >= {200, 400}
    assert {answer["statusCode"] for answer in answers} <= {200, 204, 400, 401, 403, 404, 415, 422, 428, 500, 503}
