"""Lighthouse: measures the pages of a purchase on an emulated phone and compares the scores with a minimum.

A page below it is measured twice more and the median counts, because a busy machine makes any page slow.
"""

import json
import shutil
import statistics
import subprocess
import tempfile
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
from infra.commands.output import styled
from infra.local import processes, run

TOOL = storefront.FRONTEND / "lighthouse"
REPORTS = run.HOME / "lighthouse"
BAR = 95
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
SKU = "CAMP-KETTLE-01"
PAGES = {"home": "/", "product": f"/products/{SKU}", "cart": "/cart", "checkout": "/checkout"}

Scores = dict[str, int]


@dataclass(frozen=True)
class Visitor:
    """A Chromium that Lighthouse controls through its debugging port."""

    port: int
    forget_files: Callable[[], Any]


def lighthouse(console: Console) -> int:
    """Return 1 if a page is below the minimum."""
    shop, chromium = run.outputs()["storefront_url"], browser.chromium()
    storefront.install(TOOL, lambda line: console.print(f"  {line} …"))
    REPORTS.mkdir(exist_ok=True)
    table = Table("page", *CATEGORIES)
    is_fine = True
    with _browser_with_a_cart(shop, chromium) as visitor:
        for name, path in PAGES.items():
            console.print(f"  measuring {name} …")
            scores = _scores(name, shop + path, visitor)
            is_fine = is_fine and min(scores.values()) >= BAR
            table.add_row(name, *(_coloured(scores[category]) for category in CATEGORIES))
    console.print(table)
    console.print(f"  minimum score: {BAR}; reports: {REPORTS.relative_to(run.ROOT)}")
    return 0 if is_fine else 1


def _scores(name: str, url: str, visitor: Visitor) -> Scores:
    runs = [_measured(name, url, visitor)]
    while min(runs[0].values()) < BAR and len(runs) < 3:
        runs.append(_measured(name, url, visitor))
    return {category: int(statistics.median_low([each[category] for each in runs])) for category in CATEGORIES}


def _measured(name: str, url: str, visitor: Visitor) -> Scores:
    visitor.forget_files()
    command = [
        storefront.tool("node"), "node_modules/lighthouse/cli/index.js", url,
        f"--port={visitor.port}", "--disable-storage-reset", "--quiet", "--no-enable-error-reporting",
        f"--only-categories={','.join(CATEGORIES)}",
        "--output=json", "--output=html", f"--output-path={REPORTS / name}",
    ]  # fmt: skip
    subprocess.run(command, cwd=TOOL, check=True)
    report: dict[str, Any] = json.loads((REPORTS / f"{name}.report.json").read_text())
    return {category: round(100 * (report["categories"][category]["score"] or 0)) for category in CATEGORIES}


@contextmanager
def _browser_with_a_cart(shop: str, chromium: str) -> Iterator[Visitor]:
    """Yield a browser with a product in the cart and an empty cache."""
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
            devtools = context.new_cdp_session(page)
            yield Visitor(port, lambda: devtools.send("Network.clearBrowserCache"))
        finally:
            context.close()
            shutil.rmtree(profile, ignore_errors=True)


def _coloured(score: int) -> Text:
    return styled(str(score), "green" if score >= BAR else "red")
