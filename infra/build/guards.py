"""Guards on trust and transport: conditions that follow from the template's roles and buckets.

A service that can act for other accounts gets a condition where AWS documents one: "Creating an IAM role for your state
machine" (Step Functions) and "Confused deputy prevention" (EventBridge Scheduler). Lambda documents none for execution
roles. Buckets refuse requests without TLS ("Security best practices for Amazon S3").
"""

from typing import Any

Template = dict[str, Any]

PLACE = "${AWS::Region}:${AWS::AccountId}"
SOURCES = {
    "states.amazonaws.com": f"arn:${{AWS::Partition}}:states:{PLACE}:stateMachine:*",
    "scheduler.amazonaws.com": f"arn:${{AWS::Partition}}:scheduler:{PLACE}:schedule-group/default",
}
"""By service: on whose behalf it takes a role. EventBridge Scheduler must be given a schedule group, not a schedule."""

TLS_ONLY = "TlsOnly"


def guarded(template: Template) -> Template:
    """Return the trust policies of roles and the policies of buckets, with their guards."""
    resources = template["Resources"]
    roles = {name: each["Properties"] for name, each in resources.items() if each.get("Type") == "AWS::IAM::Role"}
    buckets = [name for name, each in resources.items() if each.get("Type") == "AWS::S3::Bucket"]
    policies = {
        each["Properties"]["Bucket"]["Ref"]: (name, each["Properties"]["PolicyDocument"])
        for name, each in resources.items()
        if each.get("Type") == "AWS::S3::BucketPolicy"
    }
    trusts = {name: _trust(role["AssumeRolePolicyDocument"]) for name, role in roles.items()}
    transport = dict(_bucket_policy(bucket, *policies.get(bucket, (f"{bucket}Policy", {}))) for bucket in buckets)
    return trusts | transport


def _trust(document: dict[str, Any]) -> dict[str, Any]:
    statements = [statement | _condition(statement) for statement in document["Statement"]]
    return {"Properties": {"AssumeRolePolicyDocument": {"Statement": statements}}}


def _condition(statement: dict[str, Any]) -> dict[str, Any]:
    source = SOURCES.get(str(statement["Principal"].get("Service")))
    if not source:
        return {}
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    return {"Condition": own | {"ArnLike": {"aws:SourceArn": {"Fn::Sub": source}}}}


def _bucket_policy(bucket: str, name: str, document: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    refuse = {
        "Sid": TLS_ONLY,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [{"Fn::GetAtt": [bucket, "Arn"]}, {"Fn::Sub": f"${{{bucket}.Arn}}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    statements = [*document.get("Statement", []), refuse]
    properties = {"Bucket": {"Ref": bucket}, "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
    return name, {"Type": "AWS::S3::BucketPolicy", "Properties": properties}
