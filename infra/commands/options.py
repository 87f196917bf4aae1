"""Options of the command line: types of values, and settings that make passes as variables of the environment."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

STAGE_NAME = r"[a-z][a-z0-9-]{0,31}"


class StageName(click.ParamType):
    """The name of a stage; `is_on_aws` excludes the local shop."""

    name = "stage"

    def __init__(self, is_on_aws: bool = False) -> None:
        self._is_on_aws = is_on_aws

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(STAGE_NAME, value):
            self.fail(f"{value!a} is not the name of a stage: lower-case letters, digits and dashes.", param, ctx)
        if self._is_on_aws and value == "local":
            self.fail("The stage `local` is the shop of `make up`.", param, ctx)
        return value


class Number(click.FloatRange):
    """A finite number in a range, both ends included."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value!a} is not a number.", param, ctx)
        return number


class InputFile(click.Path):
    """A file that can be read."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, readable=True, path_type=Path)


class Moment(click.ParamType):
    """An ISO 8601 date and time, in UTC if it names no offset."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!a} is not an ISO 8601 time, such as 2030-05-17T09:00.", param, ctx)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


class JsonObject(click.ParamType):
    """A JSON object."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        try:
            content = value if isinstance(value, dict) else json.loads(value)
        except ValueError as error:
            self.fail(f"{value!a} is not JSON: {error}", param, ctx)
        if not isinstance(content, dict):
            self.fail(f"{value!a} is not a JSON object.", param, ctx)
        return content


class Assignment(click.ParamType):
    """NAME=VALUE."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, sign, text = value.partition("=")
        if not name or not sign:
            self.fail(f"{value!a} is not NAME=VALUE.", param, ctx)
        return name, text


class AdminAddress(click.ParamType):
    """An email address that can be the user name of an account."""

    name = "email"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from infra.commands import people

        try:
            return people.admin_email(value)
        except people.NotAllowed as reason:
            self.fail(str(reason), param, ctx)


class EventType(click.ParamType):
    """The type of an event that has a contract."""

    name = "event type"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from chalicelib.events.contracts import EVENT_CONTRACTS

        known = sorted({contract.type for contract in EVENT_CONTRACTS})
        if value in known:
            return str(value)
        close = get_close_matches(value, known, n=1) or ["OrderCompleted"]
        self.fail(f"{value!a} is not a type of event, such as {close[0]}. All: docs/events", param, ctx)


class OrderName(click.ParamType):
    """The id of an order."""

    name = "order"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"ord_[0-9a-f]+", value):
            self.fail(f"{value!a} is not the id of an order, such as ord_4591c673ff0a7e46e5321a3a.", param, ctx)
        return str(value)


class Names(click.ParamType):
    """Names, separated by commas."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        return value if isinstance(value, frozenset) else frozenset(re.findall(r"[^,\s]+", value))


def setting(name: str, variable: str, text: str, **options: Any) -> Callable[[Any], Any]:
    """An option that can also be given as an environment variable, which is how make passes its variables."""
    return click.option(name, envvar=variable, help=text, show_envvar=True, **options)
