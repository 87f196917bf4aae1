"""Each email is sent once; a sender that dies is followed by another."""

import pytest

from chalicelib.notifications.service import Notifications
from chalicelib.notifications.store import LEASE, NotificationStore
from tests.builders import NOW, an_order
from tests.fakes import FakeMail

EMAIL = "ord_1#confirmed"


@pytest.fixture
def store(dynamodb, new_table):
    return NotificationStore(dynamodb, new_table("NotificationsTable"))


@pytest.fixture
def mail():
    return FakeMail()


@pytest.fixture
def notifications(store, mail, clock):
    return Notifications(store, mail, clock, "shop@example.com", "https://shop.example")


class TestLease:
    def test_is_given_to_one(self, store):
        assert store.lease(EMAIL, NOW)
        assert not store.lease(EMAIL, NOW)

    def test_of_one_email_does_not_hold_up_another(self, store):
        store.lease(EMAIL, NOW)

        assert store.lease("ord_1#completed", NOW)
        assert store.lease("ord_2#confirmed", NOW)

    def test_runs_out_if_its_holder_dies(self, store):
        store.lease(EMAIL, NOW)

        assert not store.lease(EMAIL, NOW + LEASE / 2)
        assert store.lease(EMAIL, NOW + LEASE * 1.1)
        assert not store.lease(EMAIL, NOW + LEASE * 1.2)

    def test_is_never_given_again_once_the_email_is_out(self, store):
        store.lease(EMAIL, NOW)
        store.sent(EMAIL)

        assert not store.lease(EMAIL, NOW + LEASE * 1000)

    def test_that_was_let_go_is_free(self, store):
        store.lease(EMAIL, NOW)
        store.let_go(EMAIL)

        assert store.lease(EMAIL, NOW)

    def test_that_ran_out_cannot_be_let_go_by_its_former_holder(self, store):
        store.lease(EMAIL, NOW)
        store.lease(EMAIL, NOW + LEASE * 1.1)
        store.sent(EMAIL)

        store.let_go(EMAIL)

        assert not store.lease(EMAIL, NOW + LEASE * 1.2)


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

    def test_a_try_while_a_dead_sender_holds_the_lease_does_not_pass_for_success(self, notifications, store, clock):
        store.lease(EMAIL, clock())
        clock.passes(seconds=5)

        with pytest.raises(Exception):  # noqa: B017  (whichever makes the caller try again)
            notifications.order_confirmed(an_order())
