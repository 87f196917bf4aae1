"""Checks of the AWS account: who deploys, how many functions may run at once, CloudFront."""

from collections.abc import Iterator
from typing import Any

from infra.deploy.doctor.findings import Finding, blocker, fine, warning
from infra.deploy.doctor.subject import Subject

ALWAYS_UNRESERVED = 100
"""Concurrent executions that Lambda keeps for functions without a reservation (Lambda user guide, "Configuring
reserved concurrency for a function")."""
COMFORTABLE = 100
"""The shop's event source mappings alone run about 50 functions at once."""


def credentials(subject: Subject) -> Iterator[Finding]:
    caller = subject.session.client("sts").get_caller_identity()
    place = f"account {caller['Account']}, region {subject.session.region_name}"
    if caller["Arn"].endswith(":root"):
        yield warning("credentials", f"{place}: these are the root user's", "Deploy with a role or an IAM user.")
    else:
        yield fine("credentials", place)


def concurrency(subject: Subject) -> Iterator[Finding]:
    functions: Any = subject.session.client("lambda")
    limit = functions.get_account_settings()["AccountLimit"]
    yield concurrency_finding(limit, reserved(subject.template), subject.session.region_name)


def reserved(template: dict[str, Any]) -> int:
    """Return the concurrency that the template reserves, for all functions together."""
    properties = (resource.get("Properties", {}) for resource in template["Resources"].values())
    counts = (each.get("ReservedConcurrentExecutions", 0) for each in properties)
    return sum(count for count in counts if isinstance(count, int))


def concurrency_finding(limit: dict[str, int], wanted: int, region: str) -> Finding:
    """Judge Lambda's answer about the account's concurrent executions."""
    total, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    raise_it = (
        "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
        f"--desired-value 1000 --region {region}"
    )
    if wanted and unreserved - wanted < ALWAYS_UNRESERVED:
        return blocker(
            "Lambda concurrency",
            f"the template reserves {wanted}, and Lambda keeps {ALWAYS_UNRESERVED} of {unreserved} unreserved",
            raise_it,
        )
    if total < COMFORTABLE:
        return warning(
            "Lambda concurrency",
            f"only {total} functions run at once in this account (new accounts have 10, others 1000): under load, "
            "pages answer 429, and messages are received again until they become dead letters",
            raise_it,
        )
    return fine("Lambda concurrency", f"{total} functions at once")


def cloudfront(subject: Subject) -> Iterator[Finding]:
    listed = subject.session.client("cloudfront").list_distributions(MaxItems="1")
    if listed["DistributionList"].get("Quantity", 0):
        yield fine("CloudFront", "this account has a distribution already")
    else:
        yield warning(
            "CloudFront",
            "this account has no distribution yet; AWS must have verified an account before its first one",
            "If the stack fails with “Your account must be verified”, open a support case (Account and billing).",
        )
