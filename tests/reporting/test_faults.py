"""Faults between the functions and PostgreSQL, injected by microburst: nothing is lost or doubled."""

import json
import os
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from chalicelib.reporting.sql.database import ATTEMPTS, Database, DatabaseUnavailable
from infra.local import processes
from tests.postgres import Server, content
from tests.reporting.history import history
from tests.reporting.test_projection import save

FOR_AN_HOUR = 3600
FAULTS = {
    "serialization failure": {"operation": "begin", "error": {"sqlstate": "40001"}},
    "deadlock": {"operation": "begin", "error": {"sqlstate": "40P01"}},
    "server shuts down": {"operation": "insert", "error": {"sqlstate": "57P01", "severity": "FATAL"}},
    "too many connections": {"operation": "startup", "error": {"sqlstate": "53300", "severity": "FATAL"}},
    "connection lost in a statement": {"operation": "insert", "reset": True},
    "connection lost before the commit": {"operation": "commit", "reset": True},
}


class Proxy:
    """A microburst between clients and the server. `port` is where clients connect."""

    def __init__(self, port: int, control: int) -> None:
        self.port = port
        self._control = f"http://127.0.0.1:{control}/_microburst"

    def inject(self, *rules: dict[str, Any]) -> None:
        """Inject these faults and no others."""
        self._call("POST", "rules", [{"service": "postgres", **rule} for rule in rules])

    def fired(self) -> list[str]:
        """Return what was injected, oldest first."""
        return [event["action"] for event in self._call("GET", "fired?limit=10000")]

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self._control}/{path}", content, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def proxy(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    port, control = processes.free_port(), processes.free_port()
    arguments = ["--protocol", "postgres", "--upstream", f"127.0.0.1:{postgres_server.port}", "--port", str(port)]
    log = tmp_path_factory.mktemp("microburst") / "log"
    ready = f"http://127.0.0.1:{control}/_microburst/health"
    pid = processes.start("microburst", [*arguments, "--control-port", str(control)], os.environ, log, ready)
    yield Proxy(port, control)
    processes.stop(pid, "microburst", patience_seconds=3)


@pytest.fixture
def through(proxy: Proxy, server: Server) -> Iterator[Callable[[str], Database]]:
    """Return a function that opens a database behind the proxy."""
    yield lambda name: server.open(server.place(name, "reporting_projector", proxy.port))
    proxy.inject()


@pytest.mark.parametrize("fault", FAULTS)
def test_transaction_succeeds_after_a_passing_fault_and_is_written_once(fault, proxy, through, server):
    moment, place = history(1, orders=1).moments[0], server.new_place()
    before = len(proxy.fired())
    proxy.inject(FAULTS[fault] | {"rate": {"count": 2, "window_s": FOR_AN_HOUR}})
    save(through(place.name), moment)
    assert len(proxy.fired()) - before == 2
    expected = server.open(server.new_place())
    save(expected, moment)
    assert content(server.open(place)) == content(expected)


def test_lasting_fault_is_unavailable_after_some_attempts(proxy, through, server):
    place, before = server.new_place(), len(proxy.fired())
    proxy.inject(FAULTS["serialization failure"])
    with pytest.raises(DatabaseUnavailable, match="40001"):
        through(place.name).run(lambda connection: connection.execute(text("SELECT 1")))
    assert len(proxy.fired()) - before == ATTEMPTS


def test_error_of_a_statement_is_not_retried(proxy, through, server):
    database, tries = through(server.new_place().name), []

    def wrong(connection):
        tries.append(1)
        return connection.execute(text("SELECT nothing"))

    with pytest.raises(Exception, match="nothing"):
        database.run(wrong)
    assert len(tries) == 1


def test_faults_at_random_lose_and_double_nothing(proxy, through, server):
    """The queue delivers again what a consumer could not write, up to 15 times, and everything twice."""
    made, place = history(7, orders=6), server.new_place()
    proxy.inject(*({**rule, "probability": 0.1} for rule in FAULTS.values()))
    before, databases = len(proxy.fired()), [through(place.name) for _ in range(3)]

    def consume(consumer: int) -> None:
        for moment in made.moments[consumer::3] * 2:
            for _ in range(15):
                try:
                    save(databases[consumer], moment)
                    break
                except DatabaseUnavailable:
                    continue

    with ThreadPoolExecutor(3) as consumers:
        list(consumers.map(consume, range(3)))
    print(Counter(proxy.fired()[before:]))
    expected = server.open(server.new_place())
    for moment in made.moments:
        save(expected, moment)
    assert len(proxy.fired()) > before
    assert content(server.open(place)) == content(expected)
