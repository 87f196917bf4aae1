"""Processes: servers of the tests stop with the tests, also if these are interrupted."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from infra.local import forker, processes, run

STARTER = """
import os, sys
from pathlib import Path
from infra.local import processes, run
if sys.argv[2] == "with it":
    os.environ[processes.ENDS_WITH] = str(os.getpid())
print(run.start_payments(processes.free_port(), Path(sys.argv[1])))
"""


@pytest.mark.parametrize(("wish", "goes"), [("with it", True), ("not", False)])
def test_server_ends_with_its_starter_only_if_requested(tmp_path, wish, goes):
    """As `make up` does not: its shop stays open."""
    inherited = {name: value for name, value in os.environ.items() if name != processes.ENDS_WITH}
    command = [sys.executable, "-c", STARTER, str(tmp_path), wish]
    started = subprocess.run(command, env=inherited, cwd=run.ROOT, capture_output=True, text=True, check=True)
    pid = int(started.stdout)
    deadline = time.monotonic() + (20 if goes else 2)
    while processes.is_running(pid, run.PAYMENTS) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes.is_running(pid, run.PAYMENTS) != goes
    processes.stop(pid, run.PAYMENTS)


def test_free_port_is_one_that_no_outgoing_connection_takes(monkeypatch):
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
        assert client.getsockname()[1] not in processes.SERVER_PORTS, "the system gives such ports to connections"
    with socket.socket() as server:
        server.bind(("127.0.0.1", taken := processes.free_port()))
        monkeypatch.setattr(processes, "SERVER_PORTS", range(taken, taken + 3))
        assert processes.free_port() in (taken + 1, taken + 2)


def test_shared_forker_is_started_once_and_ends_with_its_owner(monkeypatch):
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(["sleep", "60"]) as owner:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        addresses = {forker._shared(owner.pid) for _ in range(2)}
        [address] = addresses
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(address)
        owner.kill()
        owner.wait()
        deadline = time.monotonic() + 20
        while Path(address).parent.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not Path(address).parent.exists()


IMPORTS = """
import stripe, jwt
from infra.local import forker
forker._hide_other_layers(["BaseLayer", "DocumentsLayer"])
import babel, jwt
try:
    import stripe
except ModuleNotFoundError as missing:
    print(missing)
"""


def test_function_cannot_import_what_none_of_its_layers_holds():
    """As on AWS, where only attached layers are in the function's path; also if the forker has loaded it before."""
    done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=run.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "No module named 'stripe': no layer of this function holds it\n"
