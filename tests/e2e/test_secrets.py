"""Secrets: they can be rotated while the shop runs, and appear only in the parameter store."""

import gzip
import hashlib
import hmac
import json
import re
import time
import uuid

import pytest

from infra.commands import mail
from infra.local import shop

SECRETS = re.compile(r"\b[sr]k_(test|live)_\w|whsec_\w|AKIA[0-9A-Z]{12}|eyJ[\w-]{10,}\.[\w-]+\.")


def knock(guest, secret):
    """Send an event without effect, signed with this secret."""
    intent = {"id": "pi_that_nobody_has", "object": "payment_intent"}
    body = json.dumps({"id": "evt_of_a_test", "type": "payment_intent.created", "data": {"object": intent}}).encode()
    moment = int(time.time())
    digest = hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256).hexdigest()
    return guest.call("POST", "/webhooks/stripe", body, {"Stripe-Signature": f"t={moment},v1={digest}"})


@pytest.fixture
def parameter(engine):
    """Return a function that changes a parameter; restore its value after the test."""
    ssm, before = engine.session.client("ssm"), {}

    def change(name, value):
        full = f"/{shop.STACK}/stripe/{name}"
        before.setdefault(full, ssm.get_parameter(Name=full, WithDecryption=True)["Parameter"]["Value"])
        ssm.put_parameter(Name=full, Value=value, Type="SecureString", Overwrite=True)

    yield change
    for full, value in before.items():
        ssm.put_parameter(Name=full, Value=value, Type="SecureString", Overwrite=True)


def test_new_webhook_secret_is_used_from_its_first_event(guest, parameter, eventually):
    secret = f"whsec_{uuid.uuid4().hex}"
    assert knock(guest, secret).body["code"] == "signature_invalid"
    parameter("webhook-secret", secret)
    eventually(lambda: knock(guest, secret).status == 200)


def test_new_stripe_key_is_used_when_the_old_one_is_refused(engine, opened, parameter, resource, eventually):
    """The process that read the old value reads the new one, instead of caching the old one for five minutes."""
    function, functions = resource("ReconcilePayments"), engine.session.client("lambda")

    def is_refused():
        return "PaymentProviderUnavailable" in functions.invoke(FunctionName=function)["Payload"].read().decode()

    parameter("secret-key", "a-key-that-was-rolled")
    # A warm process that has read the key would keep it; the emulator starts a new one for a changed environment only.
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    changed = variables | {"STARTED_FOR": uuid.uuid4().hex}
    functions.update_function_configuration(FunctionName=function, Environment={"Variables": changed})
    assert is_refused()
    parameter("secret-key", opened["stripe_key"])
    eventually(lambda: not is_refused())


def test_secrets_are_in_no_environment_output_or_page(engine, opened, storefront_url):
    functions = engine.session.client("lambda").get_paginator("list_functions").paginate()
    variables = [f.get("Environment", {}).get("Variables", {}) for page in functions for f in page["Functions"]]
    s3 = engine.session.client("s3")
    bucket = opened["stack"]["StorefrontBucketName"]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    pages = {key: _content(s3.get_object(Bucket=bucket, Key=key)) for key in keys}
    # The lab uses the sandbox's key, which is no account's: tests/unit/test_console_audit.py checks its receivers.
    assert json.loads(pages["config.json"]).pop("lab")["control_api"]["key"] == opened["stripe_key"]
    pages["config.json"] = json.dumps({k: v for k, v in json.loads(pages["config.json"]).items() if k != "lab"})
    assert len(variables) > 30
    for text in (json.dumps(variables), json.dumps(opened["stack"]), *pages.values()):
        # The AWS emulator's own credentials are not secrets of the shop.
        assert not SECRETS.search(text) and opened["stripe_key"] not in text


def test_logs_have_the_context_and_no_personal_data(guest, engine, opened, new_product):
    since = time.time()
    password = f"marked-{uuid.uuid4().hex}"
    email = f"{uuid.uuid4().hex}@example.com"
    guest.call("POST", "/accounts", {"email": email, "password": password})
    code = re.search(r"code is (\w+)", _mailed(opened, email))[1]
    guest.call("POST", "/accounts/confirm", {"email": email, "code": code})
    ours = {"X-Session-Request": "1"}
    guest.call("POST", "/session", {"email": email, "password": password[:-1]}, ours)
    token = guest.call("POST", "/session", {"email": email, "password": password}, ours).body["id_token"]
    order_id = guest.buy(new_product(1))
    guest.ended(order_id, within_seconds=180)
    lines = _logged(engine, since)
    assert [line for line in lines if any(each in line for each in (password, email, token.split(".")[1]))] == []
    about = [json.loads(line) for line in lines if order_id in line and line.startswith("{")]
    assert {line["correlation_id"] for line in about if "correlation_id" in line} == {order_id}
    assert {"call answered", "message handled", "step ended"} <= {line["message"] for line in about}
    assert all(line.get("order_id") == order_id for line in about)


def _content(stored):
    body = stored["Body"].read()
    return (gzip.decompress(body) if stored.get("ContentEncoding") == "gzip" else body).decode(errors="replace")


def _mailed(opened, email):
    return next(m["BodyText"] for m in mail.messages(opened["engine_url"], opened["account"]) if email in m["To"])


def _logged(engine, since):
    """Return the log lines of all functions since that moment."""
    logs = engine.session.client("logs")
    pages = logs.get_paginator("describe_log_groups").paginate()
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    lines = logs.get_paginator("filter_log_events")
    found = (lines.paginate(logGroupName=name, startTime=int(since * 1000)) for name in names)
    return [event["message"] for pages in found for page in pages for event in page["events"]]
