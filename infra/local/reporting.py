"""Local reporting stack: the one for AWS without its network and database, on the PostgreSQL of this machine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from infra.build import reporting as built
from infra.deploy import reporting
from infra.deploy.stack import Options
from infra.local import postgres
from infra.local.transform import Local, no_layers, own_runtime

ELSEWHERE = ("AWS::EC2::", "AWS::RDS::")
PROXY = "arn:aws:rds:eu-west-1:000000000000:db-proxy:prx-local"


def deploy(
    session: boto3.Session,
    local: Local,
    code: Path,
    main: str,
    shop: dict[str, str],
    database_port: int,
    options: Options,
    progress: Callable[[str], None] = lambda line: None,
) -> None:
    """Deploy the stack to the emulator and migrate the database. `code` is where the shop is packaged."""
    postgres.create_database(database_port)
    template = localized(built.template(), local, database_port)
    reporting.deploy(session, template, code, main, shop, {}, progress, options)


def localized(template: dict[str, Any], local: Local, database_port: int) -> dict[str, Any]:
    """Return a copy for the emulator: no network, no RDS, and functions that connect to this machine without TLS."""
    text = json.dumps(template)
    text = text.replace('{"Fn::GetAtt": ["Proxy", "DBProxyArn"]}', json.dumps(PROXY))
    copy: dict[str, Any] = json.loads(text.replace('{"Fn::GetAtt": ["Proxy", "Endpoint"]}', '"127.0.0.1"'))
    resources = copy["Resources"]
    removed = {name for name, each in resources.items() if each["Type"].startswith(ELSEWHERE)} | {"ProxyRole"}
    for name in removed:
        del resources[name]
    for resource in resources.values():
        if isinstance(needed := resource.get("DependsOn"), list):
            resource["DependsOn"] = [each for each in needed if each not in removed]
    common = copy["Globals"]["Function"]
    del common["VpcConfig"]
    common["Environment"]["Variables"] |= {"REPORTING_PORT": str(database_port), "REPORTING_SSL_MODE": "disable"}
    own_runtime(copy, local)
    no_layers(copy, local)
    return copy
