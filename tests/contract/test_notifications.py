"""Each email is sent once, and after any failure twice at most; another sender takes over from one that crashed."""

import re
from collections import Counter
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from chalicelib.notifications.limits import MailLimits, mailbox
from chalicelib.notifications.model import Occasion
from chalicelib.notifications.service import Notifications
from chalicelib.notifications.ses import EmailRefused, SesSender
from chalicelib.orders.model import Reason, Status
from chalicelib.platform import aws
from chalicelib.platform.idempotency import AlreadyInProgress, IdempotencyStore
from chalicelib.platform.links import Links
from chalicelib.platform.rate_limit import RateLimit
from tests.builders import NOW, an_order, an_order_in
from tests.fakes import FakeMail

KEY = "k" * 48


@pytest.fixture
def once(dynamodb, new_table, clock):
    return IdempotencyStore(dynamodb, new_table("EffectsTable"), clock)


@pytest.fixture
def mail():
    return FakeMail()


@pytest.fixture
def notifications(once, notifications_with):
    return notifications_with(once)


@pytest.fixture
def limits(dynamodb, new_table, clock):
    return MailLimits(RateLimit(dynamodb, new_table("EffectsTable"), clock), per_recipient=3, per_client=5)


@pytest.fixture
def notifications_with(mail, limits, clock, monkeypatch):
    monkeypatch.setattr("chalicelib.notifications.limits.metrics.count", lambda name: skipped.update([name]))
    skipped = Counter()
    links = Links(lambda: KEY, clock)
    mail.skipped = skipped
    return lambda once: Notifications(
        once, SesSender(mail, "shop@example.com", "mail"), limits, links, "https://shop.example"
    )


def ses_error(status, code="Throttling"):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "SendEmail")


class MarksNothing(IdempotencyStore):
    """Idempotency table in which no email can be marked as sent."""

    def mark_done(self, lease, is_skipped=False, answer=None):
        raise ConnectionError


class TestSending:
    def test_repeated_event_sends_no_second_email(self, notifications, mail, clock):
        notifications.order_confirmed(an_order())
        clock.passes(days=1)
        notifications.order_confirmed(an_order())

        [email] = mail.sent
        assert email["Destination"] == {"ToAddresses": ["ada@example.com"]}
        assert email["FromEmailAddress"] == "shop@example.com"

    def test_occasion_has_its_email(self, notifications, mail):
        notifications.order_confirmed(an_order())
        notifications.order_completed(an_order(), None)
        notifications.order_cancelled(an_order())

        assert len({email["Content"]["Simple"]["Subject"]["Data"] for email in mail.sent}) == 3

    def test_email_is_sent_again_once_for_each_request(self, notifications, mail):
        order = an_order_in(Status.AUTHORIZED)
        notifications.order_confirmed(order)
        for request in ("r1", "r1", "r2"):
            notifications.send_again(order, Occasion.CONFIRMED, None, request, None)

        assert len(mail.sent) == 3
        assert notifications.sent_again(order, Occasion.CONFIRMED, None, "r2")
        assert notifications.sent_again(order, Occasion.CONFIRMED, None, "r3") is None

    def test_email_that_is_not_true_any_more_is_not_sent_again(self, notifications, once, mail):
        notifications.send_again(an_order_in(Status.CANCELLED), Occasion.CONFIRMED, None, "r1", None)

        assert mail.sent == [] and once.is_done("email#ord_1#confirmed#r1")

    def test_failed_email_raises_and_is_sent_by_the_retry(self, notifications, mail):
        mail.broken = ConnectionError()
        with pytest.raises(ConnectionError):
            notifications.order_confirmed(an_order())
        mail.broken = None

        notifications.order_confirmed(an_order())

        assert len(mail.sent) == 1

    def test_retry_during_the_lease_of_a_crashed_sender_is_no_success(self, notifications, once, clock):
        once.acquire("email#ord_1#confirmed")
        clock.passes(seconds=5)

        with pytest.raises(AlreadyInProgress):
            notifications.order_confirmed(an_order())

    def test_return_has_its_email(self, notifications, mail):
        order = an_order_in(Status.COMPLETED).return_requested("ret_1", {"MUG-01": 1}, NOW)
        order = order.return_requested("ret_2", None, NOW)

        for return_id in ("ret_1", "ret_2", "ret_1"):
            notifications.return_refunded(order, return_id)

        assert len(mail.sent) == 2


class TestRepeating:
    def test_failing_mark_repeats_an_email_at_most_once(self, notifications_with, mail, clock, dynamodb, new_table):
        notifications = notifications_with(MarksNothing(dynamodb, new_table("EffectsTable"), clock))
        for _ in range(8):
            with suppress(Exception):
                notifications.order_confirmed(an_order())
            clock.passes(minutes=2)

        assert len(mail.sent) == 2

    def test_unknown_outcome_is_retried_once_and_then_counts_as_done(self, notifications, mail, once):
        mail.broken = ses_error(500, "InternalFailure")
        for _ in range(2):
            with pytest.raises(ClientError):
                notifications.order_confirmed(an_order())
        mail.broken = None

        notifications.order_confirmed(an_order())

        assert mail.sent == []
        assert once.is_done("email#ord_1#confirmed")

    def test_refused_email_sends_nothing_and_is_not_counted(self, notifications, mail):
        mail.broken = ses_error(429)
        for _ in range(5):
            with pytest.raises(EmailRefused):
                notifications.order_confirmed(an_order_in(Status.AUTHORIZED))
        mail.broken = None

        notifications.order_confirmed(an_order_in(Status.AUTHORIZED))

        assert len(mail.sent) == 1

    def test_ses_client_makes_no_retries(self, monkeypatch):
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        aws.ses.cache_clear()

        assert aws.ses().meta.config.retries["total_max_attempts"] == 1


class TestStrangers:
    """Emails about unpaid orders go to an unverified address, so their number is limited."""

    @staticmethod
    def declined(number, to="ada@example.com", client="client-1"):
        order = an_order(f"ord_{number}", customer_id=None, token="t", email=to, client=client)
        return order.advanced(Status.CANCELLED, NOW, Reason.PAYMENT_DECLINED)

    def test_address_gets_a_limited_number_of_emails_per_hour(self, notifications, mail, clock):
        for number in range(6):
            notifications.order_cancelled(self.declined(number, client=f"client-{number}"))
        assert (len(mail.sent), mail.skipped) == (3, {"EmailSkipped": 3})

        clock.passes(hours=1)
        notifications.order_cancelled(self.declined(7))
        assert len(mail.sent) == 4

    def test_tags_and_letter_case_name_no_other_mailbox(self, notifications, mail):
        for number, to in enumerate(["a@x.example", "A@x.example", "a+1@x.example", "a+2@X.example"]):
            notifications.order_cancelled(self.declined(number, to, f"client-{number}"))

        assert len(mail.sent) == 3
        assert mailbox("A+b+c@X.example") == "a@x.example"

    def test_client_causes_a_limited_number_of_emails(self, notifications, mail):
        for number in range(8):
            notifications.order_cancelled(self.declined(number, f"{number}@example.com"))

        assert len(mail.sent) == 5

    def test_skipped_email_counts_as_done_and_not_as_sent(self, notifications, once):
        for number in range(4):
            notifications.order_cancelled(self.declined(number))

        assert once.is_done("email#ord_3#cancelled")
        assert list(notifications.sent(self.declined(2))) == ["cancelled ord_2"]
        assert notifications.sent(self.declined(3)) == {}

    def test_paying_buyer_is_always_mailed(self, notifications, mail):
        for number in range(6):
            notifications.order_completed(an_order_in(Status.COMPLETED, f"ord_{number}"), None)

        assert len(mail.sent) == 6

    def test_links_are_mailed_within_the_same_limits(self, notifications, mail):
        order = an_order_in(Status.COMPLETED)
        for number in range(6):
            notifications.order_link(order, f"evt_{number}", "client-1")

        assert len(mail.sent) == 3

    def test_codes_of_accounts_have_limits_of_their_own(self, notifications, limits):
        assert [limits.allow_code("ada@example.com", "client-1") for _ in range(8)] == [True] * 6 + [False] * 2
        assert limits.allow("ada@example.com", "client-1")


class TestLinks:
    def text(self, mail):
        return mail.sent[-1]["Content"]["Simple"]["Body"]["Text"]["Data"]

    def test_guests_email_has_a_signed_link(self, notifications, mail, clock):
        notifications.order_confirmed(an_order_in(Status.AUTHORIZED, customer_id=None, token="t"))

        link = re.search(r"https://shop.example/orders/ord_1#link=(\S+)", self.text(mail))
        assert Links(lambda: KEY, clock).subject("order", link[1]) == "ord_1"

    def test_customers_email_has_the_plain_link(self, notifications, mail):
        notifications.order_confirmed(an_order_in(Status.AUTHORIZED))

        assert "https://shop.example/orders/ord_1\n" in self.text(mail)
