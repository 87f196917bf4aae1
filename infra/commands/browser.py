"""Chromium for the browser tests: finds one on this machine, or installs one."""

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
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


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
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) else None


def _from_playwright() -> str | None:
    _try([sys.executable, "-m", "playwright", "install", "--with-deps", "--only-shell", "chromium"])
    return _of_playwright()


def _from_debian() -> str | None:
    if shutil.which("apt-get") and os.geteuid() == 0:
        _try(["apt-get", "update", "-q"])
        _try(["apt-get", "install", "-y", "-q", "--no-install-recommends", SHELL])
    return _on_path()


def _try(command: list[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600, check=False)
