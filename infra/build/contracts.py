"""`make contracts`: write the event contracts into docs/events/, and refuse changes that break their readers."""

import json
import sys
from pathlib import Path
from typing import Any

from chalicelib.events.contracts import EVENT_CONTRACTS
from chalicelib.events.schemas import asyncapi, breaks, json_schema
from infra.build.template import ROOT

FOLDER = ROOT / "docs" / "events"


def documents() -> dict[str, dict[str, Any]]:
    """By file name."""
    schemas = {f"{contract.name}.json": json_schema(contract) for contract in EVENT_CONTRACTS}
    return schemas | {"asyncapi.json": asyncapi()}


def broken(folder: Path = FOLDER) -> list[str]:
    """Return how the current contracts break the published ones."""
    now = documents()
    found = []
    for path in sorted(folder.glob("*.v*.json")):
        if path.name not in now:
            found.append(f"{path.stem} is gone from the catalogue")
            continue
        found += [f"{path.stem}: {text}" for text in breaks(json.loads(path.read_text()), now[path.name])]
    return found


def written(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def main() -> int:
    wrong = broken()
    if wrong:
        print("These would break readers; add a new version beside the old one instead:", *wrong, sep="\n  ")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, document in documents().items():
        (FOLDER / name).write_text(written(document))
    print(f"{len(EVENT_CONTRACTS)} contracts written to {FOLDER.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
