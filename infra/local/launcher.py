"""Starts the engine with changes that make it quick and steady on one machine, and as strict as AWS."""

import json
import os
import socketserver
import threading
from collections.abc import Iterable
from typing import Any

from infra.local import authorization, forker, processes

AT_ONCE = max(3, os.cpu_count() or 1)


def _answer_at_once() -> None:
    """Nagle's algorithm would hold each call of a function up for 40 ms."""
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def _rest() -> None:
    """The engine keeps a server for each process of a function, and each would look ten times a second whether it is
    to stop."""
    every_server: Any = socketserver.BaseServer
    serve = every_server.serve_forever

    def patiently(server: Any, poll_interval: float = 0.5) -> None:
        serve(server, max(poll_interval, 0.5))

    every_server.serve_forever = patiently


def _take_turns() -> None:
    """AWS starts an environment for each simultaneous call of a function. Here that is a process, and a
    crowd of them would keep each other from ever coming up: so a few run, and the other calls wait."""
    from ministack.services import lambda_svc

    run = lambda_svc._execute_function_dispatch
    turns: dict[str, threading.Semaphore] = {}

    def in_turn(function: Any, config: dict[str, Any], *arguments: Any) -> Any:
        with turns.setdefault(config["FunctionName"], threading.Semaphore(AT_ONCE)):
            return run(function, config, *arguments)

    lambda_svc._execute_function_dispatch = in_turn


def _validate_requests() -> None:
    """The engine checks bodies against models, but passes over the models in an API's definition."""
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


def _count_calls() -> None:
    """AWS counts each call of a function. The engine counts those by Invoke alone, and none that a queue, a stream, an
    API or a workflow makes."""
    from ministack.services import lambda_svc

    run, count = lambda_svc._execute_function_dispatch, lambda_svc._emit_lambda_metrics

    def counted(function: Any, config: dict[str, Any], *arguments: Any) -> Any:
        result = run(function, config, *arguments)
        count(config["FunctionName"], 0.0, bool(result.get("error")), False)
        return result

    lambda_svc._execute_function_dispatch = counted
    lambda_svc._emit_lambda_metrics = lambda *counted_already, **details: None


def _name_peers() -> None:
    """API Gateway on AWS appends the address that connected to it to `X-Forwarded-For`. The engine passes on what the
    caller wrote, so that anybody could write an address of their own."""
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

    _answer_at_once()
    _rest()
    _take_turns()
    _validate_requests()
    _count_calls()
    _name_peers()
    authorization.install()
    processes.end_with_starter()
    main()
