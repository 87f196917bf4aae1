"""Forker: a process with libraries and code loaded, forked for each environment of a function.

A new Python process takes half a second and 80 MB, and a busy shop has a hundred of them. A fork takes a few
hundredths of a second and shares unchanged memory. The emulator still starts `infra/local/entry.py` for each
environment; that passes on its output streams and environment variables, and ends with the fork.
"""

import fcntl
import importlib
import os
import pkgutil
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.abc import MetaPathFinder
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from infra.build.layers import CONTENTS, layer_of
from infra.local import faster, processor

ADDRESS = "SHOP_FORKER"
"""The environment variable that names the socket."""
SHARED_BY = "SHOP_FORKER_OF"
"""The environment variable with the id of a process. The emulators that it starts share one forker, which ends with it:
a forker takes 2 seconds of the processor and 100 MB, and the tests start a dozen emulators."""
LAYERS_OF_FUNCTION = "SHOP_LAYERS"
"""The environment variable that names a function's layers. Without it, a function may import all libraries."""
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
"""Libraries of the functions, without the runtime client, which reads its address when it is imported."""
SERVICES = ("dynamodb", "events", "s3", "sqs", "ssm", "stepfunctions")
"""AWS services whose API models are loaded in advance."""


@dataclass(frozen=True)
class ForkRequest:
    """A request for one environment: the entry's socket, its output streams, its variables and its code."""

    entry: socket.socket
    outputs: list[int]
    environment: dict[str, str]
    folder: str


def start() -> None:
    """Start the forker, or find a shared one, and set its address in the environment.

    It is a child of this process, with which it ends, unless SHARED_BY is set.
    """
    owner = os.environ.get(SHARED_BY)
    # A meter of its own is for one emulator.
    if owner and not os.environ.get(processor.FILE):
        os.environ[ADDRESS] = _shared(int(owner))
    else:
        ours, theirs = socket.socketpair()
        os.environ[ADDRESS] = _start(Path(tempfile.mkdtemp(prefix="shop-")), ["socket", theirs.fileno()], theirs)
        ours.detach()  # open until we end


def code_folder() -> str:
    """Return the folder for the code of this emulator's functions, which is deleted when the forker ends."""
    return str(Path(os.environ[ADDRESS]).parent / f"code-{os.getpid()}")


def _shared(owner: int) -> str:
    """Return the address of the owner's forker, which the first caller starts."""
    folder = Path(tempfile.gettempdir()) / f"shop-forker-{owner}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        address = folder / "forker"
        return str(address) if address.exists() else _start(folder, ["process", owner])


def _start(folder: Path, ends_with: list[Any], *inherited: socket.socket) -> str:
    """Start a forker that listens in the folder and deletes it at its end; return its address."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "forker"))
        listener.listen(128)
        descriptors = [listener.fileno(), *(each.fileno() for each in inherited)]
        arguments = map(str, [listener.fileno(), *ends_with])
        subprocess.Popen([sys.executable, "-m", __name__, *arguments], pass_fds=descriptors, start_new_session=True)
    for each in inherited:
        each.close()
    return str(folder / "forker")


def _serve(listener: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are not waited for
    code, meter = "", os.environ.get(processor.FILE, "")
    while True:
        request = _received(listener.accept()[0])
        # Two emulators have the same code in folders of the same name, which is its checksum.
        is_new = Path(request.folder).name != Path(code).name
        if is_new and (Path(request.folder) / "app.py").exists():
            _load_code(request, instead_of=code)
            code = request.folder
        if os.fork() == 0:
            listener.close()
            _become(request, meter)
        request.entry.close()
        for output in request.outputs:
            os.close(output)


def _received(entry: socket.socket) -> ForkRequest:
    head, outputs, _, _ = socket.recv_fds(entry, 4, 2)
    content, size = b"", int.from_bytes(head, "big")
    while len(content) < size:
        content += entry.recv(size - len(content))
    variables = dict(os.fsdecode(variable).split("=", 1) for variable in content.split(b"\0"))
    return ForkRequest(entry, outputs, variables, variables["LAMBDA_TASK_ROOT"])


def _enter(request: ForkRequest) -> None:
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.folder)
    sys.path.insert(0, request.folder)


def _load_code(request: ForkRequest, instead_of: str) -> None:
    """Import the functions' code in place of an older version. They read their settings only when they run."""
    if instead_of:
        sys.path.remove(instead_of)
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(instead_of):
                del sys.modules[name]
    _enter(request)
    del os.environ["_HANDLER"]  # that of the first function; the code is loaded for all of them
    importlib.import_module("app")
    for lazy in pkgutil.walk_packages([f"{request.folder}/chalicelib"], "chalicelib."):
        _load_if_its_libraries_are_here(lazy.name)
    _build_models()
    faster.collect_less()


def _load_if_its_libraries_are_here(name: str) -> None:
    """Import a module in advance, except one that needs a library which `make up` does not install.

    A function that calls for it gets the error itself.
    """
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] in ("app", "chalicelib"):
            raise


def _build_models() -> None:
    """Build the validators of all models once, which each environment would build for those that it uses."""
    from pydantic import BaseModel

    models: list[type[BaseModel]] = [BaseModel]
    for model in models:
        models += model.__subclasses__()
        if model.model_fields:
            model.model_rebuild()


def _become(request: ForkRequest, meter: str) -> None:
    """Run the function's environment in this fork. Never returns. `meter` is the file of infra/local/processor.py."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for output, number in zip(request.outputs, (1, 2), strict=True):
            os.dup2(output, number)
            os.close(output)
        _enter(request)
        if LAYERS_OF_FUNCTION in request.environment:
            _hide_other_layers(request.environment[LAYERS_OF_FUNCTION].split())
        threading.Thread(target=_end_with, args=[request.entry], daemon=True).start()
        if meter:
            processor.install(meter, request.environment["AWS_LAMBDA_FUNCTION_NAME"])
        from awslambdaric.__main__ import main

        main(["awslambdaric", request.environment["_HANDLER"]])
    finally:
        os._exit(1)


class _Hidden(MetaPathFinder):
    """Finds no module that is in none of a function's layers, as on AWS."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {fullname!r}: no layer of this function holds it")


def _hide_other_layers(attached: list[str]) -> None:
    names = {name for layer, held in _modules_by_layer().items() if layer not in attached for name in held}
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Hidden(names))


@cache
def _modules_by_layer() -> dict[str, set[str]]:
    """Return the names of top-level modules by the layer that holds them, without those of all functions."""
    found: dict[str, set[str]] = {layer: set() for layer in CONTENTS}
    for module, distributions in packages_distributions().items():
        for layer in {layer_of(distribution) for distribution in distributions} & CONTENTS.keys():
            found[layer].add(module)
    return found


def _end_with(other: socket.socket, leaving: Path | None = None) -> None:
    """Exit when the other side closes the socket, on which nothing is ever sent."""
    other.recv(1)
    _leave(leaving)


def _end_with_process(pid: int, leaving: Path) -> None:
    with suppress(ProcessLookupError):
        while True:
            os.kill(pid, 0)
            time.sleep(1)
    _leave(leaving)


def _leave(folder: Path | None) -> None:
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _load_libraries() -> None:
    for library in LIBRARIES:
        importlib.import_module(library)
    import boto3

    boto3.setup_default_session()
    session: Any = boto3.DEFAULT_SESSION
    descriptions = session._session.get_component("data_loader")
    for service in SERVICES:
        for kind in ("service-2", "endpoint-rule-set-1"):
            descriptions.load_service_model(service, kind)
    for data in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        descriptions.load_data(data)
    _name_agents_once()
    _create_clients(descriptions)


def _name_agents_once() -> None:
    """Keep the parts of the user agent. The SDK checks each character of each part twice for each request."""
    from botocore.useragent import UserAgentComponent

    kept: Any = UserAgentComponent
    kept.to_string = lru_cache(maxsize=1024)(kept.to_string)


def _create_clients(descriptions: Any) -> None:
    """Create a client of each service, which imports modules and compiles expressions for those of the functions."""
    import boto3
    from botocore.session import Session

    core = Session()
    core.register_component("data_loader", descriptions)
    nobody = {"region_name": "eu-west-1", "aws_access_key_id": "none", "aws_secret_access_key": "none"}
    session: Any = boto3.Session(botocore_session=core, **nobody)
    session.resource("dynamodb")
    for service in SERVICES:
        session.client(service)


def _main(listener: socket.socket, kind: str, other: int) -> None:
    """Serve until the other side of a socket, or a process, ends."""
    folder = Path(listener.getsockname()).parent
    end, ends_with = (_end_with, socket.socket(fileno=other)) if kind == "socket" else (_end_with_process, other)
    threading.Thread(target=end, args=[ends_with, folder], daemon=True).start()
    _load_libraries()
    _modules_by_layer()
    _serve(listener)


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], int(sys.argv[3]))
