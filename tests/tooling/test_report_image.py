"""The sales report's container image: its file tree, as the Dockerfile makes it, runs the handler and draws plots.

Docker is not needed. COPY instructions are carried out; for the one RUN instruction, which installs the lock, the
packages of this Python stand in, at the versions that the lock names. AWS's runtime interface client runs the handler
in a process that can import nothing else, against the Runtime API and a DynamoDB and an S3 that answer what a day's
report needs: AWS Lambda developer guide, "Lambda runtime API".
"""

import json
import re
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from dockerfile_parse import DockerfileParser

from chalicelib.analytics.model import Day, Sold
from chalicelib.platform.shop import shop
from infra.build.layers import BASE, REQUIREMENT, lock_of
from infra.build.libraries import IMAGE, LOCK, for_lambda
from infra.build.template import ROOT
from infra.commands.bench_init import SUBJECTS, environment

DOCKERFILE = IMAGE / "Dockerfile"
INSTALL = (
    "pip install --no-cache-dir --require-hashes --no-deps --only-binary=:all: --target ./ "
    "--requirement requirements.lock"
)
OF_THE_BASE_IMAGE = (
    "awslambdaric", "simplejson", "snapshot-restore-py",
    "boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3",
)  # fmt: skip
"""Distributions that AWS's base image has beside the standard library: the runtime interface client and the SDK."""
RUNTIME = "import sys; sys.path[:0] = sys.argv[1:3]; from awslambdaric.__main__ import main; main(['', sys.argv[3]])"
PIN = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)
DAY = "2030-05-17"
SOLD = {"MUG-01": (2, 2500), "TENT-01": (1, 19900)}
"""Units and revenue. The catalog holds neither product any more."""
DAYS, COUNTRIES = 7, 1
EVENT = {"date": DAY}
BAR = re.compile(rb"re W n[^W]*?h\s+f\s")
"""A closed and filled path that is clipped to the area of a plot."""


def _instructions() -> list[tuple[str, str]]:
    structure = DockerfileParser(fileobj=BytesIO(DOCKERFILE.read_bytes())).structure
    return [(each["instruction"], each["value"]) for each in structure if each["instruction"] != "COMMENT"]


def _values(instruction: str) -> list[str]:
    return [value for name, value in _instructions() if name == instruction]


def _built(tree: Path) -> None:
    """Carry out the Dockerfile's instructions in a folder."""
    tree.mkdir()
    for instruction, value in _instructions():
        if instruction == "COPY":
            *sources, target = value.split()
            for source in sources:
                _copy(ROOT / source, tree / target)
        elif instruction == "RUN":
            assert value == INSTALL
            for name, version in PIN.findall((tree / "requirements.lock").read_text()):
                assert metadata.version(name) == version
                _link(name, tree)
        else:
            assert instruction in ("FROM", "ENV", "CMD")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyi"))
    else:
        shutil.copy(source, target)


def _link(distribution: str, folder: Path) -> None:
    """Make what an installed distribution brings importable from a folder."""
    found = metadata.distribution(distribution)
    for name in {file.parts[0] for file in found.files or [] if file.parts[0] != ".."}:
        place = folder / name
        if not place.exists() and not name.startswith(("bin", "__pycache__")):
            place.symlink_to(found.locate_file(name))


@dataclass
class World:
    """What the function talks to: one invocation, the answers of AWS, and the files that it wrote."""

    response: Any = None
    files: dict[str, bytes] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def dynamodb(self, action: str, call: dict[str, Any]) -> dict[str, Any]:
        if action == "Query":
            return {"Items": self._sales(next(iter(call["ExpressionAttributeValues"].values()))["S"])}
        assert action == "BatchGetItem"
        return {"Responses": {}, "UnprocessedKeys": {}}

    def _sales(self, day: str) -> list[dict[str, Any]]:
        rows = {f"SKU#{sku}": {"pieces": units, "revenue": amount} for sku, (units, amount) in SOLD.items()}
        rows |= {"TOTAL": {"orders": 2, "revenue": 22400}, "COUNTRY#DE": {"orders": 2, "revenue": 22400}}
        return [
            {"pk": {"S": day}, "sk": {"S": sk}, **{name: {"N": str(value)} for name, value in counts.items()}}
            for sk, counts in rows.items()
        ]


class Handler(BaseHTTPRequestHandler):
    """The Runtime API, DynamoDB and S3 at one address."""

    world: World

    def do_GET(self) -> None:
        if self.world.response is not None:
            self.world.ended.set()
            return  # no second invocation
        self._answer(json.dumps(EVENT).encode(), {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": "1",
            "Lambda-Runtime-Deadline-Ms": "4102444800000",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:111122223333:function:report",
        })  # fmt: skip

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/2018-06-01/runtime/"):
            self.world.response = json.loads(body)
            self._answer(b"{}", status=202)
        else:
            action = self.headers["X-Amz-Target"].rpartition(".")[2]
            self._answer(json.dumps(self.world.dynamodb(action, json.loads(body))).encode())

    def do_PUT(self) -> None:
        self.world.files[Path(self.path.partition("?")[0]).name] = self._content()
        self._answer(b"")

    def _content(self) -> bytes:
        """Return the body; the SDK may send it in chunks, with a checksum behind them."""
        if self.headers["Transfer-Encoding"] != "chunked" and "aws-chunked" not in self.headers.get(
            "Content-Encoding", ""
        ):
            return self.rfile.read(int(self.headers["Content-Length"]))
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        return content

    def _answer(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Write no access log."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image") / "task"
    _built(folder)
    return folder


@pytest.fixture(scope="module")
def ran(tree: Path) -> Iterator[World]:
    """One invocation of the image's command."""
    base = tree.parent / "runtime"
    base.mkdir()
    for distribution in OF_THE_BASE_IMAGE:
        _link(distribution, base)
    world = World()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"world": world}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    [handler] = json.loads(_values("CMD")[0])
    port = server.server_address[1]
    own = {
        "_HANDLER": handler,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "REPORT_AS_PDF": "true",
        "HOME": str(tree.parent),
        **dict(each.split("=", 1) for each in _values("ENV")),
        "MPLCONFIGDIR": str(tree.parent / "matplotlib"),
    }
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", "-c", RUNTIME, str(tree), str(base), handler],
        cwd=tree,
        env=environment(SUBJECTS[0], port) | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        world.ended.wait(60)
        yield world
    finally:
        process.kill()
        print(process.communicate()[0].decode())
        server.shutdown()


def test_image_installs_the_base_layer_and_matplotlib_at_their_locked_versions():
    locked = (IMAGE / LOCK.name).read_text()
    base = PIN.findall(lock_of(BASE, LOCK.read_text()))
    assert set(base) < set(PIN.findall(locked))
    assert {name for name, _ in set(PIN.findall(locked)) - set(base)} >= {"matplotlib", "numpy", "pillow"}
    assert set(PIN.findall((IMAGE / "requirements.txt").read_text())) <= set(PIN.findall(locked))
    assert all("--hash=sha256:" in found[0] for found in REQUIREMENT.finditer(locked)) and "://" not in locked


def test_image_is_of_the_runtime_and_architecture_of_the_zips():
    target = for_lambda()
    assert _values("FROM") == [f"public.ecr.aws/lambda/python:{target.python}-{target.architecture}"]


def test_image_leaves_out_what_git_does_not_hold(tree):
    ignored = Path(f"{DOCKERFILE}.dockerignore").read_text().split()
    assert ignored[0] == "*" and {f"!{path}" for path in (*_values("COPY")[1].split()[:-1], "chalicelib")} <= set(
        ignored
    )
    assert not list(tree.glob("chalicelib/**/__pycache__"))


def test_image_runs_the_handler_and_writes_the_report_with_plots(ran):
    assert ran.response == {"written": f"sales/{DAY}"}
    assert ran.files.keys() == {f"{DAY}.csv", f"{DAY}.html", f"{DAY}.pdf"}
    plots, products = _pages(ran.files[f"{DAY}.pdf"])
    assert len(BAR.findall(plots)) == DAYS + len(SOLD) + COUNTRIES
    assert not BAR.findall(products)


def test_drawn_report_has_the_same_bytes_and_pages_for_all_products():
    """A name may be what matplotlib would read as a formula, of which this one is none."""
    from chalicelib.analytics.report_pdf import as_pdf  # it loads matplotlib

    days = [Day("2030-05-17", 1, 900, {f"MUG-{n}": Sold(n, 100 * n - 300) for n in range(60)})]
    one, other = (as_pdf(days, {"MUG-59": r"Cup $\x$"}, shop()) for _ in range(2))
    assert one == other
    assert one.count(b"/Type /Page ") == 3


def _pages(document: bytes) -> list[bytes]:
    """Return the content of each page of a PDF."""
    assert document.startswith(b"%PDF-") and document.rstrip().endswith(b"%%EOF")
    streams = re.findall(rb"/FlateDecode\s*>>\s*stream\r?\n(.*?)endstream", document, re.DOTALL)
    contents = [zlib.decompressobj().decompress(each) for each in streams]
    return [each for each in contents if each.startswith(b"/DeviceRGB CS")]
