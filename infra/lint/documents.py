"""Check the documents that describe the shop's interfaces with the tools of their specifications."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from chalicelib import api as routes
from chalicelib.platform import openapi
from infra.build import contracts
from infra.lint.tools import HERE, NODE_PACKAGES, node_script, node_tool, once

RULESET = HERE / "spectral.yaml"
SPECTRAL = ("--fail-severity", "hint", "--quiet")


def api() -> None:
    """Check the OpenAPI document, as the API returns it, with Spectral's rules. Raises CheckFailed."""
    with TemporaryDirectory() as folder:
        routes.load_rooms()
        written = Path(folder) / "openapi.json"
        written.write_text(json.dumps(openapi.document("/api")))
        spectral = ("lint", written, "--ruleset", RULESET, *SPECTRAL)
        once("api", lambda: node_tool("spectral", *spectral), written, RULESET, *SPECTRAL, NODE_PACKAGES)


def events() -> None:
    """Parse the AsyncAPI document with the specification's own parser. Raises CheckFailed."""
    parser, document = HERE / "asyncapi.mjs", contracts.FOLDER / "asyncapi.json"
    once("events", lambda: node_script(parser, document), parser, document, NODE_PACKAGES)
