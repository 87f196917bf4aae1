"""Release digest: publishes a version of each function with an alias whenever code, template or parameters change.

SAM publishes a version when the code's address or AutoPublishCodeSha256 changes, not when a parameter does. Without the
digest the alias would keep the environment of the release before. SAM writes the digest into the function's description
too, because Lambda publishes no version of an unchanged function. AWS SAM developer guide, AWS::Serverless::Function.
"""

import hashlib
import json
from pathlib import Path
from typing import Any


def stamped(template: dict[str, Any], code: Path, values: dict[str, str]) -> dict[str, Any]:
    """Return a copy of the template with the digest of its release. `values` are the parameters' values."""
    copy: dict[str, Any] = json.loads(json.dumps(template))
    functions = [
        each["Properties"] for each in copy["Resources"].values() if each["Type"] == "AWS::Serverless::Function"
    ]
    released = [each for each in functions if "AutoPublishAlias" in each]
    if released:
        layers = [each for each in copy["Resources"].values() if each["Type"] == "AWS::Serverless::LayerVersion"]
        archives = [each["CodeUri"] for each in released] + [each["Properties"]["ContentUri"] for each in layers]
        digest = _digest(template, [code / str(archive) for archive in archives], values)
        for each in released:
            each["AutoPublishCodeSha256"] = digest
    return copy


def _digest(template: dict[str, Any], archives: list[Path], values: dict[str, str]) -> str:
    digest = hashlib.sha256(json.dumps([template, values], sort_keys=True).encode())
    for archive in archives:
        digest.update(hashlib.sha256(archive.read_bytes()).digest())
    return digest.hexdigest()
