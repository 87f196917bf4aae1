"""Rights are compared with their use: each denied and each unused right is reported, and nothing else."""

import pytest

from tests.rights import Call, Deployed, Right, denied, unused

TABLE = "arn:aws:dynamodb:eu-west-1:000000000000:table/shop-Orders-1"
READ = Right("Reader", "dynamodb:GetItem", '{"Ref": "Orders"}', TABLE)
QUERY = Right("Reader", "dynamodb:Query", '{"Ref": "Orders"}', f"{TABLE}/index/*")
SHOP = Deployed({"shop-ReaderRole-1": "Reader"}, [READ, QUERY])


def call(action="dynamodb:GetItem", resource=TABLE, role="shop-ReaderRole-1", allowed=True):
    return Call(role, action, resource, allowed)


def test_used_permission_counts_as_used():
    used = SHOP.used([call(), call("dynamodb:Query", f"{TABLE}/index/by-day")])
    assert unused(SHOP.rights, used) == set()


@pytest.mark.parametrize(
    "other",
    [
        call(action="dynamodb:PutItem"),
        call(resource=TABLE + "0"),
        call(resource=f"{TABLE}/index/by-day"),
        call(role="shop-WriterRole-1"),
    ],
)
def test_similar_call_uses_no_permission(other):
    assert SHOP.used([other]) == set()


def test_unused_right_is_reported():
    assert unused(SHOP.rights, SHOP.used([call()])) == {
        'Reader may dynamodb:Query on {"Ref": "Orders"}, and nothing uses it'
    }


def test_permission_with_a_reason_may_stay_unused():
    look = Right("ShipOrder", "dynamodb:GetItem", '{"Ref": "InventoryTable"}', "arn:aws:dynamodb:*")
    assert unused([look], set()) == set()


def test_denied_right_is_reported():
    tried = call("dynamodb:DeleteItem", allowed=False)
    assert denied(SHOP, [call(), tried]) == {f"Reader may not dynamodb:DeleteItem on {TABLE}, and tried to"}


def test_call_refused_on_purpose_is_not_missing():
    shop = Deployed({"role": "StartFulfilment"}, [])
    assert denied(shop, [call("states:StartExecution", "machine:shop-order-fulfilment", "role", False)]) == set()
