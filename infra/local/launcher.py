"""Starts the engine with changes that make it quick and steady on one machine, and as strict as AWS."""

import os
import socketserver
import threading
from typing import Any

from infra.local import authorization, forker

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


if __name__ == "__main__":
    forker.start()
    from ministack.app import main

    _answer_at_once()
    _rest()
    _take_turns()
    authorization.install()
    main()
