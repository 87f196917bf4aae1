"""Event replay: publish archived events of a time span again.

Every consumer is idempotent, so a replay repeats no effect; it only makes up for what was missed.
"""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.dead_letters.model import ReplaysBusy, ReplayUnknown
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import iso
from chalicelib.platform.request_keys import RequestKey

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_events.type_defs import StartReplayRequestTypeDef

ID_LENGTH = 12
"""Hexadecimal digits of a replay's id."""


class Replay(BaseModel):
    """`state` is EventBridge's: STARTING, RUNNING, COMPLETED, FAILED, CANCELLED, CANCELLING."""

    replay_id: str
    state: str
    start: str
    end: str
    reason: str | None = None


class Replays:
    """`archive` and `bus` are ARNs. Each replay's name begins with the bus name, so that a policy can match it."""

    def __init__(self, events: "EventBridgeClient", archive: str, bus: str) -> None:
        self._events = events
        self._archive = archive
        self._bus = bus

    def start(self, start: datetime, end: datetime, rules: list[str] | None, key: RequestKey | None = None) -> Replay:
        """Replay to these rules, or to all, once for each key. Raises ReplaysBusy, IdempotencyConflict.

        The key is part of the replay's name, and EventBridge accepts a name once: check and start are one step.

        EventBridge filters a replay by rule, not by event type: a rule that matches several types receives all of
        them. The span is cut to whole seconds, because EventBridge records an event's time in seconds.
        """
        replay_id = self._prefix + (key.id if key else uuid.uuid4().hex)[:ID_LENGTH]
        request: StartReplayRequestTypeDef = {
            "ReplayName": replay_id,
            "EventSourceArn": self._archive,
            "EventStartTime": start.replace(microsecond=0),
            "EventEndTime": end,
            "Destination": {"Arn": self._bus} if rules is None else {"Arn": self._bus, "FilterArns": rules},
        }
        if key:
            request["Description"] = key.fingerprint
        try:
            answer = self._events.start_replay(**request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "LimitExceededException":
                raise ReplaysBusy from error
            if key and code == "ResourceAlreadyExistsException":
                return self._repeated(replay_id, key)
            raise
        return Replay(replay_id=replay_id, state=answer["State"], start=iso(start), end=iso(end))

    def _repeated(self, replay_id: str, key: RequestKey) -> Replay:
        """Return a replay as it is now. Raises IdempotencyConflict if the key was used for another."""
        key.check(self._events.describe_replay(ReplayName=replay_id).get("Description", ""))
        return self.get(replay_id)

    def get(self, replay_id: str) -> Replay:
        """Raises ReplayUnknown."""
        if not replay_id.startswith(self._prefix) or len(replay_id) != len(self._prefix) + ID_LENGTH:
            raise ReplayUnknown
        try:
            found = self._events.describe_replay(ReplayName=replay_id)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ResourceNotFoundException", "ValidationException"):
                raise ReplayUnknown from error
            raise
        return Replay(
            replay_id=replay_id,
            state=found["State"],
            start=iso(found["EventStartTime"]),
            end=iso(found["EventEndTime"]),
            reason=found.get("StateReason"),
        )

    @property
    def _prefix(self) -> str:
        return f"{self._bus.rsplit('/', 1)[-1][:50]}-"
