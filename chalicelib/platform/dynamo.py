"""Small readers of DynamoDB's answers that every store needs."""

from typing import Any

from botocore.exceptions import ClientError


def lost_condition(error: ClientError) -> bool:
    """Whether a single write was refused by its own condition."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def lost_conditions(error: ClientError) -> list[int]:
    """The positions of a transaction's writes that were refused by their conditions.

    Empty when the transaction failed for any other reason, for example a conflict with another one:
    then the caller lets the error rise and the whole step is tried again.
    """
    return [i for i, code in enumerate(_reasons(error)) if code == "ConditionalCheckFailed"]


def lost_race(error: ClientError) -> bool:
    """Whether a transaction failed because the items changed, or were just being changed, by another one."""
    return bool({"ConditionalCheckFailed", "TransactionConflict"} & set(_reasons(error)))


def _reasons(error: ClientError) -> list[str]:
    """One code for each write of a cancelled transaction, `None` for those that were not to blame."""
    if error.response["Error"]["Code"] != "TransactionCanceledException":
        return []
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])
    return [reason.get("Code", "None") for reason in reasons]
