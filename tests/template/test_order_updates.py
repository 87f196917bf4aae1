"""Live updates: the stream keeps the sequence of an order's changes, and each permission is minimal."""

from .template import FUNCTION, MAPPING, QUEUE, allowed, of_type, referred, role_of

LIVE = ("AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage")


def test_updates_are_pushed_by_one_batch_a_shard_at_a_time(template):
    """With a ParallelizationFactor only the records of one key keep their sequence, and each event is an item of its
    own: https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html"""
    [mapping] = [m for m in of_type(template, MAPPING).values() if referred(m["FunctionName"]) == "PushUpdates"]
    assert referred(mapping["EventSourceArn"]) == "OrdersTable" and "ParallelizationFactor" not in mapping


def test_stream_has_at_most_two_readers(template):
    """More would share what two can read."""
    queues = of_type(template, QUEUE)
    streams = [referred(m["EventSourceArn"]) for m in of_type(template, MAPPING).values()]
    streams = [source for source in streams if source not in queues]
    assert streams.count("OrdersTable") == 2
    assert all(streams.count(stream) <= 2 for stream in streams)


def test_websocket_routes_all_call_the_function(template):
    integrations = of_type(template, "AWS::ApiGatewayV2::Integration")
    routes = of_type(template, "AWS::ApiGatewayV2::Route").values()
    assert sorted(route["RouteKey"] for route in routes) == ["$connect", "$default", "$disconnect"]
    assert {route["Target"]["Fn::Sub"] for route in routes} == {"integrations/${LiveIntegration}"}
    assert "/functions/${Live.Arn}/invocations" in integrations["LiveIntegration"]["IntegrationUri"]["Fn::Sub"]
    stage = of_type(template, "AWS::ApiGatewayV2::Stage")["LiveStage"]
    assert stage["AutoDeploy"] is True
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    for kind in LIVE:
        assert {referred(each["ApiId"]) for name, each in of_type(template, kind).items() if name != "HttpStage"} == {
            "LiveApi"
        }


def test_websocket_api_may_invoke_its_function(template):
    permissions = of_type(template, "AWS::Lambda::Permission").values()
    (permission,) = [p for p in permissions if referred(p["FunctionName"]) == "Live"]
    assert (permission["Principal"], permission["Action"]) == ("apigateway.amazonaws.com", "lambda:InvokeFunction")
    assert permission["SourceArn"]["Fn::Sub"].endswith(":${LiveApi}/${LiveStage}/*")


def test_connections_of_the_api_are_posted_to_by_update_functions_only(template):
    posting = {
        name: allowed(template, role_of(template, name))["execute-api:ManageConnections"]
        for name in of_type(template, FUNCTION)
        if "execute-api:ManageConnections" in allowed(template, role_of(template, name))
    }
    assert set(posting) == {"Live", "PushUpdates"}
    for resources in posting.values():
        ends = [f":${{LiveApi}}/${{LiveStage}}/{verb}/@connections/*" for verb in ("POST", "DELETE")]
        assert [r["Fn::Sub"].endswith(end) for r, end in zip(resources, ends, strict=True)] == [True] * len(ends)
