"""Log search: find log lines by id with CloudWatch Logs Insights, in one query over all log groups."""

import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.platform.base_model import BaseModel

if TYPE_CHECKING:
    from types_boto3_logs.client import CloudWatchLogsClient

LINES_AT_MOST = 500
PATIENCE_SECONDS = 8
"""The longest wait for a query. Less than the API's function may run."""
PAUSE_SECONDS = 0.2
GROUPS_AT_ONCE = 50
"""The most log groups that one query may name."""


class Line(BaseModel):
    """`at` is CloudWatch's timestamp in ISO 8601, UTC; `content` is None for a line that is not a JSON object."""

    at: str
    group: str
    text: str
    content: dict[str, Any] | None


class LogSearch(BaseModel):
    """Not complete if there were more lines than the limit, or if the query did not finish in time."""

    lines: list[Line]
    is_complete: bool


class Logs:
    def __init__(self, cloudwatch_logs: "CloudWatchLogsClient", group_prefix: str) -> None:
        self._logs = cloudwatch_logs
        self._prefix = group_prefix

    def mentioning(self, words: Sequence[str], start: datetime, end: datetime) -> LogSearch:
        """Return the lines that contain one of the words, oldest first. `words` are ids; they are not escaped."""
        groups = self._groups()
        if not groups:
            return LogSearch(lines=[], is_complete=True)
        query = self._logs.start_query(
            logGroupNames=groups,
            startTime=int(start.timestamp()),
            endTime=int(end.timestamp()) + 1,
            queryString=(
                "fields @timestamp, @message, @log"
                f" | filter @message like /{'|'.join(words)}/"
                f" | sort @timestamp asc | limit {LINES_AT_MOST}"
            ),
        )
        return self._results(query["queryId"])

    def _results(self, query_id: str) -> LogSearch:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._logs.get_query_results(queryId=query_id)
            is_done = answer["status"] not in ("Scheduled", "Running")
            if is_done or time.monotonic() > deadline:
                break
            time.sleep(PAUSE_SECONDS)
        lines = [_line({field["field"]: field["value"] for field in row}) for row in answer["results"]]
        return LogSearch(lines=lines, is_complete=answer["status"] == "Complete" and len(lines) < LINES_AT_MOST)

    def _groups(self) -> list[str]:
        """Return the log groups that exist; a function that never ran has none."""
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self._prefix)
        return [group["logGroupName"] for page in pages for group in page["logGroups"]][:GROUPS_AT_ONCE]


def _line(row: dict[str, str]) -> Line:
    """`@log` begins with the account number; `@timestamp` is UTC without an offset."""
    at = row["@timestamp"].replace(" ", "T") + "Z"
    return Line(at=at, group=row["@log"].rsplit(":", 1)[-1], text=row["@message"], content=content_of(row["@message"]))


def content_of(text: str) -> dict[str, Any] | None:
    """Return the object that a line of our logger is in JSON; None for any other line."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None
