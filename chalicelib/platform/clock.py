"""Time as the domain needs it: aware, in UTC, and passed as an argument so that tests can choose it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator

Clock = Callable[[], datetime]


def _text_only(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("Input should be a text")
    return value


Timestamp = Annotated[AwareDatetime, BeforeValidator(_text_only)]
"""Of a request's body: ISO 8601, with an offset or Z. A number of seconds is none."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def iso(at: datetime) -> str:
    """Milliseconds and a `Z`: sorts as text in the order of time."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
