"""Event patterns of rules, filters and subscriptions: moto's matcher."""

import json
from functools import cache
from typing import Any

from moto.events.models import EventPattern


class Pattern:
    """An event pattern. Amazon EventBridge user guide, "Creating event patterns"."""

    def __init__(self, pattern: Any) -> None:
        text = pattern if isinstance(pattern, str) else json.dumps(pattern)
        self._pattern, self._shape = _loaded(text), json.loads(text)
        self._is_whole = '"$or"' in text
        self._plain = {
            name: set(values)
            for name, values in self._shape.items()
            if isinstance(values, list) and all(isinstance(value, str) for value in values)
        }

    def matches(self, event: dict[str, Any]) -> bool:
        # Most events fail one of the plain comparisons, which need no matcher.
        if any(event.get(name) not in values for name, values in self._plain.items()):
            return False
        # The matcher copies and flattens all that it is given.
        return bool(self._pattern.matches_event(event if self._is_whole else _compared(event, self._shape)))


def _compared(event: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    """Return the part of an event that a pattern of this shape looks at."""
    found = {name: event[name] for name in shape if name in event}
    for name, value in found.items():
        if isinstance(value, dict) and isinstance(shape[name], dict):
            found[name] = _compared(value, shape[name])
    return found


@cache
def _loaded(text: str) -> Any:
    return EventPattern.load(text)
