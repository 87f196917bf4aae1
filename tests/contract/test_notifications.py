"""Each email is sent once; a sender that dies is followed by another."""

import pytest

from chalicelib.notifications.service import Notifications
from chalicelib.orders.model import Status
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
    return Notifications(once, mail, "shop@example.com", "https://shop.example")


class TestSending:
    def test_a_repeated_event_sends_no_second_email(self, notifications, mail, clock):
        notifications.order_confirmed(an_order())
        clock.passes(days=1)
        notifications.order_confirmed(an_order())

        [email] = mail.sent
        assert email["Destination"] == {"ToAddresses": ["ada@example.com"]}
        assert email["Source"] == "shop@example.com"

    def test_each_occasion_has_its_email(self, notifications, mail):
        notifications.order_confirmed(an_order())
        notifications.order_completed(an_order())
        notifications.order_cancelled(an_order())

        assert len({email["Message"]["Subject"]["Data"] for email in mail.sent}) == 3

    def test_a_failure_is_shown_and_the_next_try_sends(self, notifications, mail):
        mail.broken = True
        with pytest.raises(ConnectionError):
            notifications.order_confirmed(an_order())
        mail.broken = False

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
