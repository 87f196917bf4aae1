"""Reports of the test bed: keeps that of each run in `.local/testbed`, and shows it in the lab of the local shop."""

import re
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from infra.build.template import ROOT
from infra.commands import deployment
from infra.local.run import NotRunning
from testbed import report
from testbed.record import RunRecord

FOLDER = ROOT / ".local" / "testbed"
PREFIX = "testbed/"
"""Of the objects that `chalicelib/console/run_reports.py` lists."""


def keep(console: Console, record: RunRecord, folder: Path = FOLDER) -> Path:
    """Write the page and the record of a run, and upload the page if the local shop runs. Return the page's path."""
    path = report.write(record, folder / f"{name(record)}.html")
    console.print(f"  report: {path}")
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


def name(record: RunRecord) -> str:
    """Return a file name that sorts by time, such as `20261129T123000Z-chaos-4711`."""
    time = re.sub(r"[^0-9TZ]", "", re.sub(r"\.\d+", "", record.started_at))
    words = re.sub(r"[^a-z0-9]+", "-", record.name.lower()).strip("-")
    return f"{time}-{words}-{record.seed}"
