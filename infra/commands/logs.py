"""Log stream: prints the structured log lines of all functions of a stage in order of time, and follows them."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.config import Config
from rich.console import Console
from rich.text import Text

from chalicelib.console.logs import content_of
from infra.commands.deployment import LOCAL, Deployment
from infra.commands.output import styled

SPAN_SECONDS = 900
"""How far the first look goes back."""
OVERLAP_MS = 30_000
"""CloudWatch Logs shows a line some seconds after its time, so each look reads the last seconds again."""
PAUSE_SECONDS = 0.1
"""Between two calls: an account may call FilterLogEvents ten times a second (CloudWatch Logs quotas)."""

PATIENT = Config(retries={"mode": "adaptive", "total_max_attempts": 10})
GROUPS = "/aws/lambda/"
COPY = re.compile(r"\[[A-Z]+\]\t\S+\t\S+\t(.*)", re.DOTALL)
OF_THE_PLATFORM = ("START ", "END ", "REPORT ", "INIT_START ", "EXTENSION")
STYLES = {"ERROR": "bold red", "CRITICAL": "bold red", "WARNING": "yellow", "INFO": "green", "DEBUG": "dim"}
COLOURS = ("cyan", "magenta", "blue", "bright_cyan", "bright_magenta", "bright_blue")
SHOWN_APART = {
    *("level", "message", "timestamp", "location", "service", "exception", "exception_name", "stack_trace"),
    *("cold_start", "function_name", "function_arn", "function_memory_size", "function_request_id", "sampling_rate"),
}


class FunctionUnknown(Exception):
    """No function of the stage has this name."""


@dataclass(frozen=True)
class Line:
    """`at` is in milliseconds since 1970."""

    at: int
    function: str
    text: str


@dataclass
class Stream:
    """The log groups by function, and what was read of them."""

    client: Any
    groups: dict[str, str]
    since: int
    order_id: str | None = None
    pause_seconds: float = 0
    _read: dict[Any, int] = field(default_factory=dict)

    def unread(self) -> list[Line]:
        """Return the lines that were not returned before, oldest first."""
        start, self._read = self.since, {key: at for key, at in self._read.items() if at >= self.since}
        found = [line for function, group in self.groups.items() for line in self._of(function, group, start)]
        newest = max((line.at for line in found), default=0)
        self.since = max(self.since, newest - OVERLAP_MS)
        return sorted(found, key=lambda line: line.at)

    def _of(self, function: str, group: str, start: int) -> Iterator[Line]:
        pattern = {"filterPattern": f'"{self.order_id}"'} if self.order_id else {}
        pages = self.client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start, **pattern)
        for page in pages:
            for event in page["events"]:
                key = event.get("eventId") or (function, event["timestamp"], event["message"])
                if key not in self._read:
                    self._read[key] = event["timestamp"]
                    yield Line(event["timestamp"], function, event["message"].rstrip())
        time.sleep(self.pause_seconds)


def show(console: Console, shop: Deployment, name: str | None, order_id: str | None, follow: bool) -> None:
    """Print the lines of the last quarter of an hour, and new ones until Ctrl-C if asked to. Raises FunctionUnknown."""
    groups = chosen(log_groups(shop), name)
    since = round((time.time() - SPAN_SECONDS) * 1000)
    pause = 0 if shop.stage == LOCAL else PAUSE_SECONDS
    stream = Stream(shop.session.client("logs", config=PATIENT), groups, since, order_id, pause)
    try:
        _print(console, stream.unread())
        while follow:
            _print(console, stream.unread())
            time.sleep(0.5)
    except KeyboardInterrupt:
        return


def log_groups(shop: Deployment) -> dict[str, str]:
    """Return the log group of each function, by the function's name in the template."""
    pages = (
        shop.session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=shop.stack_name)
    )
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return {
        each["LogicalResourceId"].removesuffix("Logs"): each["PhysicalResourceId"]
        for each in found
        if each["ResourceType"] == "AWS::Logs::LogGroup" and each.get("PhysicalResourceId", "").startswith(GROUPS)
    }


def chosen(groups: dict[str, str], name: str | None) -> dict[str, str]:
    """Return the group of one function, or all. `send_notifications` names the same one as `SendNotifications`."""
    if not name:
        return groups
    wanted = name.replace("_", "").casefold()
    found = {function: group for function, group in groups.items() if function.casefold() == wanted}
    if not found:
        raise FunctionUnknown(f"There is no function {name!a}. Functions: {', '.join(sorted(groups))}")
    return found


def _print(console: Console, lines: list[Line]) -> None:
    for line in without_copies(lines):
        for text in rendered(line):
            console.print(text, soft_wrap=True)


def without_copies(lines: list[Line]) -> list[Line]:
    """Leave out the plain copy that the Lambda runtime's own handler writes of a structured line."""
    structured = {
        (each.function, str(content["message"]))
        for each in lines
        if (content := content_of(each.text)) and "message" in content
    }
    return [
        each for each in lines if not ((copy := COPY.fullmatch(each.text)) and (each.function, copy[1]) in structured)
    ]


def rendered(line: Line) -> list[Text]:
    """Return what is printed for a line; nothing for the platform's own lines."""
    if line.text.startswith(OF_THE_PLATFORM):
        return []
    at = datetime.fromtimestamp(line.at / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    colour = COLOURS[sum(map(ord, line.function)) % len(COLOURS)]
    head = Text.assemble(styled(at, "dim"), " ", styled(f"{line.function:22}", colour), " ")
    content = content_of(line.text)
    if content is None:
        return [head + styled(line.text, "")]
    level = str(content.get("level", ""))
    more = " ".join(f"{key}={_short(value)}" for key, value in content.items() if key not in SHOWN_APART)
    style = STYLES.get(level, "")
    message = styled(_short(content.get("message", "")), "" if level == "INFO" else style)
    whole = Text.assemble(head, styled(f"{level:8}", style), message, "  ", styled(more, "dim"))
    trace = str(content.get("exception") or "")
    return [whole, *(styled(f"    {each}", "red") for each in trace.splitlines())]


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
