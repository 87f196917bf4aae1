"""Edge deployment: the stack in us-east-1, with Lambda@Edge and the distribution's web ACL.

Its functions need the API's address and the user pool's keys, and the main stack needs their versions. So the main
stack is deployed first, without versions or with the last ones, then this stack, then the main stack again if the
versions changed.
"""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.build.edge import package
from infra.deploy import stack

REGION = "us-east-1"
Outputs = dict[str, str]
Progress = Callable[[str], None]


def session() -> boto3.Session:
    return boto3.Session(region_name=REGION)


def parameters(session: boto3.Session, main: str) -> Outputs:
    """Return the edge stack's outputs, which are parameters of the main stack; empty if there is no edge stack."""
    try:
        return stack.outputs(session, _name(main))
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
    """Deploy the main stack around the edge stack; return the main stack's outputs. Raises DeploymentFailed.

    `main` deploys the main stack with additional parameters; `bake` returns the edge functions' settings.
    """
    known = parameters(session, name)
    outputs = main(known)
    current = stack.deploy(session, package(out, bake(outputs)), out, _name(name), {}, progress)
    return outputs if current == known else main(current)


def settings(outputs: Outputs, region: str, identity: str | None = None) -> dict[str, Any]:
    """Return the settings in the functions' package. `identity` is the source of the user pool's keys, if not AWS."""
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


def _name(main: str) -> str:
    return f"{main}-edge"
