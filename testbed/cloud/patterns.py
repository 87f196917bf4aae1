"""Event patterns of rules, filters and subscriptions: moto's matcher."""

import json
from functools import cache
from typing import Any

from moto.events.models import EventPattern


class Pattern:
    """An event pattern. Amazon EventBridge user guide, "Creating event patterns"."""

    def __init__(self, pattern: Any) -> None:
        text = pattern if isinstance(pattern, str) else json.dumps(pattern)
        self._pattern = _loaded(text)
        self._plain = {
            name: set(values)
            for name, values in json.loads(text).items()
            if isinstance(values, list) and all(isinstance(value, str) for value in values)
        }

    def matches(self, event: dict[str, Any]) -> bool:
        # Most events fail one of the plain comparisons, which need no matcher.
        if any(event.get(name) not in values for name, values in self._plain.items()):
            return False
        return bool(self._pattern.matches_event(event))


@cache
def _loaded(text: str) -> Any:
    return EventPattern.load(text)
