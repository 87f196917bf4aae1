"""Asynchronous invocations: each function has its number of attempts, a maximum age and a failure destination."""

from chalicelib.platform.idempotency import KEPT
from chalicelib.platform.shop import shop

from .template import QUEUE, listed, of_type, referred, statements

ATTEMPTS = "AWS::Lambda::EventInvokeConfig"
FIVE_MINUTES = 300


def _schedules(template):
    found = of_type(template, "AWS::Scheduler::Schedule")
    assert len(found) >= 3
    return {name: schedule["Target"] for name, schedule in found.items()}


def _asynchronous(template):
    """Return every function that a schedule, a rule, a topic or a bucket invokes asynchronously."""
    functions = {name for name, each in template["Resources"].items() if each["Type"] == "AWS::Serverless::Function"}
    targets = [target["Arn"] for target in _schedules(template).values()]
    targets = [target.get("Fn::If", [target])[-1] for target in targets]
    targets += [t["Arn"] for rule in of_type(template, "AWS::Events::Rule").values() for t in rule["Targets"]]
    subscriptions = of_type(template, "AWS::SNS::Subscription").values()
    targets += [each["Endpoint"] for each in subscriptions if each["Protocol"] == "lambda"]
    for bucket in of_type(template, "AWS::S3::Bucket").values():
        notifications = bucket.get("NotificationConfiguration", {}).get("LambdaConfigurations", [])
        targets += [notification["Function"] for notification in notifications]
    names = {target["Fn::GetAtt"][0] for target in targets if "Fn::GetAtt" in target}
    return names & functions


def test_schedules_have_a_retry_policy_and_a_dead_letter_queue(template):
    queues = of_type(template, QUEUE)
    for name, target in _schedules(template).items():
        retry = target["RetryPolicy"]
        assert 0 <= retry["MaximumRetryAttempts"] <= 5, name
        assert 60 <= retry["MaximumEventAgeInSeconds"] <= 24 * 3600, name
        assert referred(target["DeadLetterConfig"]["Arn"]) in queues, name


def test_job_is_retried_until_its_next_run_at_most(template):
    """Or for five minutes: an account that is throttled for a minute needs no alarm for each job of that minute. Lambda
    retries a throttled event until its maximum age: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """
    units = {"minute": 60, "minutes": 60, "hour": 3600, "hours": 3600, "day": 86400, "days": 86400}
    for name, schedule in of_type(template, "AWS::Scheduler::Schedule").items():
        if schedule["ScheduleExpression"].startswith("rate("):
            number, unit = schedule["ScheduleExpression"][5:-1].split()
            age = schedule["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"]
            assert FIVE_MINUTES <= age <= max(int(number) * units[unit], FIVE_MINUTES), name


def test_asynchronous_functions_share_one_retry_policy(template):
    attempts = {referred(each["FunctionName"]): each for each in of_type(template, ATTEMPTS).values()}
    assert set(attempts) == _asynchronous(template)
    clock = {referred(target["Arn"]): target for target in _schedules(template).values()}
    for name, each in attempts.items():
        retry = clock[name]["RetryPolicy"]
        assert each["MaximumRetryAttempts"] == min(2, retry["MaximumRetryAttempts"]), name
        assert each["MaximumEventAgeInSeconds"] == retry["MaximumEventAgeInSeconds"] <= 21600, name
        assert each["DestinationConfig"]["OnFailure"]["Destination"] == clock[name]["DeadLetterConfig"]["Arn"], name


def test_function_may_send_to_its_failure_destination(template):
    """Lambda requires that the function's role may write to the destination."""
    policies = of_type(template, "AWS::IAM::Policy")
    for config in of_type(template, ATTEMPTS).values():
        role = template["Resources"][referred(config["FunctionName"])]["Properties"]["Role"]["Fn::GetAtt"][0]
        attached = {role} | {name for name, policy in policies.items() if {"Ref": role} in policy["Roles"]}
        may = [s for name, s in statements(template) if name in attached and "sqs:SendMessage" in s["Action"]]
        destination = config["DestinationConfig"]["OnFailure"]["Destination"]
        assert any(destination in listed(statement["Resource"]) for statement in may)


def test_archive_expires_before_idempotency_records_do(template):
    """Consumers keep idempotency keys for longer than the archive keeps events."""
    days = template["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]["EVENT_ARCHIVE_DAYS"]
    assert int(days) < KEPT.days
    [archive] = of_type(template, "AWS::Events::Archive").values()
    assert archive["RetentionDays"] == int(days)


def test_schedules_by_the_hour_run_in_the_shops_time_zone(template):
    """Not in an hour that clocks skip in spring, in which EventBridge Scheduler would not run them: 0 to 4 o'clock."""
    schedules = of_type(template, "AWS::Scheduler::Schedule")
    by_the_hour = {name: s for name, s in schedules.items() if s["ScheduleExpression"].startswith("cron(")}

    assert "WriteSalesReportSchedule" in by_the_hour
    for name, schedule in by_the_hour.items():
        assert schedule["ScheduleExpressionTimezone"] == shop().time_zone, name
        _, hour, *_ = schedule["ScheduleExpression"].removeprefix("cron(").split()
        assert int(hour) >= 4, name
