"""JSONata expressions of a workflow: templates, evaluated as Step Functions does.

AWS Step Functions developer guide, "Transforming data with JSONata in Step Functions".
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from random import Random
from typing import Any
from uuid import UUID

from jsonata import Jsonata
from jsonata.utils import Utils

from testbed.workflows.effects import DATA_LIMIT, QUERY_ERROR, ExecutionFailed, Failure

LARGEST_PAYLOAD = 256 * 1024
"""Bytes of JSON that a state gets or returns: AWS Step Functions developer guide, "Step Functions service quotas"."""

DIGESTS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


def functions(random: Random, clock: Callable[[], datetime]) -> dict[str, Any]:
    """Return the functions that Step Functions adds to JSONata, and those that read the clock."""
    added: dict[str, Callable[..., Any]] = {
        "partition": lambda array, size: [array[n : n + int(size)] for n in range(0, len(array), int(size))],
        "range": lambda first, last, step: list(range(int(first), int(last) + (1 if step > 0 else -1), int(step))),
        "hash": lambda text, algorithm: hashlib.new(DIGESTS[algorithm], text.encode()).hexdigest(),
        "random": lambda seed=None: (random if seed is None else Random(int(seed))).random(),
        "uuid": lambda: str(UUID(int=random.getrandbits(128), version=4)),
        "parse": json.loads,
        "now": lambda: timestamp(clock()),
        "millis": lambda: int(clock().timestamp() * 1000),
    }
    return {name: Jsonata.JLambda(function) for name, function in added.items()}


def timestamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def expression_in(template: Any) -> str | None:
    """Return the expression of a string in `{% … %}`. Any other string is literal."""
    is_expression = isinstance(template, str) and template.startswith("{%") and template.endswith("%}")
    return template[2:-2].strip() if is_expression else None


def all_expressions(template: Any) -> Iterator[str]:
    if isinstance(template, Mapping):
        template = list(template.values())
    if isinstance(template, list):
        for each in template:
            yield from all_expressions(each)
    elif found := expression_in(template):
        yield found


@cache
def compiled(expression: str) -> Jsonata:
    """Return the parsed expression; it is parsed once. Raises JException."""
    parsed = Jsonata(expression)
    # Keeps JSON's null apart from a value that does not exist, which is an error.
    parsed.set_output_convert_nulls(False)
    return parsed


def evaluated(template: Any, variables: Mapping[str, Any], field: str) -> Any:
    """Return the template with all expressions in it evaluated. Raises ExecutionFailed."""
    if isinstance(template, Mapping):
        return {name: evaluated(each, variables, f"{field}/{name}") for name, each in template.items()}
    if isinstance(template, list):
        return [evaluated(each, variables, f"{field}[{number}]") for number, each in enumerate(template)]
    expression = expression_in(template)
    return template if expression is None else _value(expression, variables, field)


def _value(expression: str, variables: Mapping[str, Any], field: str) -> Any:
    known = {name: Utils.NULL_VALUE if value is None else value for name, value in variables.items()}
    stated = f"The JSONata expression '{expression}' specified for the field '{field}'"
    try:
        found = _plain(compiled(expression).evaluate(None, known))
    except Exception as error:  # the library raises its own errors and those of Python
        raise ExecutionFailed(Failure(QUERY_ERROR, f"{stated} threw an error: {error}")) from None
    if found is None:
        raise ExecutionFailed(Failure(QUERY_ERROR, f"{stated} returned nothing (undefined)."))
    return found[0]


def _plain(value: Any) -> tuple[Any] | None:
    """Return JSON in a tuple, or None if there is no value."""
    if value is None:
        return None
    if value is Utils.NULL_VALUE:
        return (None,)
    return (_without_nulls(value),)


def _without_nulls(value: Any) -> Any:
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, Mapping):
        return {name: _without_nulls(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{type(value).__name__} is no JSON")


def payload(value: Any) -> Any:
    """Return a copy of a value as it passes between states. Raises ExecutionFailed if it is too large."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > LARGEST_PAYLOAD or len(text.encode()) > LARGEST_PAYLOAD:
        raise ExecutionFailed(Failure(DATA_LIMIT, f"The data is larger than {LARGEST_PAYLOAD} bytes."))
    return json.loads(text)
