"""Reports of the test bed: keeps that of each run in `.local/testbed`, and shows it in the lab of the local shop."""

from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from infra.build.template import ROOT
from infra.commands import deployment
from infra.local.run import NotRunning
from testbed import report
from testbed.plan import FaultPlan
from testbed.record import RunRecord

FOLDER = ROOT / ".local" / "testbed"
PREFIX = "testbed/"
"""Of the objects that `chalicelib/console/run_reports.py` lists."""


def keep(console: Console, record: RunRecord, name: str, folder: Path = FOLDER) -> Path:
    """Write the page of a run and its record, and upload the page if the local shop runs. Return the page's path."""
    path = report.write(record, folder / f"{name}.html")
    console.print(f"  Report: {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")
    try:
        shop = deployment.find(deployment.LOCAL)
        upload(shop.session.client("s3"), shop.outputs["ReportsBucketName"], path.name, path.read_text())
    except NotRunning:
        return path
    except (BotoCoreError, ClientError) as error:
        console.print(f"  The lab of the local shop cannot show it: {error}")
        return path
    console.print("  It is in the lab of the console, too.")
    return path


def upload(s3: Any, bucket: str, file: str, page: str) -> None:
    """Store a page where the lab finds it."""
    s3.put_object(Bucket=bucket, Key=PREFIX + file, Body=page.encode(), ContentType="text/html; charset=utf-8")


def faults(plan: FaultPlan | None) -> str:
    """Return what a command that repeats a run needs besides its seed, if it had a plan of its own."""
    return f' FAULTS="{plan}"' if plan else ""
