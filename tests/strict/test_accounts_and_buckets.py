"""Limits of an account: policies, buckets, sending emails, and user pools that send emails."""

import base64
import hmac
import json

import pytest
from botocore.exceptions import ClientError

from infra.local.strict.mail_sandbox import PER_DAY
from infra.local.strict.policy_size import ATTACHED, INLINE, MANAGED
from tests.strict.conftest import ONE_ATTEMPT, ROLE, TRUST, allowed, eventually, failed_stack, refused

SENDER = "hello@shop.example"
ACCOUNT = ROLE.split(":")[4]


def policy(characters):
    """Return a policy of so many characters without white space, written with white space."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ""}
    rest = characters - len(json.dumps(statement).replace(" ", "")) - len('{"Version":"2012-10-17","Statement":[]}')
    statement["Resource"] = "arn:aws:s3:::bucket/".ljust(rest, "x")
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=4)


@pytest.fixture
def role(session, request):
    name = request.node.name[:64]
    session.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    return name


def test_inline_policies_of_a_role_are_limited_together(session, role):
    iam = session.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName="first", PolicyDocument=policy(INLINE - 1000))
    iam.put_role_policy(RoleName=role, PolicyName="second", PolicyDocument=policy(1000))

    error = refused(iam.put_role_policy, RoleName=role, PolicyName="second", PolicyDocument=policy(1001))

    assert error["Code"] == "LimitExceeded"
    assert error["Message"] == f"Maximum policy size of {INLINE} bytes exceeded for role {role}"


def test_managed_policies_are_limited_in_size_and_number(session, role):
    iam = session.client("iam")
    arn = iam.create_policy(PolicyName="just-fits", PolicyDocument=policy(MANAGED))["Policy"]["Arn"]
    for number in range(ATTACHED):
        iam.attach_role_policy(RoleName=role, PolicyArn=f"arn:aws:iam::aws:policy/Number{number}")

    large = refused(iam.create_policy, PolicyName="large", PolicyDocument=policy(MANAGED + 1))
    many = refused(iam.attach_role_policy, RoleName=role, PolicyArn=arn)

    assert large == {"Type": "Sender", "Code": "LimitExceeded", "Message": "Cannot exceed quota for PolicySize: 6144"}
    assert many["Message"] == "Cannot exceed quota for PoliciesPerRole: 10"


def test_stack_with_an_inline_policy_too_large_fails(session):
    half = {"PolicyName": "half", "PolicyDocument": json.loads(policy(INLINE // 2 + 1))}
    role = {"AssumeRolePolicyDocument": json.loads(TRUST), "Policies": [half, {**half, "PolicyName": "other"}]}

    reason = failed_stack(session, "large-role", Role={"Type": "AWS::IAM::Role", "Properties": role})

    assert f"Maximum policy size of {INLINE} bytes exceeded" in reason


def test_stack_with_a_policy_too_large_for_its_role_fails(session):
    half = {"PolicyName": "half", "PolicyDocument": json.loads(policy(INLINE // 2 + 1))}
    role = {"AssumeRolePolicyDocument": json.loads(TRUST), "Policies": [half]}
    other = {**half, "PolicyName": "other", "Roles": [{"Ref": "Role"}]}

    reason = failed_stack(
        session,
        "large-policy",
        Role={"Type": "AWS::IAM::Role", "Properties": role},
        Policy={"Type": "AWS::IAM::Policy", "Properties": other},
    )

    assert f"Maximum policy size of {INLINE} bytes exceeded" in reason


@pytest.mark.parametrize(
    ("region", "configuration", "code"),
    [
        ("us-east-1", {}, "MalformedXML"),
        ("us-east-1", {"LocationConstraint": "us-east-1"}, "InvalidLocationConstraint"),
        ("eu-west-1", None, "IllegalLocationConstraintException"),
    ],
)
def test_bucket_with_a_wrong_location_is_refused(session, region, configuration, code):
    given = {} if configuration is None else {"CreateBucketConfiguration": configuration}

    error = refused(session.client("s3", region_name=region).create_bucket, Bucket="wrong-location", **given)

    assert error["Code"] == code


@pytest.mark.parametrize(
    ("actions", "code"), [(["s3:GetObject"], "AccessDenied"), (["s3:GetObject", "s3:ListBucket"], "NoSuchKey")]
)
def test_missing_object_is_named_only_to_who_may_list_the_bucket(session, actions, code):
    session.client("s3").create_bucket(
        Bucket=f"missing-{len(actions)}", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    user = allowed(session, f"reader-{len(actions)}", *actions)

    error = refused(user.client("s3").get_object, Bucket=f"missing-{len(actions)}", Key="missing")

    assert error["Code"] == code


def pool(session, **settings):
    settings = {"EmailSendingAccount": "DEVELOPER", **settings}
    return session.client("cognito-idp").create_user_pool(PoolName="pool", EmailConfiguration=settings)


def identity(name, region="eu-west-1", account=ACCOUNT):
    return f"arn:aws:ses:{region}:{account}:identity/{name}"


def test_pool_needs_a_verified_identity_as_sender(session):
    session.client("sesv2").create_email_identity(EmailIdentity="verified.example")

    error = refused(pool, session=session, SourceArn=identity("hello@verified.example"))
    pool(session, SourceArn=identity("verified.example"), From="hello@verified.example")

    assert error["Code"] == "InvalidParameterException"
    assert error["Message"].endswith(f"failed the check in region EU-WEST-1: {identity('hello@verified.example')}")


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ({"account": "111111111111"}, "NotAuthorizedException"),
        ({"region": "eu-central-1"}, "InvalidParameterException"),
        ({"region": "us-east-1"}, "InvalidParameterException"),
    ],
)
def test_pool_with_a_sender_of_elsewhere_is_refused(session, place, code):
    assert refused(pool, session=session, SourceArn=identity("elsewhere.example", **place))["Code"] == code


def test_stack_with_a_pool_of_an_unverified_sender_fails(session):
    settings = {"EmailSendingAccount": "DEVELOPER", "SourceArn": identity("unknown@shop.example")}

    pool = {"Type": "AWS::Cognito::UserPool", "Properties": {"EmailConfiguration": settings}}

    assert "Email address is not verified" in failed_stack(session, "pool-sender", Pool=pool)


def send(session, sender=SENDER, recipient=SENDER, region=None):
    content = {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}}
    destination = {"ToAddresses": [recipient]}
    session.client("sesv2", region_name=region, config=ONE_ATTEMPT).send_email(
        FromEmailAddress=sender, Destination=destination, Content=content
    )


def send_many(mail, emails):
    content = {"Subject": "Hello", "Text": "Hello"}
    mail.create_email_template(TemplateName="hello", TemplateContent=content)
    entries = [{"Destination": {"ToAddresses": [SENDER]}}] * (emails // 4)
    template = {"Template": {"TemplateName": "hello", "TemplateData": "{}"}}
    for _ in range(4):
        mail.send_bulk_email(FromEmailAddress=SENDER, DefaultContent=template, BulkEmailEntries=entries)


def test_sandbox_refuses_unverified_addresses_and_more_than_200_emails(session):
    mail = session.client("sesv2")
    mail.create_email_identity(EmailIdentity=SENDER)

    recipient = refused(send, session=session, recipient="stranger@elsewhere.example")
    sender = refused(send, session=session, sender="stranger@elsewhere.example")
    send_many(mail, PER_DAY)
    further = refused(send, session=session)

    assert (recipient["Code"], sender["Code"]) == ("MessageRejected", "MessageRejected")
    assert further == {"Code": "ThrottlingException", "Message": "Daily message quota exceeded"}
    assert mail.get_account()["ProductionAccessEnabled"] is False
    assert mail.get_account()["SendQuota"]["Max24HourSend"] == PER_DAY


def test_sandbox_refuses_a_lasting_rate_of_more_than_an_email_a_second(session):
    region = "eu-north-1"  # Quotas are those of a region.
    session.client("sesv2", region_name=region).create_email_identity(EmailIdentity=SENDER)

    def refusal():
        try:
            send(session, region=region)
        except ClientError as error:
            return error.response["Error"]

    assert eventually(refusal) == {"Code": "ThrottlingException", "Message": "Maximum sending rate exceeded"}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("username", {"Username": "x" * 129}),
        ("password", {"Password": "x" * 257}),
        ("userAttributes.1.member.value", {"UserAttributes": [{"Name": "name", "Value": "x" * 2049}]}),
    ],
)
def test_sign_up_with_a_text_too_long_is_refused(session, field, wrong):
    cognito = session.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="limits")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="any")["UserPoolClient"]["ClientId"]
    fitting = {"Username": "x" * 128, "Password": "Aa1!" + "x" * 252}
    cognito.sign_up(ClientId=client, **fitting)

    error = refused(cognito.sign_up, ClientId=client, **{**fitting, "Username": "other"} | wrong)

    assert error["Code"] == "InvalidParameterException"
    assert f"Value at '{field}' failed to satisfy constraint" in error["Message"]


def test_token_is_not_refreshed_with_a_wrong_client_secret(session):
    cognito = session.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="secret")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName="any",
        GenerateSecret=True,
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": 0},
    )["UserPoolClient"]
    cognito.admin_create_user(UserPoolId=pool, Username="ida", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username="ida", Password="Long-stories-1", Permanent=True)
    proof = hmac.digest(client["ClientSecret"].encode(), f"ida{client['ClientId']}".encode(), "sha256")
    given = {"USERNAME": "ida", "PASSWORD": "Long-stories-1", "SECRET_HASH": base64.b64encode(proof).decode()}
    signed_in = cognito.initiate_auth(ClientId=client["ClientId"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given)
    token = signed_in["AuthenticationResult"]["RefreshToken"]
    refresh = {"ClientId": client["ClientId"], "RefreshToken": token}

    error = refused(cognito.get_tokens_from_refresh_token, **refresh, ClientSecret="w" * 24)

    assert error["Code"] == "NotAuthorizedException"
    assert cognito.get_tokens_from_refresh_token(**refresh, ClientSecret=client["ClientSecret"])
