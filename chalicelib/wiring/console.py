"""Composition of the operator console: only its routes import this."""

from functools import cache

from chalicelib.console.auditor import Auditor
from chalicelib.console.logs import Logs
from chalicelib.console.run_reports import RunReports
from chalicelib.console.stack import COUNTED_EVERY, Meters, Stack
from chalicelib.platform import aws
from chalicelib.platform.clock import utc_now
from chalicelib.platform.settings import settings
from chalicelib.platform.shared_answers import SharedAnswers


@cache
def auditor() -> Auditor:
    return Auditor(aws.lambda_for_long_calls(), settings().auditor_function)


@cache
def run_reports() -> RunReports:
    return RunReports(aws.s3(), settings().run_reports_bucket)


@cache
def stack() -> Stack:
    return Stack(aws.cloudformation(), settings().stack_name)


@cache
def meters() -> Meters:
    shared = SharedAnswers(aws.dynamodb(), settings().effects_table, utc_now, COUNTED_EVERY)
    return Meters(aws.cloudwatch(), utc_now, shared)


@cache
def function_logs() -> Logs:
    return Logs(aws.logs(), settings().log_group_prefix)
