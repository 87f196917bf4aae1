"""Isolated functions: imports and invokes handlers with nothing but the folders that it is given.

Run as `python -I -S isolated.py folder …`, without the packages of this Python. Reads the functions from standard input
and prints what happened. AWS is not called: each call is recorded and refused, except that parameters have a value.
"""

import ast
import gc
import importlib
import json
import os
import sys
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

missing: set[str] = set()
calls: list[str] = []


class MissingModules:
    """The last finder: asked only for modules that no other one has found, also where the code catches ImportError."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        missing.add(name)


def refuse_aws() -> None:
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        calls.append(f"{client.meta.service_model.service_name}:{operation}")
        if operation == "GetParameter":
            return {"Parameter": {"Value": "sk_test_isolated"}}
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "There is no AWS here."}}, operation)

    BaseClient._make_api_call = call


def invoke(handler: str, environment: dict[str, str], events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the handler answered or raised, and its calls of AWS."""
    os.environ.update(environment, _HANDLER=handler)
    module, name = handler.rsplit(".", 1)
    context = types.SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 10_000)
    answers, raised = [], ""
    try:
        function = getattr(importlib.import_module(module), name)
        answers = [function(event, context) for event in events]
    except Exception as failure:
        raised = type(failure).__name__
        if raised != "ClientError":
            traceback.print_exc()
    return {"answers": answers, "raised": raised, "calls": calls}


def import_everything(folder: Path) -> dict[str, Any]:
    """Execute every import in the shop's code, also those inside of functions. Return those that fail."""
    failed = {}
    for path in [folder / "app.py", *sorted((folder / "chalicelib").rglob("*.py"))]:
        for node in _imports(ast.parse(path.read_text())):
            try:
                exec(compile(ast.Module([node], []), str(path), "exec"), {})
            except ImportError as failure:
                failed[f"{path.relative_to(folder)}:{node.lineno}"] = str(failure)
    return {"failed": failed}


def _imports(node: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [] if getattr(node, "module", "") == "__future__" else [node]
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return []
    return [found for child in ast.iter_child_nodes(node) for found in _imports(child)]


def use_libraries() -> dict[str, Any]:
    """Use what each library reads from its own files. Stripe is called at an address where nothing listens."""
    import zoneinfo

    zoneinfo.reset_tzpath(to=[])
    import jwt
    from cryptography.hazmat.primitives.asymmetric import rsa

    from chalicelib.catalog.folding import indexed
    from chalicelib.notifications.model import Item, cart_reminder
    from chalicelib.notifications.rendering import Formats
    from chalicelib.payments.stripe_provider import StripeProvider
    from chalicelib.platform.email_address import normalized
    from chalicelib.platform.parameters import Parameter
    from chalicelib.platform.shop import shop
    from chalicelib.shipping.countries import format_of

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode({"sub": "ada"}, key, algorithm="RS256")
    try:
        StripeProvider(Parameter(lambda: "sk_test_isolated"), "https://127.0.0.1:9").retrieve("pi_1")
        stripe = ""
    except Exception as failure:
        stripe = type(failure).__name__
    return {
        "token": jwt.decode(token, key.public_key(), algorithms=["RS256"]),
        "address": format_of("DE").country_name,
        "email": normalized("ada@example.com"),
        "rendered": cart_reminder("ada@example.com", [Item(2, "Mug", "")], "", "").html[:15],
        "amount": Formats("DE").amount(5, "EUR"),
        "search text": indexed("Ä"),
        "time zone": shop().zone.key,
        "stripe": stripe,
    }


def in_a_fork(work: Callable[..., dict[str, Any]], *arguments: Any, **named: Any) -> dict[str, Any]:
    """Return what `work` returns in a process of its own, and the modules that were missing there."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            result = work(*arguments, **named)
        except Exception:
            result = {"raised": traceback.format_exc()}
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            json.dump(result | {"missing": sorted(missing)}, pipe, default=str)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        result = json.load(pipe)
    os.wait()
    return result


def load_what_all_use(handler: str, environment: dict[str, str]) -> None:
    """Import the functions' module and create a client, so that the forks after this need not."""
    os.environ.update(environment, _HANDLER=handler)
    gc.disable()  # a collection copies what the forks share
    import boto3

    boto3.resource("dynamodb")
    importlib.import_module(handler.rpartition(".")[0])


def main(folders: list[str]) -> None:
    """The API comes first, because it registers its routes when `app` is imported for it."""
    asked = json.load(sys.stdin)
    sys.pycache_prefix = asked["byte_code"]
    sys.path[:0] = folders
    sys.meta_path.append(MissingModules())
    refuse_aws()
    results = {}
    for function in sorted(asked["functions"], key=lambda function: function["handler"] != "app.app"):
        results[function["handler"]] = in_a_fork(invoke, **function)
        if function["handler"] != "app.app" and len(results) <= 2:
            load_what_all_use(function["handler"], function["environment"])
    if asked["has_all"]:
        results["imports"] = in_a_fork(import_everything, Path(folders[0]))
        results["libraries"] = in_a_fork(use_libraries)
    sys.stdout.write("\n" + json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1:])
