"""`make job NAME=…`: runs a scheduled job now, and prints its answer. `make job` alone lists the jobs.

    make job NAME=sweep_reservations
    make job NAME=write_sales_report INPUT='{"date": "2030-05-17"}'
    STAGE=demo make job NAME=remind_of_carts

Without STAGE it is the local shop's.
"""

import json
import os
import re
import sys
from typing import Any

import boto3
from botocore.config import Config

from infra.build.template import pieces
from infra.local import run, shop

PATIENT = Config(read_timeout=330, retries={"total_max_attempts": 1})
"""Longer than any job may run; and a job that takes long is not started a second time."""


class JobFailed(Exception):
    """The job ended with an error; the message is what it said."""


def jobs(stage: str = "local") -> dict[str, str]:
    """The logical ids of the functions that the clock runs, by the functions' names."""
    resources = pieces(stage)["Resources"].values()
    schedules = [each["Properties"] for each in resources if each.get("Type") == "AWS::Scheduler::Schedule"]
    targets = [schedule["Target"]["Arn"]["Fn::GetAtt"][0] for schedule in schedules]
    return {_snake(target): target for target in sorted(targets)}


def invoke(session: boto3.Session, stack: str, logical_id: str, given: dict[str, Any]) -> Any:
    """What the job answers. Raises JobFailed."""
    found = session.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    function = found["StackResourceDetail"]["PhysicalResourceId"]
    payload = json.dumps(given).encode()
    answer = session.client("lambda", config=PATIENT).invoke(FunctionName=function, Payload=payload)
    told = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise JobFailed(f"{told.get('errorType')}: {told.get('errorMessage')}")
    return told


def main(name: str, stage: str | None, given: str) -> int:
    known = jobs(stage or "local")
    if name not in known:
        print(f"There is no job {name}." if name else "Which job?", f"make job NAME={'|'.join(known)}", sep="\n  ")
        return 2
    try:
        session, stack = _stack_of(stage)
        print(json.dumps(invoke(session, stack, known[name], json.loads(given or "{}")), indent=2))
    except (run.NotRunning, JobFailed, ValueError) as failure:
        print(failure)
        return 1
    return 0


def _stack_of(stage: str | None) -> tuple[boto3.Session, str]:
    """Raises run.NotRunning."""
    return (boto3.Session(), f"storefront-{stage}") if stage else (run.place().session, shop.STACK)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


if __name__ == "__main__":
    sys.exit(main(os.environ.get("NAME", ""), os.environ.get("STAGE") or None, os.environ.get("INPUT", "")))
