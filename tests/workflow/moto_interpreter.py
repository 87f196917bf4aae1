"""moto's interpreter of Amazon States Language, run like the others of `interpreters.py`."""

import json
from contextlib import ExitStack
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from jsonata import Jsonata
from moto.stepfunctions.parser.api import HistoryEventType, StateMachineType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.retry import jitter_strategy_decl, retrier_decl
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.eval.program_state import ProgramError
from moto.stepfunctions.parser.asl.eval.states import ContextObjectData, ExecutionData, StateMachineData
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.mocking.mock_config import MockedResponseReturn

from testbed.workflows import Failure

from .interpreters import EXECUTION, MACHINE, TOKEN, Answers, OutcomeOf, State, Trace


class _EveryState:
    """A test case of moto's that replaces the calls of all states."""

    state_mocked_responses = type("All", (), {"__contains__": lambda self, name: True})()


def run(definition: State, given: Any, outcome_of: OutcomeOf) -> Trace:
    answers = Answers(outcome_of)
    arguments: dict[str, Any] = {}
    prepare = StateTaskService._before_eval_execution

    def remember(self: Any, env: Any, resource_runtime_part: Any, raw_parameters: Any, state_credentials: Any) -> None:
        arguments[env.next_state_name] = raw_parameters.get("Payload", raw_parameters)
        prepare(self, env, resource_runtime_part, raw_parameters, state_credentials)

    def answer(env: Any, given: Any) -> Any:
        token = env.states.context_object.context_object_data.get("Task", {}).get("Token", TOKEN)
        outcome = answers.to(env.next_state_name, json.loads(json.dumps(given).replace(token, TOKEN)))
        if isinstance(outcome, Failure):
            raise _failure(env, outcome)
        return outcome.output

    def invoke(env: Any, parameters: Any, **others: Any) -> None:
        env.stack.append({"StatusCode": 200, "Payload": answer(env, json.loads(parameters["Payload"]))})

    def respond(env: Any) -> Any:
        return MockedResponseReturn(0, 0, answer(env, arguments[env.next_state_name]))

    with ExitStack() as stack:
        for place, name, value in [
            (retrier_decl, "time", SimpleNamespace(sleep=answers.pause)),
            (jitter_strategy_decl, "random", SimpleNamespace(uniform=lambda least, most: most)),
            (moto_jsonata, "_eval_jsonata", lambda text: json.loads(_evaluated(text))),
            (StateTaskService, "_before_eval_execution", remember),
            (lambda_eval_utils, "execute_lambda_function_integration", invoke),
            (Environment, "get_current_mocked_response", respond),
            # Each logs a text of the whole component, which takes longer than all the rest.
            (EvalComponent, "_log_exception", lambda self, exception: None),
            (EvalComponent, "_log_failure_event_exception", lambda self, failure_event_exception: None),
        ]:
            stack.enter_context(patch.object(place, name, value))
        environment = _environment(given)
        _parsed(json.dumps(definition)).eval(environment)
    return _ended(answers.trace, environment)


@cache
def _evaluated(expression: str) -> str:
    """Return the value as JSON. moto writes all variables into the expression, so the text determines it."""
    return json.dumps(Jsonata(expression).evaluate(None))


@cache
def _parsed(definition: str) -> Any:
    return AmazonStateLanguageParser.parse(definition)[0]


def _environment(given: Any) -> Environment:
    started = "2026-01-01T00:00:00.000Z"
    return Environment(
        aws_execution_details=AWSExecutionDetails("000000000000", "eu-west-1", ""),
        execution_type=StateMachineType.STANDARD,
        context=ContextObjectData(
            Execution=ExecutionData(Id=EXECUTION, Input=given, Name="one", RoleArn="", StartTime=started),
            StateMachine=StateMachineData(Id=MACHINE, Name="example"),
        ),
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
        mock_test_case=_EveryState(),
    )


def _failure(env: Environment, failure: Failure) -> FailureEventException:
    built_in = failure.error.startswith("States.")
    name = StatesErrorName.from_name(failure.error) if built_in else CustomErrorName(failure.error)
    details = EventDetails(taskFailedEventDetails=TaskFailedEventDetails(error=failure.error, cause=failure.cause))
    return FailureEventException(FailureEvent(env, name, HistoryEventType.TaskFailed, details))


def _ended(trace: Trace, environment: Environment) -> Trace:
    for event in environment.event_manager.get_event_history():
        if "stateEnteredEventDetails" in event:
            trace.states.append(event["stateEnteredEventDetails"]["name"])
    ended = environment.program_state()
    if isinstance(ended, ProgramError):
        trace.end = (ended.error.get("error"), ended.error.get("cause"))
    else:
        trace.end = environment.states.get_input()
    return trace
