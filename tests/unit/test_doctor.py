"""Preflight checks: what each answer of AWS and Stripe means for a deployment, and what to do about it."""

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws

from infra.deploy import stack
from infra.deploy.doctor import account, findings, mail, payments, report_image, stacks, storefront
from infra.deploy.doctor.findings import Severity
from infra.deploy.doctor.subject import Subject
from infra.deploy.stages import Stage

URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/report:1"
BLOCKER, WARNING, FINE = Severity.BLOCKER, Severity.WARNING, Severity.FINE
SES_ACCOUNT = {
    "SendingEnabled": True,
    "ProductionAccessEnabled": True,
    "EnforcementStatus": "HEALTHY",
    "SendQuota": {"Max24HourSend": 50000.0},
    "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
}


def severities(found):
    return [each.severity for each in found]


def subject(**values):
    stage = Stage(name="demo", region="eu-west-1")
    return Subject(stage, boto3.Session(region_name="eu-west-1"), values, {"Resources": {}})


@pytest.mark.parametrize(
    ("total", "unreserved", "wanted", "severity", "text"),
    [
        (10, 10, 0, WARNING, "only 10 functions run at once in this account (new accounts have 10"),
        (1000, 1000, 20, FINE, "1000 functions at once"),
        (1000, 110, 20, BLOCKER, "reserves 20, and Lambda keeps 100 of 110"),
        (10, 10, 5, BLOCKER, "reserves 5"),
    ],
)
def test_concurrency_of_the_account_is_judged(total, unreserved, wanted, severity, text):
    limit = {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": unreserved}
    found = account.concurrency_finding(limit, wanted, "eu-west-1")
    assert found.severity is severity and text in found.message
    assert severity is FINE or "L-B99A9384" in found.remedy


def test_reserved_concurrency_is_added_up():
    functions = [{"Properties": {"ReservedConcurrentExecutions": 3}}, {"Properties": {}}, {}]
    template = {"Resources": {str(n): each for n, each in enumerate([*functions, functions[0]])}}
    assert account.reserved(template) == 6


@pytest.mark.parametrize(
    ("change", "severity", "text"),
    [
        ({"SendingEnabled": False}, BLOCKER, "sending is disabled"),
        ({"ProductionAccessEnabled": False}, WARNING, "sandbox"),
        ({"EnforcementStatus": "PROBATION"}, WARNING, "PROBATION"),
        ({"SuppressionAttributes": {"SuppressedReasons": ["BOUNCE"]}}, WARNING, "after: complaint"),
    ],
)
def test_email_account_is_judged(change, severity, text):
    found = [each for each in mail.account_findings(SES_ACCOUNT | change, "eu-west-1") if each.severity is not FINE]
    assert [(each.severity, text in each.message, bool(each.remedy)) for each in found] == [(severity, True, True)]


def test_healthy_email_account_is_fine():
    assert severities(mail.account_findings(SES_ACCOUNT, "eu-west-1")) == [FINE]


def test_sender_may_be_verified_by_address_or_by_domain():
    assert mail.identity_of("shop@example.com", {}) == "shop@example.com"
    assert mail.identity_of("shop@example.com", {"SesIdentity": "example.com"}) == "example.com"


@pytest.mark.parametrize(
    ("secret", "publishable", "is_real", "expected"),
    [
        ("sk_test_1", "", False, [FINE]),
        ("sk_test_1", "pk_test_1", False, [FINE]),
        ("sk_live_1", "", False, [BLOCKER]),
        ("sk_live_1", "pk_live_1", True, [FINE]),
        ("sk_test_1", "pk_test_1", True, [WARNING]),
        ("sk_live_1", "pk_test_1", True, [FINE, BLOCKER]),
        ("sk_live_1", "", True, [FINE, BLOCKER]),
    ],
)
def test_modes_of_the_stripe_keys_fit_the_stage(secret, publishable, is_real, expected):
    found = list(payments.mode_findings(secret, publishable, is_real))
    assert severities(found) == expected
    assert not any(secret in each.message + each.remedy for each in found)


def test_stripe_account_that_cannot_charge_is_a_warning():
    assert payments.account_finding({"id": "acct_1", "charges_enabled": True}).severity is FINE
    assert payments.account_finding({"id": "acct_1", "charges_enabled": False}).severity is WARNING


@pytest.mark.parametrize(
    ("name", "domain", "covered"),
    [
        ("shop.example.com", "shop.example.com", True),
        ("*.example.com", "shop.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "www.shop.example.com", False),
        ("example.com", "shop.example.com", False),
    ],
)
def test_certificate_covers_its_names_and_one_label_of_a_wildcard(name, domain, covered):
    assert storefront.covers(name, domain) is covered


def test_certificate_must_be_issued_and_cover_the_domain():
    issued = {"Status": "ISSUED", "DomainName": "example.com", "SubjectAlternativeNames": ["*.example.com"]}
    assert storefront.certificate_finding(issued, "shop.example.com").severity is FINE
    assert storefront.certificate_finding(issued, "shop.example.org").severity is BLOCKER
    assert storefront.certificate_finding(issued | {"Status": "PENDING_VALIDATION"}, "example.com").severity is BLOCKER


def test_domain_without_certificate_is_a_blocker():
    (found,) = storefront.certificate(subject(DomainName="shop.example.com"))
    assert found.severity is BLOCKER and "us-east-1" in found.remedy


def test_state_of_a_stack_is_judged():
    for status in stack.STUCK:
        found = stacks.state_finding("shop", status, "eu-west-1")
        assert found.severity is BLOCKER and "aws cloudformation" in found.remedy
    for status in (*stack.NEVER_CREATED, "UPDATE_IN_PROGRESS"):
        assert stacks.state_finding("shop", status, "eu-west-1").severity is WARNING
    for status in (*stack.UPDATABLE, None):
        assert stacks.state_finding("shop", status, "eu-west-1").severity is FINE


def test_fixed_names_are_filled_in_and_generated_names_left_out():
    log_group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Fn::Sub": "/shop/${AWS::StackName}"}}}
    generated = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Fn::Sub": "/aws/lambda/${Relay}"}}}
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": {"Ref": "Name"}}}
    unnamed = {"Type": "AWS::DynamoDB::Table", "Properties": {}}
    template = {"Resources": dict(zip("abcd", (log_group, generated, table, unnamed), strict=True))}
    found = list(stacks.fixed_names(template, {"AWS::StackName": "storefront-demo", "Name": "orders"}))
    assert found == [("AWS::Logs::LogGroup", "/shop/storefront-demo"), ("AWS::DynamoDB::Table", "orders")]


def test_check_that_may_not_be_made_is_a_warning_and_the_others_go_on():
    def email_account(subject):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetAccount")

    def other(subject):
        yield findings.fine("other", "well")

    found = list(findings.examine(subject(), (email_account, other)))
    assert [(each.severity, each.subject) for each in found] == [(WARNING, "email account"), (FINE, "other")]


def test_missing_credentials_end_the_checks():
    def check(subject):
        raise NoCredentialsError()

    with pytest.raises(NoCredentialsError):
        list(findings.examine(subject(), (check,)))


@pytest.mark.parametrize(
    ("values", "severity", "text"),
    [
        ({}, FINE, "a zip"),
        ({"ReportPackage": "Image"}, BLOCKER, "names none"),
        (
            {"ReportPackage": "Image", "ReportImageUri": URI.replace("eu-west-1", "us-east-1")},
            BLOCKER,
            "is in us-east-1",
        ),
    ],
)
def test_report_image_must_be_named_and_in_the_stages_region(values, severity, text):
    (found,) = report_image.report_image(subject(**values))
    assert found.severity is severity and text in found.message


def test_report_image_must_be_a_single_image_for_the_functions_processor():
    """Docker's default is an index with attestations, for the processor that builds."""
    index = report_image.manifest_finding({"manifests": []})
    assert index.severity is BLOCKER and "--provenance=false" in index.remedy
    assert report_image.manifest_finding({"config": {"digest": "sha256:0"}}) is None
    found = [report_image.architecture_finding({"architecture": each}) for each in ("arm64", "amd64")]
    assert severities(found) == [FINE, BLOCKER]


def test_report_image_that_is_not_in_its_repository_is_a_blocker():
    with mock_aws():
        demo = subject(ReportPackage="Image", ReportImageUri=URI)
        assert severities(report_image.report_image(demo)) == [BLOCKER]
        demo.session.client("ecr").create_repository(repositoryName="report")
        (found,) = report_image.report_image(demo)
    assert (found.severity, found.message) == (BLOCKER, "report has no 1")
