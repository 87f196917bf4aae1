"""Refusals of DynamoDB, as botocore raises them: Amazon DynamoDB API reference, "Common Errors" and by operation."""

from typing import Any

from botocore.exceptions import ClientError

REFUSED = "The conditional request failed"
CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]"


class Refusal(Exception):
    """The service refuses a request. `fields` stand beside the error in its answer."""

    def __init__(self, code: str, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields

    def error(self, operation: str) -> ClientError:
        return client_error(operation, self.code, self.message, **self.fields)


def client_error(operation: str, code: str, message: str, status: int = 400, **fields: Any) -> ClientError:
    """Return the error that botocore raises when the service answers so. A simulator injects its own with it."""
    metadata = {"RequestId": "", "HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
    error = {"Message": message, "Code": code}
    answer: Any = {"Error": error, "ResponseMetadata": metadata, "message": message, **fields}
    return ClientError(answer, operation)


def invalid(message: str) -> Refusal:
    return Refusal("ValidationException", message)


def invalid_value(message: str) -> Refusal:
    return invalid(f"One or more parameter values were invalid: {message}")


def condition_failed(item: dict[str, Any] | None) -> Refusal:
    """Return the refusal of one write. `item` is the stored one in DynamoDB's JSON, if the request asks for it."""
    return Refusal("ConditionalCheckFailedException", REFUSED, **({"Item": item} if item else {}))


def cancelled(reasons: list[dict[str, Any]]) -> Refusal:
    """Return the refusal of a transaction: one reason for each of its actions, in their order."""
    message = CANCELLED.format(", ".join(reason["Code"] for reason in reasons))
    return Refusal("TransactionCanceledException", message, Message=message, CancellationReasons=reasons)
