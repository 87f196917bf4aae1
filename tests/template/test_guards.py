"""Guards: which account a service acts for, transport encryption of buckets, and what emails are sent as."""

import json

from infra.build.guards import SOURCES

from .template import FUNCTION, allowed, of_type, role_of

MAIL = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:"
ADDRESS = {"Fn::Sub": MAIL + "identity/${SenderEmail}"}
SENDER = {"Fn::If": ["HasSesIdentity", {"Fn::Sub": MAIL + "identity/${SesIdentity}"}, ADDRESS]}


def test_services_that_document_a_condition_take_a_role_for_this_account_only(template):
    """Lambda documents none for execution roles, API Gateway none for the role of its logs. SNS topic policies for
    EventBridge must have none."""
    guarded = set()
    for name, role in of_type(template, "AWS::IAM::Role").items():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        service = trust["Principal"]["Service"]
        if service in SOURCES:
            guarded.add(service)
            assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}, name
            assert trust["Condition"]["ArnLike"] == {"aws:SourceArn": {"Fn::Sub": SOURCES[service]}}, name
        else:
            assert service in ("lambda.amazonaws.com", "apigateway.amazonaws.com"), name
    assert guarded == set(SOURCES)


def test_bucket_refuses_requests_without_tls(template):
    policies = of_type(template, "AWS::S3::BucketPolicy").values()
    for bucket in of_type(template, "AWS::S3::Bucket"):
        (policy,) = (each for each in policies if each["Bucket"] == {"Ref": bucket})
        (refusal,) = (each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Deny")
        assert (refusal["Principal"], refusal["Action"]) == ("*", "s3:*")
        assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        whole = [{"Fn::GetAtt": [bucket, "Arn"]}, {"Fn::Sub": f"${{{bucket}.Arn}}/*"}]
        assert refusal["Resource"] == whole


def test_emails_are_sent_as_the_configured_identity_with_the_shops_settings_only(template):
    """SES checks identity and configuration set ("Actions, resources, and condition keys for Amazon SES v2"); the
    identity is the address where that is verified besides its domain."""
    senders = {}
    for name in of_type(template, FUNCTION):
        if "ses:SendEmail" in (may := allowed(template, role_of(template, name))):
            senders[name] = may["ses:SendEmail"]
    settings = {"Fn::Sub": MAIL + "configuration-set/${MailSettings}"}
    assert set(senders) == {"RemindOfCarts", "SendConfirmation", "SendNotifications"}
    assert all(resources == [ADDRESS, SENDER, settings] for resources in senders.values())


def test_user_pool_sends_as_the_same_identity_with_the_same_settings(template):
    """The source of a pool's emails is the verified identity, which may be a domain: "Email settings for Amazon
    Cognito user pools"."""
    emails = of_type(template, "AWS::Cognito::UserPool")["UserPool"]["EmailConfiguration"]
    assert emails["SourceArn"] == SENDER
    assert emails["ConfigurationSet"] == {"Ref": "MailSettings"}


def test_address_that_bounced_or_complained_is_suppressed(template):
    """ "Using configuration set-level suppression", SES developer guide."""
    (settings,) = of_type(template, "AWS::SES::ConfigurationSet").values()
    assert settings["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}
    (events,) = of_type(template, "AWS::SES::ConfigurationSetEventDestination").values()
    assert {"bounce", "complaint"} <= set(events["EventDestination"]["MatchingEventTypes"])
    assert "ses:configuration-set" in json.dumps(events["EventDestination"]["CloudWatchDestination"])
