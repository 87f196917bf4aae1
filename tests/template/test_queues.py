"""Queues: no message is lost or processed twice at a time, and each dead letter raises an alarm."""

import json
from types import SimpleNamespace

from chalicelib.dead_letters.actions import SpecialActions
from infra.audit.invariants import DELIVERY_SECONDS, PUBLICATION_SECONDS
from infra.build import derived
from infra.build.template import merged_template

from .template import FUNCTION, MAPPING, QUEUE, of_type, queue_subscriptions, referred

DAY = 24 * 3600
DEFAULT_RETENTION = 4 * DAY
DEFAULT_VISIBILITY = 30
HALF_AN_HOUR = 1800
CONCURRENCY_OF_A_NEW_ACCOUNT = 10


def _readers(template):
    """Every (queue, function that reads it)."""
    queues = of_type(template, QUEUE)
    for mapping in of_type(template, MAPPING).values():
        source = referred(mapping["EventSourceArn"])
        if source in queues:
            yield source, referred(mapping["FunctionName"])


def test_queue_that_a_function_reads_has_dead_letters(template):
    queues = of_type(template, QUEUE)
    read = {queue for queue, _ in _readers(template)}
    assert read >= {"FulfilmentQueue", "NotificationsQueue", "WarehouseRepliesQueue"}
    for queue in read:
        redrive = queues[queue]["RedrivePolicy"]
        dead_letters = queues[referred(redrive["deadLetterTargetArn"])]
        assert redrive["maxReceiveCount"] >= 5, "Lambda developer guide, services-sqs-configure.html"
        retention = queues[queue].get("MessageRetentionPeriod", DEFAULT_RETENTION)
        assert dead_letters["MessageRetentionPeriod"] > retention


def test_queue_has_dead_letters_of_its_own(template):
    redrives = [queue["RedrivePolicy"] for queue in of_type(template, QUEUE).values() if "RedrivePolicy" in queue]
    targets = [referred(redrive["deadLetterTargetArn"]) for redrive in redrives]
    assert len(set(targets)) == len(targets)


def test_visibility_timeout_is_six_times_the_timeout_of_the_function(template):
    for queue, function in _readers(template):
        hidden = of_type(template, QUEUE)[queue].get("VisibilityTimeout", DEFAULT_VISIBILITY)
        assert hidden >= 6 * of_type(template, FUNCTION)[function]["Timeout"], queue


def test_failed_message_does_not_repeat_its_batch(template):
    mappings = of_type(template, MAPPING)
    assert mappings
    for name, mapping in mappings.items():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name


def test_message_outlasts_half_an_hour_of_throttling(template):
    """Lambda retries a throttled batch until the visibility timeout ends. Then its messages are received again, which
    counts: AWS Lambda developer guide, "Handling errors for an SQS event source in Lambda"."""
    queues = of_type(template, QUEUE)
    redriving = {name: queue for name, queue in queues.items() if "RedrivePolicy" in queue}
    assert set(redriving) >= {queue for queue, _ in _readers(template)}
    for name, queue in redriving.items():
        survived = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
        assert HALF_AN_HOUR <= survived < queue.get("MessageRetentionPeriod", DEFAULT_RETENTION), name


def test_auditor_misses_no_effect_before_its_last_attempt(template):
    queues = of_type(template, QUEUE)
    rules = [rule for rule in of_type(template, "AWS::Events::Rule").values() if "EventBusName" in rule]
    targets = [target for rule in rules for target in rule["Targets"]]
    fed = {name for name in map(referred, (target["Arn"] for target in targets)) if name in queues}
    tried = {name: queues[name]["RedrivePolicy"]["maxReceiveCount"] * queues[name]["VisibilityTimeout"] for name in fed}
    assert set(tried) >= {"FulfilmentQueue", "NotificationsQueue", "InvoicesQueue"}
    assert max(tried.values()) + PUBLICATION_SECONDS <= DELIVERY_SECONDS

    republished = template["Resources"]["RepublishEventsSchedule"]["Properties"]["ScheduleExpression"]
    assert republished == f"rate({PUBLICATION_SECONDS // 60 // 2} minutes)"


def test_full_queue_leaves_most_of_a_new_accounts_concurrency(template):
    """2 is the least that a mapping can have: AWS Lambda developer guide, "Configuring scaling behavior for SQS event
    source mappings"."""
    queues = of_type(template, QUEUE)
    for name, mapping in of_type(template, MAPPING).items():
        if referred(mapping["EventSourceArn"]) in queues:
            assert 2 <= mapping["ScalingConfig"]["MaximumConcurrency"] <= CONCURRENCY_OF_A_NEW_ACCOUNT / 5, name


def test_queue_of_a_topic_gets_raw_events_filtered_by_their_body(template):
    """Consumers read events, not a topic's envelope around them; and events have no message attributes."""
    subscriptions = queue_subscriptions(template)
    assert len(subscriptions) >= 4
    for name, subscription in subscriptions.items():
        assert subscription["RawMessageDelivery"] is True, name
        assert ("FilterPolicy" in subscription) == (subscription.get("FilterPolicyScope") == "MessageBody"), name


def test_stream_mapping_ends_retries_soon_and_reports_to_a_queue(template):
    """A record that always fails blocks its shard until its attempts or its age run out, by default for a day:
    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html"""
    queues = of_type(template, QUEUE)
    streams = [m for m in of_type(template, MAPPING).values() if referred(m["EventSourceArn"]) not in queues]
    assert len(streams) == 3
    for mapping in streams:
        assert 0 < mapping["MaximumRetryAttempts"] <= 10
        assert 60 <= mapping["MaximumRecordAgeInSeconds"] <= 3600
        assert mapping["BisectBatchOnFunctionError"] is True
        assert referred(mapping["DestinationConfig"]["OnFailure"]["Destination"]) in queues


def test_special_dead_letter_queues_are_queues_of_the_template(stage):
    value = derived.operated(merged_template(stage))["OperatedParts"]["Properties"]["Value"]["Fn::Sub"]
    queues = json.loads(value)["queues"]
    special = SpecialActions(SimpleNamespace(settle=None), [], publish=None, aws_lambda=None)
    assert set(special.by_queue) <= {name for name, parts in queues.items() if "url" not in parts}
