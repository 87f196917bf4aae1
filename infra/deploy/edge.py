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

from infra.build.edge import package
from infra.deploy import stack
from infra.deploy.outputs import description

REGION = "us-east-1"
Outputs = dict[str, str]


def session() -> boto3.Session:
    return boto3.Session(region_name=REGION)


def name(main: str) -> str:
    """Return the name of the edge stack of a main stack."""
    return f"{main}-edge"


def parameters(session: boto3.Session, main: str) -> Outputs:
    """Return the edge stack's outputs, which are parameters of the main stack; empty if there is no edge stack."""
    found = description(session.client("cloudformation"), name(main)) or {}
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def deploy_around(
    main: Callable[[Outputs], Outputs],
    session: boto3.Session,
    main_stack: str,
    bake: Callable[[Outputs], dict[str, Any]],
    out: Path,
    progress: stack.Progress = lambda line: None,
    given: dict[str, str] | None = None,
    options: stack.Options = stack.Options(),  # noqa: B008, it is frozen
) -> Outputs:
    """Deploy the main stack around the edge stack; return the main stack's outputs. Raises as `stack.deploy` does.

    `main` deploys the main stack with additional parameters; `bake` returns the edge functions' settings; `given` are
    the edge stack's own parameters.
    """
    known = parameters(session, main_stack)
    outputs = main(known)
    template = package(out, bake(outputs))
    own = {"DistributionId": outputs["DistributionId"], **(given or {})}
    current = stack.deploy(session, template, out, name(main_stack), own, progress, options)
    return outputs if current == known else main(current)


def settings(outputs: Outputs, session: boto3.Session) -> dict[str, Any]:
    """Return the settings in the functions' package, with the user pool's keys of this moment."""
    pool = outputs["UserPoolId"]
    identity = session.client("cognito-idp").meta.endpoint_url
    with urllib.request.urlopen(f"{identity}/{pool}/.well-known/jwks.json", timeout=10) as answer:
        keys = json.load(answer)["keys"]
    return {
        "storefront_url": outputs["StorefrontUrl"],
        "api_url": outputs["PublicApiUrl"],
        "token_issuer": f"https://cognito-idp.{session.region_name}.amazonaws.com/{pool}",
        "token_audience": outputs["UserPoolClientId"],
        "token_keys": keys,
    }
