"""Tracing is on for everything that X-Ray can trace, and each role may write its segments.

X-Ray traces neither WebSocket APIs ("Choose between REST APIs and HTTP APIs", API Gateway developer guide) nor
Lambda@Edge.
"""

from .template import (
    FUNCTION,
    MAPPING,
    QUEUE,
    SAMPLE_TRACES,
    WRITE_TRACES,
    is_traced,
    listed,
    managed_policies,
    of_type,
    referred,
    role_of,
)

MACHINE = "AWS::StepFunctions::StateMachine"
API = "AWS::Serverless::Api"


def _attached(template, role):
    """The actions of the managed policies that a role attaches itself, all of which are allowed on `*`."""
    policies = of_type(template, "AWS::IAM::ManagedPolicy")
    named = managed_policies(of_type(template, "AWS::IAM::Role")[role])
    (statement,) = (each for name in named for each in policies[name]["PolicyDocument"]["Statement"])
    assert statement["Effect"] == "Allow" and statement["Resource"] == "*"
    return set(listed(statement["Action"]))


def _stream_readers(template):
    """A stream carries no trace header, so these begin traces that hold nothing of an order."""
    mappings = of_type(template, MAPPING).values()
    return {
        referred(m["FunctionName"]) for m in mappings if referred(m["EventSourceArn"]) not in of_type(template, QUEUE)
    }


def test_function_is_traced_and_its_role_writes_segments(template):
    """Lambda refuses to create a traced function whose role does not have the permission yet; a policy that names its
    roles may come after the function."""
    functions = of_type(template, FUNCTION)
    assert len(functions) > 40
    assert {name for name in functions if not is_traced(template, name)} == _stream_readers(template)
    roles = {role_of(template, name) for name in functions if is_traced(template, name)}
    assert [role for role in sorted(roles) if _attached(template, role) != WRITE_TRACES] == []


def test_workflow_is_traced_and_its_role_writes_segments(template):
    """https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html"""
    machines = of_type(template, MACHINE)
    assert len(machines) == 5
    for name, machine in machines.items():
        assert machine["TracingConfiguration"] == {"Enabled": True}, name
        assert _attached(template, referred(machine["RoleArn"])) == WRITE_TRACES | SAMPLE_TRACES, name


def test_rest_api_is_traced(template):
    apis = of_type(template, API)
    assert {name: api.get("TracingEnabled") for name, api in apis.items()} == {"RestAPI": True}
