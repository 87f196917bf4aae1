"""Each email is sent once, and twice at most whatever fails; a sender that dies is followed by another."""

from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from chalicelib.notifications.service import Notifications
from chalicelib.notifications.ses import EmailRefused, SesSender
from chalicelib.orders.model import Status
from chalicelib.platform import aws
from chalicelib.platform.once import BeingDone, Once
from tests.builders import NOW, an_order, an_order_in
from tests.fakes import FakeMail


@pytest.fixture
def once(dynamodb, new_table, clock):
    return Once(dynamodb, new_table("EffectsTable"), clock)


@pytest.fixture
def mail():
    return FakeMail()


@pytest.fixture
def notifications(once, mail):
    return Notifications(once, SesSender(mail, "shop@example.com"), "https://shop.example")


def ses_error(status, code="Throttling"):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "SendEmail")


class MarksNothing(Once):
    """An effects table to which the mark that an email was sent can never be written."""

    def note_done(self, key):
        raise ConnectionError


class TestSending:
    def test_a_repeated_event_sends_no_second_email(self, notifications, mail, clock):
        notifications.order_confirmed(an_order())
        clock.passes(days=1)
        notifications.order_confirmed(an_order())

        [email] = mail.sent
        assert email["Destination"] == {"ToAddresses": ["ada@example.com"]}
        assert email["FromEmailAddress"] == "shop@example.com"

    def test_each_occasion_has_its_email(self, notifications, mail):
        notifications.order_confirmed(an_order())
        notifications.order_completed(an_order())
        notifications.order_cancelled(an_order())

        assert len({email["Content"]["Simple"]["Subject"]["Data"] for email in mail.sent}) == 3

    def test_a_failure_is_shown_and_the_next_try_sends(self, notifications, mail):
        mail.broken = ConnectionError()
        with pytest.raises(ConnectionError):
            notifications.order_confirmed(an_order())
        mail.broken = None

        notifications.order_confirmed(an_order())

        assert len(mail.sent) == 1

    def test_a_try_while_a_dead_sender_holds_the_lease_does_not_pass_for_success(self, notifications, once, clock):
        once.lease("email#ord_1#confirmed", clock())
        clock.passes(seconds=5)

        with pytest.raises(BeingDone):
            notifications.order_confirmed(an_order())

    def test_each_return_has_its_email(self, notifications, mail):
        order = an_order_in(Status.COMPLETED).return_requested("ret_1", {"MUG-01": 1}, NOW)
        order = order.return_requested("ret_2", None, NOW)

        for return_id in ("ret_1", "ret_2", "ret_1"):
            notifications.return_refunded(order, return_id)

        assert len(mail.sent) == 2


class TestRepeating:
    def test_a_mark_that_always_fails_repeats_an_email_once(self, once, mail, clock, dynamodb, new_table):
        notifications = Notifications(
            MarksNothing(dynamodb, new_table("EffectsTable"), clock), SesSender(mail, "shop@example.com"), ""
        )
        for _ in range(8):
            with suppress(Exception):
                notifications.order_confirmed(an_order())
            clock.passes(minutes=2)

        assert len(mail.sent) == 2

    def test_an_unknown_outcome_is_tried_twice_and_then_counts_as_done(self, notifications, mail, once):
        mail.broken = ses_error(500, "InternalFailure")
        for _ in range(2):
            with pytest.raises(ClientError):
                notifications.order_confirmed(an_order())
        mail.broken = None

        notifications.order_confirmed(an_order())

        assert mail.sent == []
        assert once.is_done("email#ord_1#confirmed")

    def test_a_refusal_sends_nothing_and_does_not_count(self, notifications, mail):
        mail.broken = ses_error(429)
        for _ in range(5):
            with pytest.raises(EmailRefused):
                notifications.order_confirmed(an_order())
        mail.broken = None

        notifications.order_confirmed(an_order())

        assert len(mail.sent) == 1

    def test_the_client_of_ses_makes_each_call_once(self, monkeypatch):
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        aws.ses.cache_clear()

        assert aws.ses().meta.config.retries["total_max_attempts"] == 1
