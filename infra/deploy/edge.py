"""Deploy the stack of us-east-1: Lambda@Edge and the distribution's web ACL.

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
    """What the main stack is told of the edge's as it is now: nothing if there is none."""
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
    """Returns the main stack's outputs. Raises stack.DeploymentFailed.

    `main` deploys the main stack of this name with some more parameters; `bake` makes settings of its outputs.
    """
    known = parameters(session, name)
    outputs = main(known)
    current = stack.deploy(session, package(out, bake(outputs)), out, _name(name), {}, progress)
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


def _name(main: str) -> str:
    return f"{main}-edge"
