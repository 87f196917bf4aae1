"""Fixtures: an AWS emulator (MiniStack), a Stripe sandbox and a shop for each worker, started on first use.

A shared emulator would need an account per worker, but unsigned calls, such as a browser's, always belong to the
emulator's default account.
"""

import fcntl
import gc
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from _pytest.assertion import rewrite
from botocore import session as sessions
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from infra.build import storefront
from infra.local import emulator as local_emulator
from infra.local import forker, meter, processes, run, shop
from testbed import rarely
from tests import rights, workflow_coverage

os.environ.setdefault("AWS_DEFAULT_REGION", local_emulator.REGION)

OF_BROWSER, OF_SHOP, COMPUTING = "tests/browser/", "tests/e2e/", ""
"""Kinds of test files, by the beginning of their paths."""


def pytest_configure(config: pytest.Config) -> None:
    _run_longer_at_a_time()
    gc.set_threshold(*rarely.THRESHOLDS)
    # All sessions share the API models, which are megabytes of JSON.
    sessions.create_loader = cache(sessions.create_loader)
    os.environ[processes.ENDS_WITH] = str(os.getpid())
    os.environ.setdefault(forker.SHARED_BY, str(os.getpid()))
    config.pluginmanager.register(rights.Judge(config), "rights")
    config.pluginmanager.register(workflow_coverage.Judge(config), "workflow_coverage")
    if hasattr(config, "workerinput"):
        _rewrite_share(
            config, int(config.workerinput["workerid"].removeprefix("gw")), config.workerinput["workercount"]
        )


def _run_longer_at_a_time() -> None:
    """Let Linux interrupt a process less often when another one wakes (SCHED_BATCH, `man 7 sched`).

    Workers, emulators, functions and browsers inherit it. A dozen of them are ready at any time, and each change takes
    what the one before had in the caches of the processor: without it, tests take 4 % longer.
    """
    if hasattr(os, "SCHED_BATCH"):
        with suppress(PermissionError):  # of a container that forbids it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _rewrite_share(config: pytest.Config, worker: int, workers: int) -> None:
    """Rewrite the assertions of one worker's share of the test modules, for all workers.

    In a fresh clone each worker would rewrite all of them, which takes half of the time of a collection.
    """
    places = [Path(argument.partition("::")[0]) for argument in config.args]
    modules = sorted(found for place in places for found in ([place] if place.is_file() else place.rglob("test_*.py")))
    for module in [] if sys.dont_write_bytecode else modules[worker::workers]:
        folder = rewrite.get_cache_dir(module.absolute())
        cached = folder / f"{module.stem}{rewrite.PYC_TAIL}"
        if rewrite._read_pyc(module, cached) is None and rewrite.try_makedirs(folder):
            source, code = rewrite._rewrite_test(module.absolute(), config)
            rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, source, cached)


class ServersOnFewerWorkers(LoadFileScheduling):
    """Scheduler that gives a worker one file after the other, first of the kind for which it has what a file needs.

    A shop takes several seconds of the processor, and a browser, its pages and the order that they show as much again.
    So half of the workers start with a browser and the other half without one, and the last of three or more workers
    computes, while the others wait for half of their time.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        for kind in _kinds_in_turn(self.nodes.index(node), len(self.nodes)):
            if fitting := next((file for file in self.workqueue if _kind(file) == kind), None):
                self.workqueue.move_to_end(fitting, last=False)
                break
        super()._assign_work_unit(node)


def _kinds_in_turn(worker: int, workers: int) -> tuple[str, ...]:
    if worker == workers - 1 >= 2:
        return COMPUTING, OF_SHOP, OF_BROWSER
    return (OF_BROWSER, OF_SHOP, COMPUTING) if worker < workers // 2 else (OF_SHOP, COMPUTING, OF_BROWSER)


def _kind(file: str) -> str:
    return next((kind for kind in (OF_BROWSER, OF_SHOP) if file.startswith(kind)), COMPUTING)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return ServersOnFewerWorkers(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files: long ones first, so that no worker waits at the end, and those that fill the tables last of the
    shop's, so that audits read less."""
    long, full = ({item.path for item in items if item.get_closest_marker(m)} for m in ("takes_long", "leaves_much"))
    items.sort(key=lambda item: (item.path not in long, item.path in full))


@dataclass(frozen=True)
class Engine:
    """The AWS emulator (MiniStack) and the Stripe sandbox. While the file `billed` exists, a meter fills it."""

    place: shop.LocalShop
    billed: Path

    @property
    def session(self) -> boto3.Session:
        return self.place.session


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    home = tmp_path_factory.mktemp("servers")
    engine_port, payments_port = processes.free_port(), processes.free_port()
    payments_pid = run.start_payments(payments_port, home)
    # Waits between retries are compressed; timeouts are not. Nobody starts this emulator again, so it saves nothing.
    settings = {"SFN_WAIT_SCALE": "0.01", "PERSIST_STATE": "0", "S3_PERSIST": "0", meter.FILE: str(home / "billed")}
    engine_pid = local_emulator.start(engine_port, home / "state", home / "engine.log", settings)
    try:
        yield Engine(
            shop.LocalShop(
                engine_port,
                local_emulator.url(payments_port),
                parameters={
                    "WarehouseHeartbeatSeconds": "10",
                    "BuyerConfirmationSeconds": "25",
                    "OrderDeadlineSeconds": "745",
                    "MailsPerRecipient": "1000",
                    "MailsPerClient": "1000",
                },
            ),
            home / "billed",
        )
    finally:
        local_emulator.stop(engine_pid)
        processes.stop(payments_pid, run.PAYMENTS)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def opened(engine: Engine, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> dict[str, Any]:
    """Deploy and seed a shop without its pages; return the content of `outputs.json`."""
    build = tmp_path_factory.mktemp("build")
    outputs = shop.deploy_shop(engine.place, build, frontend=False)
    judge = pytestconfig.pluginmanager.get_plugin("rights")
    judge.note(engine.session, shop.STACK, json.loads((build / "sam.json").read_text()))
    return outputs


@pytest.fixture(scope="session")
def storefront_url(engine: Engine, opened: dict[str, Any], built_pages: Path) -> str:
    """Publish the pages of the same shop."""
    shop.publish_pages(engine.place, opened["stack"])
    return opened["storefront_url"]


@pytest.fixture(scope="session")
def built_pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the pages once per run: the first worker builds the shared folder, the others wait."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / "pages-built").open("a+") as note:
        fcntl.flock(note, fcntl.LOCK_EX)
        if note.seek(0, os.SEEK_END) == 0:
            storefront.build()
            note.write("built\n")
    return storefront.DIST
