"""Launcher: starts the AWS emulator (MiniStack) with changes for speed, stability and AWS's own strictness."""

import json
import os
import socket
import socketserver
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from infra.local import (
    api_address,
    authorization,
    faster,
    forker,
    inert,
    log_lines,
    meter,
    processes,
    strict,
    validation_errors,
    workflow_coverage,
)

AT_ONCE = max(3, os.cpu_count() or 1)


def _disable_nagle() -> None:
    """Disable Nagle's algorithm, which delays each call of a function by 40 ms."""
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def _end_servers_without_polls() -> None:
    """Let the server of each environment sleep until a request or its shutdown. It would look ten times a second."""
    every_server: Any = socketserver.BaseServer
    serve, shut_down = every_server.serve_forever, every_server.shutdown

    def served(server: Any, **pauses: float) -> None:
        serve(server, None)

    def ended(server: Any) -> None:
        server._BaseServer__shutdown_request = True
        with suppress(OSError):
            socket.create_connection(server.server_address, 1).close()  # wakes it
        shut_down(server)

    every_server.serve_forever, every_server.shutdown = served, ended


def _limit_concurrency() -> None:
    """Limit concurrent calls of a function: too many starting processes slow each other until some fail."""
    from ministack.services import lambda_svc

    run = lambda_svc._execute_function_dispatch
    turns: dict[str, threading.Semaphore] = {}

    def in_turn(function: Any, config: dict[str, Any], *arguments: Any) -> Any:
        with turns.setdefault(config["FunctionName"], threading.Semaphore(AT_ONCE)):
            return run(function, config, *arguments)

    lambda_svc._execute_function_dispatch = in_turn


def _validate_requests() -> None:
    """Import the models and validators of an API's definition, which the emulator ignores."""
    from ministack.services import apigateway_v1 as gateway

    import_api = gateway._import_rest_api

    def import_with_models(definition: dict[str, Any], base_data: dict[str, Any] | None = None) -> str:
        api = import_api(definition, base_data)
        models = definition.get("definitions", {})
        for name, schema in models.items():
            gateway._create_model(api, {"name": name, "schema": json.dumps({**schema, "definitions": models})})
        validators = definition.get("x-amazon-apigateway-request-validators", {})
        ids = {name: json.loads(gateway._create_request_validator(api, v)[2])["id"] for name, v in validators.items()}
        for resource in gateway._resources[api].values():
            for method, made in resource["resourceMethods"].items():
                operation = definition["paths"][resource["path"]][method.lower()]
                bodies = [each for each in operation.get("parameters", []) if each["in"] == "body"]
                if bodies:
                    made["requestValidatorId"] = ids[operation["x-amazon-apigateway-request-validator"]]
                    made["requestModels"] = {"application/json": bodies[0]["name"]}
        return api

    gateway._import_rest_api = import_with_models


def _keep_code_with_forker() -> None:
    """Extract the functions' code where it is deleted at the end. The emulator leaves it in the system's folder."""
    from ministack.services import lambda_svc

    lambda_svc._PROVIDED_CODE_CACHE = forker.code_folder()


def _count_calls() -> None:
    """Count each call of a function. The emulator counts direct calls only, not those of queues, streams, APIs and
    workflows."""
    from ministack.services import lambda_svc

    run, count = lambda_svc._execute_function_dispatch, lambda_svc._emit_lambda_metrics

    def counted(function: Any, config: dict[str, Any], *arguments: Any) -> Any:
        result = run(function, config, *arguments)
        count(config["FunctionName"], 0.0, bool(result.get("error")), False)
        return result

    lambda_svc._execute_function_dispatch = counted
    lambda_svc._emit_lambda_metrics = lambda *counted_already, **details: None


def _append_peer() -> None:
    """Append the peer's address to `X-Forwarded-For`, as API Gateway does. The emulator keeps the caller's."""
    from ministack import app as server

    answer = server.app

    async def named(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/_aws/execute-api/"):
            scope["headers"] = forwarded(scope["headers"], scope["client"][0])
        await answer(scope, receive, send)

    server.app = named


def forwarded(headers: Iterable[tuple[bytes, bytes]], peer: str) -> list[tuple[bytes, bytes]]:
    """Return the headers with the peer as the last entry of `X-Forwarded-For`."""
    hops = [value for name, value in headers if name.lower() == b"x-forwarded-for"]
    others = [(name, value) for name, value in headers if name.lower() != b"x-forwarded-for"]
    return [*others, (b"x-forwarded-for", b", ".join([*hops, peer.encode()]))]


if __name__ == "__main__":
    forker.start()
    from ministack.app import main

    meter.install()
    _disable_nagle()
    _end_servers_without_polls()
    _limit_concurrency()
    _keep_code_with_forker()
    _validate_requests()
    _count_calls()
    _append_peer()
    api_address.install()
    validation_errors.install()
    strict.install()
    authorization.install()
    inert.install()
    log_lines.install()
    faster.install()
    workflow_coverage.install()
    faster.collect_less()
    processes.end_with_starter()
    main()
