"""A process that has libraries and code loaded, and becomes a function's environment each time the engine wants one.

A new Python process for each environment takes half a second and 80 MB, and a busy shop has a hundred of them. A fork
of this one takes a few hundredths, and shares what it does not change. The engine still starts a program of its own for
each environment, `infra/local/entry.py`; that hands its output and its surroundings over, and lasts as long as they do.
"""

import gc
import importlib
import json
import os
import pkgutil
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

ADDRESS = "SHOP_FORKER"
"""The environment variable that names the socket."""
LIBRARIES = (
    "aws_lambda_powertools",
    "aws_lambda_powertools.utilities.parameters",
    "boto3.dynamodb.conditions",
    "boto3.dynamodb.types",
    "boto3.session",
    "botocore.httpsession",
    "chalice.app",
    "jwt.algorithms",
    "pydantic.json_schema",
    "stripe",
)
"""What the functions load; but not the runtime client, which reads its address when it is loaded."""
SERVICES = ("dynamodb", "events", "s3", "sqs", "ssm", "stepfunctions")
"""Whose descriptions are read beforehand."""


@dataclass(frozen=True)
class Wish:
    """One environment: who asks for it, where its output goes, and its surroundings."""

    entry: socket.socket
    outputs: list[int]
    environment: dict[str, str]
    folder: str


def start() -> None:
    """Starts the forker as a child of this process, with which it ends, and tells its address to whatever this process
    starts."""
    address = str(Path(tempfile.mkdtemp(prefix="shop-")) / "forker")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(128)
    ours, theirs = socket.socketpair()
    inherited = [listener.fileno(), theirs.fileno()]
    subprocess.Popen([sys.executable, "-m", __name__, *map(str, inherited)], pass_fds=inherited)
    ours.detach()  # open until we end
    listener.close()
    theirs.close()
    os.environ[ADDRESS] = address


def _serve(listener: socket.socket, parent: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for our children
    folder = Path(listener.getsockname()).parent
    threading.Thread(target=_end_with, args=[parent, folder], daemon=True).start()
    code = ""
    while True:
        wish = _heard(listener.accept()[0])
        if wish.folder != code and (Path(wish.folder) / "app.py").exists():
            _load_code(wish, instead_of=code)
            code = wish.folder
        if os.fork() == 0:
            listener.close()
            _become(wish)
        wish.entry.close()
        for output in wish.outputs:
            os.close(output)


def _heard(entry: socket.socket) -> Wish:
    head, outputs, _, _ = socket.recv_fds(entry, 4, 2)
    content, size = b"", int.from_bytes(head, "big")
    while len(content) < size:
        content += entry.recv(size - len(content))
    told = json.loads(content)
    return Wish(entry, outputs, told["environment"], told["environment"]["LAMBDA_TASK_ROOT"])


def _surround(wish: Wish) -> None:
    os.environ.clear()
    os.environ.update(wish.environment)
    os.chdir(wish.folder)
    sys.path.insert(0, wish.folder)


def _load_code(wish: Wish, instead_of: str) -> None:
    """The functions' own code, which an update replaces; they read their environment when they run."""
    if instead_of:
        sys.path.remove(instead_of)
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(instead_of):
                del sys.modules[name]
    _surround(wish)
    del os.environ["_HANDLER"]  # that of the first function; the code is loaded for all of them
    importlib.import_module("app")
    for lazy in pkgutil.walk_packages([f"{wish.folder}/chalicelib"], "chalicelib."):
        importlib.import_module(lazy.name)
    gc.collect()
    gc.freeze()


def _become(wish: Wish) -> None:
    """Never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for output, number in zip(wish.outputs, (1, 2), strict=True):
            os.dup2(output, number)
            os.close(output)
        _surround(wish)
        threading.Thread(target=_end_with, args=[wish.entry], daemon=True).start()
        from awslambdaric.__main__ import main

        main(["awslambdaric", wish.environment["_HANDLER"]])
    finally:
        os._exit(1)


def _end_with(other: socket.socket, leaving: Path | None = None) -> None:
    """Nothing is ever said on this line, so whatever comes is its end."""
    other.recv(1)
    if leaving:
        shutil.rmtree(leaving, ignore_errors=True)
    os._exit(0)


def _load_libraries() -> None:
    for library in LIBRARIES:
        importlib.import_module(library)
    import boto3

    boto3.setup_default_session()
    descriptions = boto3.DEFAULT_SESSION._session.get_component("data_loader")
    for service in SERVICES:
        for kind in ("service-2", "endpoint-rule-set-1"):
            descriptions.load_service_model(service, kind)
    for data in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        descriptions.load_data(data)


if __name__ == "__main__":
    _load_libraries()
    _serve(socket.socket(fileno=int(sys.argv[1])), socket.socket(fileno=int(sys.argv[2])))
