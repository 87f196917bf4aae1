"""The shipments table: one item per order, changed only in the version that was read."""

from chalicelib.platform.dynamo import PerOrderStore
from chalicelib.shipping.model import Shipment


class ShipmentStore(PerOrderStore[Shipment]):
    model = Shipment
