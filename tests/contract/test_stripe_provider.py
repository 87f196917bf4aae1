"""What only Stripe's adapter does: read a key that was rolled, and map Stripe's states to the port's."""

import re

import pytest
import stripe

from chalicelib.payments.provider import DisputeStatus, PaymentProviderUnavailable
from chalicelib.payments.stripe_provider import PAYMENT_STATUSES, StripeProvider, dispute_status
from chalicelib.platform.parameters import Parameter
from infra.stripe_sandbox import serve
from tests.builders import euros

ORDER, AMOUNT = "ord_1", euros(2500)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    server = serve(0, str(tmp_path_factory.mktemp("payments") / "state.sqlite"))
    yield server
    server.close()


class TestAKeyThatIsChanged:
    """The sandbox refuses what does not look like a key of its own, as Stripe refuses one that was rolled."""

    REVOKED = "revoked"

    @pytest.fixture
    def keys(self):
        return [self.REVOKED]

    @pytest.fixture
    def clock(self):
        return iter(range(0, 1_000_000, 10)).__next__

    def test_changed_key_is_read_again_when_the_old_one_is_refused(self, sandbox, keys, clock):
        def read():
            read_before.append(keys[0])
            keys[0] = "sk_test_new"
            return read_before[-1]

        read_before = []
        provider = StripeProvider(Parameter(read, clock), sandbox.url)

        assert provider.create(ORDER, AMOUNT, f"{ORDER}-create").amount == AMOUNT.amount
        assert read_before == [self.REVOKED, "sk_test_new"]

    def test_wrong_key_is_an_outage_until_it_is_corrected(self, sandbox, clock):
        provider = StripeProvider(Parameter(lambda: self.REVOKED, clock), sandbox.url)

        with pytest.raises(PaymentProviderUnavailable):
            provider.create(ORDER, AMOUNT, f"{ORDER}-create")


@pytest.mark.parametrize(
    ("at_stripe", "status"),
    [
        ("warning_under_review", DisputeStatus.INQUIRY),
        ("under_review", DisputeStatus.OPEN),
        ("unheard_of", DisputeStatus.OPEN),
        ("prevented", DisputeStatus.WITHDRAWN),
        ("charge_refunded", DisputeStatus.WITHDRAWN),
    ],
)
def test_dispute_status_of_stripe_maps_to_the_ports(at_stripe, status):
    assert dispute_status(at_stripe) == status


def test_payment_statuses_of_stripe_map_to_those_of_the_port():
    literal = str(stripe.PaymentIntent.__annotations__["status"])

    assert set(re.findall(r"'(\w+)'", literal)) | set(re.findall(r'"(\w+)"', literal)) == set(PAYMENT_STATUSES)
