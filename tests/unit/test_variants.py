"""Variants: references become choices, and a job is found under the name that its stack has."""

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from infra.build.variants import with_choices
from infra.commands import job

TEMPLATE = {
    "Resources": {
        "Report": {"Type": "AWS::Serverless::Function", "Condition": "IsZip"},
        "Drawn": {
            "Type": "AWS::Serverless::Function",
            "Condition": "IsImage",
            "Metadata": {"VariantOf": "Report"},
        },
        "Other": {"Target": [{"Fn::GetAtt": ["Report", "Arn"]}, {"Ref": "Reports"}]},
    }
}


def test_reference_to_a_function_with_a_variant_becomes_a_choice():
    target = with_choices(TEMPLATE)["Resources"]["Other"]["Target"]
    choice = ["IsImage", {"Fn::GetAtt": ["Drawn", "Arn"]}, {"Fn::GetAtt": ["Report", "Arn"]}]
    assert target == [{"Fn::If": choice}, {"Ref": "Reports"}]


@pytest.mark.parametrize("text", ["${Report}", "arn:${Report.Arn}:x"])
def test_text_that_refers_to_a_function_with_a_variant_is_refused(text):
    with pytest.raises(NotImplementedError, match="refers to Report"):
        with_choices({"Resources": TEMPLATE["Resources"], "Outputs": {"X": {"Fn::Sub": text}}})


class Session:
    """Of a stack that has some of the resources."""

    def __init__(self, *resources):
        self._cloudformation = boto3.client(
            "cloudformation", region_name="eu-west-1", aws_access_key_id="none", aws_secret_access_key="none"
        )
        self._stub = Stubber(self._cloudformation)
        for logical_id in ("WriteSalesReport", "WriteSalesReportImage"):
            self._expect(logical_id, logical_id in resources)
        self._stub.activate()

    def _expect(self, logical_id, is_there):
        named = {"StackName": "shop", "LogicalResourceId": logical_id}
        detail = {"LogicalResourceId": logical_id, "ResourceType": "x", "ResourceStatus": "CREATE_COMPLETE"}
        detail |= {"LastUpdatedTimestamp": 0, "PhysicalResourceId": f"shop-{logical_id}"}
        if is_there:
            self._stub.add_response("describe_stack_resource", {"StackResourceDetail": detail}, named)
        else:
            self._stub.add_client_error("describe_stack_resource", "ValidationError", expected_params=named)

    def client(self, service):
        return self._cloudformation


@pytest.mark.parametrize("there", ["WriteSalesReport", "WriteSalesReportImage"])
def test_job_is_found_as_the_variant_that_the_stack_has(there):
    assert job._physical(Session(there), "shop", "WriteSalesReport") == f"shop-{there}"


def test_job_that_a_stack_has_in_no_variant_is_an_error():
    with pytest.raises(ClientError):
        job._physical(Session(), "shop", "WriteSalesReport")
