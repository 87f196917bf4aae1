"""Findings of the preflight checks, and the run of all checks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from botocore.exceptions import ClientError, EndpointConnectionError

from infra.deploy.doctor.subject import Subject


class Severity(Enum):
    """A blocker would make the deployment fail, or its shop useless or dangerous."""

    BLOCKER = "blocker"
    WARNING = "warning"
    FINE = "fine"


@dataclass(frozen=True)
class Finding:
    """What a check found. `remedy` says what to do, and is empty if there is nothing to do."""

    severity: Severity
    subject: str
    message: str
    remedy: str = ""


def blocker(subject: str, message: str, remedy: str) -> Finding:
    return Finding(Severity.BLOCKER, subject, message, remedy)


def warning(subject: str, message: str, remedy: str) -> Finding:
    return Finding(Severity.WARNING, subject, message, remedy)


def fine(subject: str, message: str) -> Finding:
    return Finding(Severity.FINE, subject, message)


Check = Callable[[Subject], Iterable[Finding]]


def examine(subject: Subject, checks: Iterable[Check]) -> Iterator[Finding]:
    """Run the checks in order. A check that the caller may not make, or whose service does not answer, is a warning."""
    for check in checks:
        try:
            yield from check(subject)
        except (ClientError, EndpointConnectionError) as failure:
            name = check.__name__.replace("_", " ")
            yield warning(name, f"could not be checked: {failure}", "Allow your credentials to read this, or check it.")


def has_blocker(findings: Iterable[Finding]) -> bool:
    return any(finding.severity is Severity.BLOCKER for finding in findings)
