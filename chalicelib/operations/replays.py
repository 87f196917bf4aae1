"""Replays of the bus' archive.

Every consumer bears a repetition, so a replay changes nothing that was done already; it does what was missed.
"""

import uuid
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from pydantic import BaseModel

from chalicelib.operations.model import ReplaysBusy, ReplayUnknown
from chalicelib.platform.clock import iso


class Replay(BaseModel):
    """`state` is EventBridge's: STARTING, RUNNING, COMPLETED, FAILED, CANCELLED, CANCELLING."""

    replay_id: str
    state: str
    start: str
    end: str
    reason: str | None = None


class Replays:
    """`archive` and `bus` are ARNs. The bus' name begins the name of every replay, so that a policy can name them."""

    def __init__(self, events: Any, archive: str, bus: str) -> None:
        self._events = events
        self._archive = archive
        self._bus = bus

    def start(self, start: datetime, end: datetime, rules: list[str] | None) -> Replay:
        """To these rules, or to all. Raises ReplaysBusy.

        EventBridge filters a replay by rules only and not by types of events: a rule that takes more than one
        type gets all of them. Whole seconds are replayed, because EventBridge notes an event's time in seconds.
        """
        replay_id = self._prefix + uuid.uuid4().hex[:12]
        only = {"FilterArns": rules} if rules is not None else {}
        try:
            answer = self._events.start_replay(
                ReplayName=replay_id,
                EventSourceArn=self._archive,
                EventStartTime=start.replace(microsecond=0),
                EventEndTime=end,
                Destination={"Arn": self._bus, **only},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "LimitExceededException":
                raise ReplaysBusy from error
            raise
        return Replay(replay_id=replay_id, state=answer["State"], start=iso(start), end=iso(end))

    def get(self, replay_id: str) -> Replay:
        """Raises ReplayUnknown."""
        if not replay_id.startswith(self._prefix) or len(replay_id) != len(self._prefix) + 12:
            raise ReplayUnknown
        try:
            told = self._events.describe_replay(ReplayName=replay_id)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ResourceNotFoundException", "ValidationException"):
                raise ReplayUnknown from error
            raise
        return Replay(
            replay_id=replay_id,
            state=told["State"],
            start=iso(told["EventStartTime"]),
            end=iso(told["EventEndTime"]),
            reason=told.get("StateReason"),
        )

    @property
    def _prefix(self) -> str:
        return f"{self._bus.rsplit('/', 1)[-1][:50]}-"
