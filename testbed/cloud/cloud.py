"""Cloud: everything that a template declares, put together and connected."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from testbed.cloud.bus import Buses, Deliver, Rule, Topic, subscribe
from testbed.cloud.calls import Calls, pascal
from testbed.cloud.executions import Execution, Executions, StepFunctionsApi
from testbed.cloud.functions import Function, Functions
from testbed.cloud.patterns import Pattern
from testbed.cloud.queues import Queue, SqsApi
from testbed.cloud.sources import QueueSource, Stream, StreamSource, SubjectOf
from testbed.cloud.template import Template
from testbed.dynamodb import Around, DynamoDB
from testbed.dynamodb import Client as DynamoDBClient
from testbed.loop import Loop, Task
from testbed.plan import Fault, Injector, Site
from testbed.workflows import Event, Workflow

READS = ("Get", "Query", "Scan", "BatchGet")
RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
DIED = ("FAILED", "TIMED_OUT", "ABORTED")
NoteCall = Callable[[Task, Site, Fault | None], None]
NoteState = Callable[[Execution, Event, str, dict[str, Any]], None]


class Cloud:
    """The resources of a template. `handlers` are the functions by logical id; others are not simulated.

    `subject_of` returns what an event is about, for the names of invocations and for the history of a run.
    """

    def __init__(
        self,
        template: Template,
        loop: Loop,
        injector: Injector,
        handlers: Mapping[str, Function],
        subject_of: SubjectOf,
        workflows: Mapping[str, Workflow],
        note_call: NoteCall,
        note_state: NoteState,
    ) -> None:
        self.loop = loop
        self._template, self._injector, self._subject_of = template, injector, subject_of
        self.calls = Calls(loop, injector, note_call)
        self.dynamodb = DynamoDB(lambda: loop.time)
        self.functions = Functions(loop, injector, handlers)
        self.buses = Buses(loop, injector)
        self.queues = self._queues()
        self.executions = Executions(
            loop, injector, self.functions, self._call_service, self._execution_ended, note_state
        )
        for name, _ in template.of_type("AWS::StepFunctions::StateMachine"):
            if name in workflows:
                self.executions.add(template.arn(name), workflows[name])
        self._by_arn = {queue.arn: queue for queue in self.queues.values()}
        self._connect_rules(self._topics())
        self.sources: list[QueueSource] = []
        self.streams: list[StreamSource] = []
        self._streams_of: dict[str, Stream] = {}
        self._tables()
        self._mappings(handlers)
        self._is_scheduling = True
        self._jobs: list[str] = []
        self._schedules(handlers)

    def client(self, service: str) -> Any:
        """Return a client with boto3's operations, whose calls take time and meet faults."""
        attempts = 1 if service == "ses" else 3
        return Client(self.calls, service, self.api(service), attempts)

    def api(self, service: str) -> Any:
        """Return the operations themselves."""
        return {
            "sqs": SqsApi(self.loop, self.queues),
            "states": StepFunctionsApi(self.executions),
            "events": self.buses,
        }[service]

    def dynamodb_client(self) -> Any:
        """Return DynamoDB as a client of boto3, whose calls take time and meet faults."""

        def around(operation: str, tables: tuple[str, ...], call: Callable[[], Any]) -> Any:
            answer = self.calls.make(Site("dynamodb", operation, tables[0] if tables else ""), call)
            if not operation.startswith(READS):
                for stream in self._streams_of.values():
                    stream.look()
            return answer

        return SdkClient(self.dynamodb, around, lambda: self.loop.unique("transaction"))

    def stop_schedules(self) -> None:
        self._is_scheduling = False

    def run_jobs(self) -> None:
        """Run each scheduled job once."""
        for function in self._jobs:
            self.functions.invoke(function, {}, None, lambda result: None)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing runs, waits or is on its way, apart from dead letters and schedules."""
        return (
            not self.functions.running
            and not self.buses.on_the_way
            and not any(queue.messages for queue in self.queues.values() if not self._is_buried(queue))
            and all(stream.is_idle for stream in self.streams)
            and not self.executions.running
        )

    @property
    def dead_letters(self) -> dict[str, Queue]:
        """Return the queues that nothing reads by itself and that hold something."""
        return {name: queue for name, queue in self.queues.items() if self._is_buried(queue) and queue.messages}

    @staticmethod
    def _is_buried(queue: Queue) -> bool:
        return not queue.watchers

    def _queues(self) -> dict[str, Queue]:
        found, policies = {}, {}
        for name, properties in self._template.of_type("AWS::SQS::Queue"):
            visibility = float(properties.get("VisibilityTimeout", 30))
            found[name] = Queue(self.loop, self._injector, name, self._template.arn(name), visibility)
            if policy := properties.get("RedrivePolicy"):
                policies[name] = policy
        for name, policy in policies.items():
            found[name].max_receives = int(policy["maxReceiveCount"])
            found[name].dead_letters = found[policy["deadLetterTargetArn"].rsplit(":", 1)[-1]]
        return found

    def _topics(self) -> dict[str, Topic]:
        topics = {self._template.arn(name): Topic(name) for name, _ in self._template.of_type("AWS::SNS::Topic")}
        for name, properties in self._template.of_type("AWS::SNS::Subscription"):
            if properties["Protocol"] == "sqs":
                subscribe(topics, name, properties, self._by_arn[properties["Endpoint"]])
        return topics

    def _connect_rules(self, topics: Mapping[str, Topic]) -> None:
        for name, properties in self._template.of_type("AWS::Events::Rule"):
            targets = [deliver for each in properties["Targets"] if (deliver := self._target(each, topics))]
            bus = properties.get("EventBusName", "default")
            self.buses.rules.append(Rule(name, bus, Pattern(properties["EventPattern"]), targets))

    def _target(self, target: Mapping[str, Any], topics: Mapping[str, Topic]) -> Deliver | None:
        if target["Arn"] in topics:
            return topics[target["Arn"]].publish if "InputTransformer" not in target else None
        queue = self._by_arn[target["Arn"]]

        def send(body: str) -> None:
            queue.send(body)

        return send

    def _tables(self) -> None:
        for name, properties in self._template.of_type("AWS::DynamoDB::Table"):
            self.dynamodb.create_table(name, properties)

    def _mappings(self, handlers: Mapping[str, Function]) -> None:
        for _, settings in self._template.of_type("AWS::Lambda::EventSourceMapping"):
            function = settings["FunctionName"].rsplit(":", 1)[-1]
            if function not in handlers:
                continue
            source = settings["EventSourceArn"]
            if source in self._by_arn:
                queue = self._by_arn[source]
                args = (self.loop, self.functions, self._subject_of, queue, function, settings)
                self.sources.append(QueueSource(*args))
            else:
                self._read_stream(source.split("/")[1], function, settings)

    def _read_stream(self, table: str, function: str, settings: Mapping[str, Any]) -> None:
        destination = settings.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        stream = self._streams_of.get(table)
        if stream is None:
            stream = self._streams_of[table] = Stream(lambda: self.dynamodb.table(table).stream)
        for shard, sources in enumerate(stream.sources):
            source = StreamSource(
                self.loop, self.functions, self._subject_of, shard, function, settings, self._by_arn.get(destination)
            )
            sources.append(source)
            self.streams.append(source)

    def _schedules(self, handlers: Mapping[str, Function]) -> None:
        for name, properties in self._template.of_type("AWS::Scheduler::Schedule"):
            function = properties["Target"]["Arn"].rsplit(":", 1)[-1]
            rate = RATE.fullmatch(properties["ScheduleExpression"])
            if function in handlers and rate:
                seconds = int(rate[1]) * SECONDS[rate[2]]
                self._jobs.append(function)
                self.loop.after(seconds * self.loop.draw(name), self._run_job, function, seconds)

    def _run_job(self, function: str, seconds: float) -> None:
        if self._is_scheduling:
            self.functions.invoke(function, {}, None, lambda result: None)
            self.loop.after(seconds, self._run_job, function, seconds)

    def _call_service(self, action: str, arguments: Any) -> Any:
        """Carry out a workflow's call of a service."""
        if action != "sqs:sendMessage":
            raise NotImplementedError(action)
        body = arguments["MessageBody"]
        body = body if isinstance(body, str) else json.dumps(body)
        return SqsApi(self.loop, self.queues).send_message(arguments["QueueUrl"], body)

    def _execution_ended(self, execution: Execution) -> None:
        """Step Functions developer guide, "Automating Step Functions event delivery with EventBridge"."""
        if execution.status in DIED:
            detail = {
                "executionArn": execution.arn,
                "stateMachineArn": execution.machine,
                "name": execution.name,
                "status": execution.status,
                "input": execution.given,
            }
            self.buses.put("default", self.buses.event("aws.states", "Step Functions Execution Status Change", detail))


class SdkClient(DynamoDBClient):
    """As an SDK, gives each transaction a token of its own, so that a repeated request has no second effect."""

    def __init__(self, database: DynamoDB, around: Around, new_token: Callable[[], str]) -> None:
        super().__init__(database, around)
        self._new_token = new_token

    def transact_write_items(self, **given: Any) -> Any:
        return super().transact_write_items(**{"ClientRequestToken": self._new_token(), **given})


class Client:
    """Operations whose calls take time and meet faults; an attribute that is no operation is passed on."""

    def __init__(self, calls: Calls, service: str, api: Any, attempts: int) -> None:
        self._calls, self._service, self._api, self._attempts = calls, service, api, attempts

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._api, name)
        if name == "get_paginator":
            return found
        operation = pascal(name)

        def call(*positional: Any, **arguments: Any) -> Any:
            resource = _resource(arguments)
            site = Site(self._service, operation, resource)
            return self._calls.make(site, lambda: found(*positional, **arguments), self._attempts)

        return call


def _resource(arguments: Mapping[str, Any]) -> str:
    """Return the name of the queue, workflow or function that a call is about."""
    for name in ("QueueUrl", "stateMachineArn", "FunctionName", "Bucket", "Name"):
        if name in arguments:
            return str(arguments[name]).replace("/", ":").rsplit(":", 1)[-1]
    return ""
