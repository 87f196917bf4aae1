"""Request input: a body's JSON object, and a body or query validated against its model."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from chalicelib.platform import strict_json
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Malformed, ValidationFailed

CORRECT_FIELDS = "Please correct the named fields."


class BodyNotJson(Malformed):
    """The request body is not a JSON object."""


class JsonKeyDuplicate(Malformed):
    """An object in the request body contains the same key twice."""


class TextNotUnicode(Malformed):
    """The path, the query or a header contains text that is not Unicode."""


def json_object(raw: bytes) -> dict[str, Any]:
    """Return the body's object. Raises BodyNotJson, JsonKeyDuplicate, ValidationFailed."""
    try:
        parsed = strict_json.parse(raw)
    except strict_json.JsonKeyRepeated as repeated:
        raise JsonKeyDuplicate(str(repeated)) from None
    except strict_json.JsonValueRefused as refused:
        raise ValidationFailed(CORRECT_FIELDS, {refused.path or "body": refused.message}) from None
    except strict_json.JsonRefused:
        raise BodyNotJson from None
    if not isinstance(parsed, dict):
        raise BodyNotJson
    return parsed


def check_unicode(*texts: Mapping[str, str] | None) -> None:
    """Raise TextNotUnicode if a key or value contains half of a surrogate pair: DynamoDB refuses it, and no hash can be
    taken of it."""
    for mapping in texts:
        for text in (each for pair in (mapping or {}).items() for each in pair):
            try:
                text.encode()
            except UnicodeEncodeError:
                raise TextNotUnicode from None


def given_once(parameters: Any) -> dict[str, str]:
    """Return a query's parameters. Raises ValidationFailed for a repeated one: which value counts would be unclear."""
    twice = [name for name in parameters if len(parameters.getlist(name)) > 1]
    if twice:
        raise ValidationFailed(CORRECT_FIELDS, dict.fromkeys(twice, "Must be given at most once."))
    return dict(parameters)


def validated(model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        fields = {".".join(map(str, e["loc"])) or "body": e["msg"] for e in error.errors()}
        raise ValidationFailed(CORRECT_FIELDS, fields) from None
