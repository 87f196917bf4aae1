"""Chromium for the browser tests: finds one on this machine, or installs one."""

import contextlib
import os
import shutil
import subprocess
import sys

SHELL = "chromium-headless-shell"
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""The headless shell first: it opens a context with a quarter of the processor time of the whole browser."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


PATIENCE_SECONDS = 600
WHERE = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


class NoBrowser(Exception):
    """No Chromium was found, and none could be installed."""


def chromium() -> str:
    """Return the path of a Chromium. Raises NoBrowser."""
    for find in (_on_path, _of_playwright, _from_playwright, _from_debian):
        path = find()
        if path:
            return path
    raise NoBrowser(
        "No Chromium was found and none could be installed. Install one, for example: apt-get install chromium"
    )


def _on_path() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def _of_playwright() -> str | None:
    """Ask Playwright in a process of its own: the caller may run one already, and one is allowed per process."""
    answer = subprocess.run([sys.executable, "-c", WHERE], capture_output=True, text=True)
    path = answer.stdout.strip()
    return path if path and os.path.exists(path) else None


def _from_playwright() -> str | None:
    system_packages = ["--with-deps"] if os.geteuid() == 0 else []  # others would be asked for a password
    _try([sys.executable, "-m", "playwright", "install", *system_packages, "--only-shell", "chromium"])
    return _of_playwright()


def _from_debian() -> str | None:
    if shutil.which("apt-get") and os.geteuid() == 0:
        _try(["apt-get", "update", "-q"])
        _try(["apt-get", "install", "-y", "-q", "--no-install-recommends", SHELL])
    return _on_path()


def _try(command: list[str]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired, OSError):
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS)
