"""axe-core: serves the script to the pages of the tests, and runs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from playwright.sync_api import Page

from infra.build.storefront import FRONTEND, install

SCRIPT = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async (options) => {
  const { violations, passes } = await axe.run(document, { resultTypes: ['violations'], ...options });
  return { violations, passes: passes.length };
}"""


class _Files(SimpleHTTPRequestHandler):
    """Lets the browser keep each file, and a script's compiled code with it."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def log_message(self, *details: Any) -> None:
        """Write nothing."""


@contextmanager
def served() -> Iterator[str]:
    """Serve axe and return its address: to send half a megabyte to each page takes 0.2 seconds of the processor."""
    install(FRONTEND)  # pages that are built already need no package
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=SCRIPT.parent))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{SCRIPT.name}"
    server.shutdown()
    server.server_close()


def violations(page: Page, theme: Any, without: tuple[str, ...] = ()) -> list[str]:
    """Return what axe finds on the page in this theme, except by the rules `without`.

    Selectors of the elements take a quarter of its time, so it runs again for them if it finds something.
    """
    page.emulate_media(color_scheme=theme)
    rules = {rule: {"enabled": False} for rule in without}
    answer = page.evaluate(RUN, {"rules": rules, "selectors": False})
    assert answer["passes"], "axe looked at nothing"
    if answer["violations"]:
        answer = page.evaluate(RUN, {"rules": rules})
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in answer["violations"]
        for node in rule["nodes"]
    ]
