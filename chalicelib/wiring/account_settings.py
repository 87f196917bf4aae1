"""Composition of the account settings: only their routes import this."""

from functools import cache

from chalicelib import wiring
from chalicelib.accounts.deletion import AccountDeletion, DeletedAccounts
from chalicelib.accounts.export import AccountExporter
from chalicelib.platform import aws
from chalicelib.platform.clock import utc_now
from chalicelib.platform.settings import settings


@cache
def account_export() -> AccountExporter:
    return AccountExporter(
        wiring.address_books(),
        wiring.carts(),
        wiring.reminder_consent(),
        wiring.loyalty(),
        wiring.orders(),
        wiring.payments(),
        wiring.shipping(),
        utc_now,
    )


@cache
def account_deletion() -> AccountDeletion:
    erasures = (
        wiring.carts().erase,
        wiring.reminder_consent().erase,
        wiring.address_books().erase,
        wiring.loyalty().erase,
    )
    deleted = DeletedAccounts(aws.dynamodb(), settings().carts_table, utc_now)
    return AccountDeletion(
        wiring.accounts(),
        wiring.orders(),
        erasures,
        deleted,
        lambda order: wiring.fan_in().is_joined(order.id),
        utc_now,
    )
