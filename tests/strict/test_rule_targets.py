"""EventBridge: rules deliver where the target's policy allows it, and keep the rest in a dead-letter queue."""

import json

import pytest

from tests.strict.conftest import TRUST, eventually

FROM_RULES = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Resource": "*"}


def policy(action, **others):
    return json.dumps({"Version": "2012-10-17", "Statement": [FROM_RULES | {"Action": action} | others]})


def queue(session, name, allow=""):
    """Create a queue and return its URL and its ARN."""
    queues = session.client("sqs")
    url = queues.create_queue(QueueName=name, Attributes={"Policy": allow} if allow else {})["QueueUrl"]
    return url, queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def topic(session, name, allow):
    """Create a topic with a subscribed queue, and return the queue's URL and the topic's ARN."""
    topics = session.client("sns")
    arn = topics.create_topic(Name=name, Attributes={"Policy": allow})["TopicArn"]
    any_sender = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    url, endpoint = queue(session, f"{name}-topic", json.dumps({"Version": "2012-10-17", "Statement": [any_sender]}))
    topics.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=endpoint)
    return url, arn


def deliver(session, name, target):
    """Publish an event that a new rule sends to the target, and return the URL of the dead-letter queue."""
    events = session.client("events")
    kept, dead_letters = queue(session, f"{name}-dead-letters", policy("sqs:SendMessage"))
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "it", "Arn": target, "DeadLetterConfig": {"Arn": dead_letters}}])
    events.put_events(Entries=[{"Source": name, "DetailType": "Tried", "Detail": "{}"}])
    return kept


def schedule(session, name, target, may_send_to):
    """Send a message to the target a few seconds later, with a role that may send to one queue."""
    iam = session.client("iam")
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": may_send_to}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="send", PolicyDocument=document)
    session.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="at(2026-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": target, "RoleArn": role, "Input": json.dumps(name)},
    )


def received(session, url):
    def receive():
        return session.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")

    return eventually(receive)[0]


def reason(message):
    return message["MessageAttributes"]["ERROR_CODE"]["StringValue"]


def test_topic_policy_with_a_condition_refuses_rules(session):
    condition = {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"}}
    _, arn = topic(session, "conditional", policy("sns:Publish", Condition=condition))

    kept = received(session, deliver(session, "conditional", arn))

    assert reason(kept) == "NO_PERMISSIONS"
    assert kept["MessageAttributes"]["TARGET_ARN"]["StringValue"] == arn
    assert json.loads(kept["Body"])["detail-type"] == "Tried"


def test_topic_policy_without_a_condition_lets_rules_publish(session):
    delivered, arn = topic(session, "unconditional", policy("sns:Publish"))

    deliver(session, "unconditional", arn)

    assert "Tried" in received(session, delivered)["Body"]


@pytest.mark.parametrize(
    ("name", "allow"),
    [
        ("without-policy", ""),
        ("other-rule", policy("sqs:SendMessage", Condition={"ArnEquals": {"aws:SourceArn": "arn:aws:events:other"}})),
    ],
)
def test_queue_whose_policy_does_not_allow_the_rule_gets_nothing(session, name, allow):
    _, arn = queue(session, name, allow)

    assert reason(received(session, deliver(session, name, arn))) == "NO_PERMISSIONS"


def test_event_for_a_target_that_does_not_exist_is_kept(session):
    _, arn = queue(session, "deleted", policy("sqs:SendMessage"))

    assert reason(received(session, deliver(session, "missing", arn.replace("deleted", "missing")))) == "NO_RESOURCE"


def test_schedule_needs_the_permission_of_its_role_and_no_policy_of_the_target(session):
    url, arn = queue(session, "scheduled")

    schedule(session, "refused", arn, may_send_to=arn.replace("scheduled", "other"))
    schedule(session, "permitted", arn, may_send_to=arn)

    assert "permitted" in received(session, url)["Body"]
    assert "Messages" not in session.client("sqs").receive_message(QueueUrl=url)
