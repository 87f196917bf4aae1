"""The stack in us-east-1: Lambda@Edge and the distribution's web ACL.

Its functions have to be told where the API is and which keys the user pool signs with, and the main stack has to be
told their versions. So the main stack goes first, without them or with those of last time; then this one; then
the main stack again, with what is new.
"""

import json
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra import deploy
from infra.template_pieces import ROOT, read

REGION = "us-east-1"
EDGE = ROOT / "infra" / "edge"
PACKAGE = EDGE / "storefront_edge"
CODE = "edge.zip"
Outputs = dict[str, str]
Progress = Callable[[str], None]


def session() -> boto3.Session:
    return boto3.Session(region_name=REGION)


def parameters(session: boto3.Session, main: str) -> Outputs:
    """What the main stack is told of the edge's as it is now: nothing if there is none."""
    try:
        return deploy.outputs(session, _name(main))
    except ClientError as error:
        if "does not exist" in str(error):
            return {}
        raise


def deploy_around(
    main: Callable[[Outputs], Outputs],
    session: boto3.Session,
    name: str,
    bake: Callable[[Outputs], dict[str, Any]],
    out: Path,
    progress: Progress = lambda line: None,
) -> Outputs:
    """Returns the main stack's outputs. Raises deploy.DeploymentFailed.

    `main` deploys the main stack of this name with some more parameters; `bake` makes settings of its outputs.
    """
    known = parameters(session, name)
    outputs = main(known)
    current = deploy.deploy(session, package(out, bake(outputs)), out, _name(name), {}, progress)
    return outputs if current == known else main(current)


def settings(outputs: Outputs, region: str, identity: str | None = None) -> dict[str, Any]:
    """What is baked into the functions' package. `identity` is where the user pool's keys are read, if not at AWS."""
    issuer = f"https://cognito-idp.{region}.amazonaws.com/{outputs['UserPoolId']}"
    published = f"{identity}/{outputs['UserPoolId']}" if identity else issuer
    with urllib.request.urlopen(f"{published}/.well-known/jwks.json", timeout=10) as answer:
        keys = json.load(answer)["keys"]
    return {
        "storefront_url": outputs["StorefrontUrl"],
        "api_url": outputs["ApiUrl"],
        "token_issuer": issuer,
        "token_audience": outputs["UserPoolClientId"],
        "token_keys": keys,
    }


def package(out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Returns the template; the code that it names lies in `out`. The same for the same, so that nothing is updated."""
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out / CODE, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in sorted(PACKAGE.glob("*.py")):
            _add(archive, f"{PACKAGE.name}/{source.name}", source.read_bytes())
        _add(archive, f"{PACKAGE.name}/settings.json", json.dumps(settings, sort_keys=True).encode())
    return read(EDGE / "template.yaml")


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _name(main: str) -> str:
    return f"{main}-edge"
