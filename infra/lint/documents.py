"""Check the documents that describe the shop's interfaces with the tools of their specifications."""

from infra.build import contracts
from infra.lint.tools import HERE, node_script


def events() -> None:
    """Parse the AsyncAPI document with the specification's own parser. Raises CheckFailed."""
    node_script(HERE / "asyncapi.mjs", contracts.FOLDER / "asyncapi.json")
