"""Server processes: starts and stops the local servers, by their own process ids only."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

SERVER_PORTS = range(11000, 32768)
"""Ports that `free_port` chooses from: below those that systems give to outgoing connections (Linux: 32768 to 60999,
`ip_local_port_range` in `man 7 ip`; RFC 6335: 49152 to 65535). One of those can be taken before a server starts on it,
or while it restarts."""

ENDS_WITH = "ENDS_WITH_PROCESS"
"""Environment variable with the id of a process. Servers that it starts end with it, however it ends."""


class PortBusy(Exception):
    """Another program listens on a port that the shop needs."""


class PortInvalid(Exception):
    """A setting that must be a port is none."""


class DidNotStart(Exception):
    """A server ended or did not answer in time; its log says why."""


def port_of(setting: str, default: int) -> int:
    """Return the port in this environment variable, or the default. Raises PortInvalid."""
    text = os.environ.get(setting) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise PortInvalid(f"{setting}={text!a} is not a port: a number from 1 to 65535.")
    return int(text)


def require_free(port: int, setting: str) -> None:
    """Raise PortBusy, with a hint how to choose another port, if this one is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise PortBusy(f"Port {port} is in use. Stop its program, or choose another: {setting}=… make up") from None


def free_port() -> int:
    """Return a port of SERVER_PORTS that nothing uses."""
    while True:
        port = secrets.choice(SERVER_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def start(module: str, arguments: list[str], environment: Mapping[str, str], log: Path, ready_url: str) -> int:
    """Start a Python module as a server in its own session; return its process id. Raises DidNotStart."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    for _ in range(300):
        if process.poll() is not None:
            break
        if answers(ready_url):
            return process.pid
        time.sleep(0.1)
    raise DidNotStart(f"{module} did not start. See {log}:\n{_tail(log)}")


def end_with_starter() -> None:
    """Let this server end when its starter has ended, if ENDS_WITH_PROCESS is set."""
    if starter := os.environ.get(ENDS_WITH):
        threading.Thread(target=_end_without, args=(int(starter),), daemon=True).start()


def _end_without(starter: int) -> None:
    while os.getppid() == starter:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def is_running(pid: int, module: str) -> bool:
    """Return whether this process is our server, and not a later process with the same id."""
    try:
        command = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout
    except FileNotFoundError:
        path = Path(f"/proc/{pid}/cmdline")
        command = path.read_text().replace("\0", " ") if path.exists() else ""
    return module in command and "defunct" not in command


def stop(pid: int, module: str, patience_seconds: float = 30) -> None:
    """Send SIGTERM, so that the server saves its state; send SIGKILL if it has not ended in time."""
    if not is_running(pid, module):
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while is_running(pid, module) and time.monotonic() < deadline:
        _reap(pid)
        time.sleep(0.1)
    if is_running(pid, module):
        os.kill(pid, signal.SIGKILL)
        _reap(pid)


def _reap(pid: int) -> None:
    """Collect the process if it is our child, so that it is not a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
