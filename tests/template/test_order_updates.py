"""Live updates: the queue keeps the sequence of an order's changes, and each permission is minimal."""

from .template import FUNCTION, MAPPING, QUEUE, allowed, of_type, referred, role_of

LIVE = ("AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage")


def _fifo(template):
    return {name for name, queue in of_type(template, QUEUE).items() if queue.get("FifoQueue")}


def _dead_letters(template):
    queues = of_type(template, QUEUE)
    return {
        name: referred(queue["RedrivePolicy"]["deadLetterTargetArn"])
        for name, queue in queues.items()
        if "RedrivePolicy" in queue
    }


def test_fifo_queues_alone_have_fifo_dead_letter_queues(template):
    fifo = _fifo(template)
    assert {"OrderUpdatesQueue", "OrderUpdatesDeadLetters"} <= fifo
    for name, dead_letters in _dead_letters(template).items():
        assert (name in fifo) == (dead_letters in fifo), name


def test_update_queue_groups_by_order_and_deduplicates_by_event(template):
    """Deduplication by content would take two equal messages for one."""
    for name in _fifo(template) & set(_dead_letters(template)):
        queue = of_type(template, QUEUE)[name]
        assert "ContentBasedDeduplication" not in queue
        assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")


def test_rules_and_streams_send_to_no_fifo_queue(template):
    """Neither would name a group."""
    rules = of_type(template, "AWS::Events::Rule").values()
    given = {referred(target["Arn"]) for rule in rules for target in rule["Targets"]}
    mappings = of_type(template, MAPPING).values()
    given |= {
        referred(m["DestinationConfig"]["OnFailure"]["Destination"]) for m in mappings if "DestinationConfig" in m
    }
    assert not given & _fifo(template)


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
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    assert stage["AutoDeploy"] is True
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    for kind in LIVE:
        assert all(referred(properties["ApiId"]) == "LiveApi" for properties in of_type(template, kind).values())


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
    for name, resources in posting.items():
        verbs = ("POST", "DELETE") if name == "Live" else ("POST",)
        ends = [f":${{LiveApi}}/${{LiveStage}}/{verb}/@connections/*" for verb in verbs]
        assert [r["Fn::Sub"].endswith(end) for r, end in zip(resources, ends, strict=True)] == [True] * len(ends)
