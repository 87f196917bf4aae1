"""Lighthouse: measures the shop's pages on an emulated phone and compares the median scores with a minimum.

A busy machine makes any page slow, so the command waits for an idle one and refuses to judge otherwise. A page below
the minimum is judged only by runs with about the same processor speed, which Lighthouse measures (`benchmarkIndex`).
"""

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.build import storefront
from infra.commands import browser
from infra.commands.client import Buyer
from infra.commands.output import styled
from infra.local import processes, run

TOOL = storefront.FRONTEND / "lighthouse"
REPORTS = run.HOME / "lighthouse"
BAR = 95
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
SKU = "CAMP-KETTLE-01"
PAGES = {
    "home": "/",
    "category": "/category/camp",
    "search": "/search?q=kettle",
    "product": f"/products/{SKU}",
    "cart": "/cart",
    "checkout": "/checkout",
    "order": "/orders/{order_id}",
}
RUNS, MOST_RUNS = 3, 6
"""How many runs of a page are judged, and how many may be needed for them."""
BUSY_SHARE = 0.3
"""The share of the processors' time that others may use before and between the runs."""
PATIENCE_SECONDS = 120
STEADY = 0.8
"""A run counts if it has at least this share of the processor speed of the page's fastest run."""

Scores = dict[str, int]


class MachineBusy(Exception):
    """Scores would be those of the machine, not of the pages."""


@dataclass(frozen=True)
class Run:
    """`speed` is Lighthouse's measure of the processor during this run."""

    scores: Scores
    speed: float


@dataclass(frozen=True)
class Visitor:
    """A Chromium that Lighthouse controls through its debugging port."""

    port: int
    forget_files: Callable[[], Any]
    order_id: str


def lighthouse(console: Console) -> int:
    """Return 1 if a page is below the minimum. Raises MachineBusy."""
    outputs, chromium = run.outputs(), browser.chromium()
    shop = outputs["storefront_url"]
    storefront.install(TOOL, lambda line: console.print(f"  {line} …"))
    REPORTS.mkdir(exist_ok=True)
    table = Table("page", *CATEGORIES)
    is_fine = True
    with _browser_with_a_cart(shop, outputs["api_url"], chromium) as visitor:
        for name, path in PAGES.items():
            console.print(f"  measuring {name} …")
            scores = _scores(name, shop + path.format(order_id=visitor.order_id), visitor)
            is_fine = is_fine and _worst(name, scores) >= BAR
            table.add_row(name, *(_coloured(scores[category]) for category in CATEGORIES))
    console.print(table)
    console.print(f"  medians of {RUNS} runs; minimum score: {BAR}; reports: {REPORTS.relative_to(run.ROOT)}")
    return 0 if is_fine else 1


def _worst(name: str, scores: Scores) -> int:
    """Return the lowest score that counts: search engines are to leave out pages of one order."""
    return min(score for category, score in scores.items() if (name, category) != ("order", "seo"))


def _scores(name: str, url: str, visitor: Visitor) -> Scores:
    """Return the medians of all runs if they pass, otherwise those of runs at full speed. Raises MachineBusy."""
    _wait_for_idle_machine()
    runs = [_measured(name, url, visitor) for _ in range(RUNS)]
    while _worst(name, scores := median_scores(runs)) < BAR:
        if len(steady := at_full_speed(runs)) >= RUNS:
            return median_scores(steady)
        if len(runs) == MOST_RUNS:
            raise MachineBusy(f"The processor was slowed while {name} was measured. End other programs and try again.")
        runs.append(_measured(name, url, visitor))
    return scores


def at_full_speed(runs: list[Run]) -> list[Run]:
    """Return the runs whose processor was about as fast as in the fastest one."""
    fastest = max((each.speed for each in runs), default=0)
    return [each for each in runs if each.speed >= STEADY * fastest]


def median_scores(runs: list[Run]) -> Scores:
    return {category: int(statistics.median_low([each.scores[category] for each in runs])) for category in CATEGORIES}


def _wait_for_idle_machine() -> None:
    """Raises MachineBusy if others use the processors all the time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (share := busy_share()) > BUSY_SHARE:
        if time.monotonic() > deadline:
            raise MachineBusy(
                f"The machine is {share:.0%} busy, so any page is slow. End other programs and try again."
            )


def busy_share(seconds: float = 3) -> float:
    """Return the share of the processors' time that is used during the next seconds; 0 where it cannot be read.

    Source: `/proc/stat` of Linux, whose fourth and fifth column are the idle time.
    """
    before = _processor_times()
    time.sleep(seconds)
    spent = [now - then for now, then in zip(_processor_times(), before, strict=True)]
    return 1 - sum(spent[3:5]) / sum(spent) if sum(spent) else 0.0


def _processor_times() -> list[int]:
    path = Path("/proc/stat")
    return list(map(int, path.read_text().split()[1:9])) if path.exists() else []


def _measured(name: str, url: str, visitor: Visitor) -> Run:
    visitor.forget_files()
    command = [
        storefront.tool("node"), "node_modules/lighthouse/cli/index.js", url,
        f"--port={visitor.port}", "--disable-storage-reset", "--quiet", "--no-enable-error-reporting",
        f"--only-categories={','.join(CATEGORIES)}",
        "--output=json", "--output=html", f"--output-path={REPORTS / name}",
    ]  # fmt: skip
    subprocess.run(command, cwd=TOOL, check=True)
    report: dict[str, Any] = json.loads((REPORTS / f"{name}.report.json").read_text())
    scores = {category: round(100 * (report["categories"][category]["score"] or 0)) for category in CATEGORIES}
    return Run(scores, report["environment"]["benchmarkIndex"])


@contextmanager
def _browser_with_a_cart(shop: str, api_url: str, chromium: str) -> Iterator[Visitor]:
    """Yield a browser with a product in the cart, a completed order and an empty cache."""
    from playwright.sync_api import sync_playwright

    port, profile = processes.free_port(), Path(tempfile.mkdtemp())
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium,
            args=[*browser.FLAGS, f"--remote-debugging-port={port}"],
            service_workers="block",
        )
        try:
            page = context.new_page()
            page.goto(f"{shop}/products/{SKU}")
            page.get_by_test_id("add-to-cart").click()
            page.get_by_test_id("go-to-checkout").wait_for()
            guest = Buyer(api_url)
            order_id = guest.buy(SKU)
            guest.ended(order_id)
            page.evaluate(
                "tokens => localStorage.setItem('saga.order-tokens', JSON.stringify(tokens))", guest.order_tokens
            )
            devtools = context.new_cdp_session(page)
            yield Visitor(port, lambda: devtools.send("Network.clearBrowserCache"), order_id)
        finally:
            context.close()
            shutil.rmtree(profile, ignore_errors=True)


def _coloured(score: int) -> Text:
    return styled(str(score), "green" if score >= BAR else "red")
