"""Buses, rules and topics: events find their targets, at least once and in no order."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from testbed.cloud.patterns import Pattern
from testbed.cloud.queues import Queue
from testbed.cloud.template import ACCOUNT, REGION
from testbed.loop import Loop
from testbed.plan import Injector, Site, What

SLOWEST = 0.5
"""Seconds between an event and its arrival at a target."""
REFUSED_SECONDS = 10
"""How long an entry that is refused is refused again, so that a few attempts in a row do not help."""
Deliver = Callable[[str], None]


@dataclass
class Topic:
    """An SNS topic with raw message delivery; each subscription has its filter, or None."""

    name: str
    subscriptions: list[tuple[str, Pattern | None, Queue]] = field(default_factory=list)

    def publish(self, body: str) -> None:
        content = None
        for _, pattern, queue in self.subscriptions:
            if pattern is not None:
                content = content or json.loads(body)
                if not pattern.matches(content):
                    continue
            queue.send(body)


@dataclass(frozen=True)
class Rule:
    """A rule of a bus, and how an event is delivered to each of its targets."""

    name: str
    bus: str
    pattern: Pattern
    targets: list[Deliver]


class Buses:
    """All buses; `archive` keeps what was put on them, and `listeners` are called with each event."""

    def __init__(self, loop: Loop, injector: Injector) -> None:
        self._loop, self._injector = loop, injector
        self.rules: list[Rule] = []
        self.archive: list[tuple[str, dict[str, Any]]] = []
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        self.on_the_way = 0

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Put entries on their buses, as `events.put_events` does: it may refuse some and take the others.

        Amazon EventBridge API reference, `PutEvents`, "FailedEntryCount".
        """
        results = []
        for entry in Entries:
            if self._is_refused(entry):
                results.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"})
                continue
            event = self.event(entry["Source"], entry["DetailType"], json.loads(entry["Detail"]))
            self.put(entry.get("EventBusName", "default"), event)
            results.append({"EventId": event["id"]})
        return {"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results}

    def _is_refused(self, entry: dict[str, Any]) -> bool:
        content = hashlib.sha256(entry["Detail"].encode()).hexdigest()[:12]
        call = f"{content}:{self._loop.now // REFUSED_SECONDS:.0f}"
        return self._injector.strike(Site("entry", "PutEvents"), self._loop.now, call) is not None

    def event(self, source: str, kind: str, detail: Any) -> dict[str, Any]:
        number = len(self.archive) + 1
        return {
            "version": "0",
            "id": f"event-{number}",
            "detail-type": kind,
            "source": source,
            "account": ACCOUNT,
            "time": self._loop.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [],
            "detail": detail,
        }

    def put(self, bus: str, event: dict[str, Any]) -> None:
        self.archive.append((bus, event))
        for listener in self.listeners:
            listener(event)
        self._route(bus, event)

    def replay(self, bus: str) -> int:
        """Send what a bus' archive holds to its rules again, as a replay does. Return the number of events."""
        found = [event for name, event in self.archive if name == bus]
        for event in found:
            self._route(bus, event | {"replay-name": "replay"})
        return len(found)

    def _route(self, bus: str, event: dict[str, Any]) -> None:
        for rule in self.rules:
            if rule.bus == bus and rule.pattern.matches(event):
                self._deliver(rule, event)

    def _deliver(self, rule: Rule, event: dict[str, Any]) -> None:
        body = json.dumps(event)
        call = f"{rule.name}:{event['id']}:{event.get('replay-name', '')}"
        delays = [SLOWEST * self._loop.draw(call)]
        fault = self._injector.strike(Site("bus", rule.name), self._loop.now, call)
        if fault is not None and fault.what == What.DUPLICATE:
            delays.append(5 * self._loop.draw(f"{call}:copy"))
        elif fault is not None:
            delays = [fault.seconds * (1 + self._loop.draw(f"{call}:late"))]
        for target in rule.targets:
            for delay in delays:
                self.on_the_way += 1
                self._loop.after(delay, self._arrive, target, body)

    def _arrive(self, target: Deliver, body: str) -> None:
        self.on_the_way -= 1
        target(body)


def subscribe(topics: Mapping[str, Topic], name: str, settings: Mapping[str, Any], queue: Queue) -> None:
    """Subscribe a queue to a topic; a filter of the message's body is an event pattern. Amazon SNS developer guide,
    "Filter policy syntax"."""
    policy = settings.get("FilterPolicy")
    topics[settings["TopicArn"]].subscriptions.append((name, Pattern(policy) if policy else None, queue))
