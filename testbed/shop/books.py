"""Books of a run: what the shop's auditor reads, from the simulated cloud and the provider's account."""

from collections import defaultdict
from typing import Any

from infra.audit.auditor import Verdict, judged
from infra.audit.books import Books, Payment, Reader, is_ours
from testbed.shop.world import World, template


class WorldReader(Reader):
    """Reads without faults, and without time passing."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stepfunctions, self._sqs = world.cloud.api("states"), world.cloud.api("sqs")
        self._dynamodb: Any = world.cloud.dynamodb.client()
        shop = template()
        outputs = ("OrdersTable", "InventoryTable", "PaymentsTable", "ShipmentsTable", "EffectsTable")
        self._stack = {f"{name}Name": name for name in (*outputs, "InsightsTable", "BillingTable")}
        self._stack |= {
            "WarehouseLedgerTableName": "WarehouseLedger",
            "StateMachineArn": shop.arn("OrderFulfilment"),
            "UndoMachineArn": shop.arn("OrderUndo"),
            "ReturnMachineArn": shop.arn("OrderReturn"),
            "OrderDeadlineSeconds": shop.parameters["OrderDeadlineSeconds"],
            "BuyerConfirmationSeconds": shop.parameters["BuyerConfirmationSeconds"],
            "DeadLetterQueueUrls": ",".join(
                shop.reference(name)
                for name, resource in shop.resources.items()
                if resource.get("Type") == "AWS::SQS::Queue" and "Alarm" in resource.get("Metadata", {})
            ),
            "Deployment": shop.environment["DEPLOYMENT"],
        }
        self._mailbox = lambda: world.mailbox.sent

    def _payments(self, records: dict[str, Any]) -> dict[str | None, list[Payment]]:
        found: dict[str | None, list[Payment]] = defaultdict(list)
        account = self._world.provider.account
        for listed in account.payments_since(0):
            each = account.retrieve(listed.id)
            metadata = {"order_id": each.order_id or "", "deployment": each.deployment or ""}
            if not is_ours(each.id, metadata, self._stack["Deployment"], records):
                continue
            effective = [refund for refund in each.refunds if refund.is_effective]
            found[each.order_id].append(
                Payment(
                    id=each.id,
                    order_id=each.order_id,
                    authorized=each.amount if each.captured or each.held else 0,
                    held=each.held,
                    captured=each.captured,
                    refunded=sum(refund.amount for refund in effective),
                    awaits_buyer=each.awaits_buyer,
                    refunded_outside=sum(refund.amount for refund in effective if refund.reference is None),
                    lost=sum(dispute.amount for dispute in each.disputes if dispute.status == "lost"),
                    refunds=frozenset(refund.reference for refund in effective if refund.reference),
                    failed_refunds=frozenset(
                        refund.reference for refund in each.refunds if not refund.is_effective and refund.reference
                    ),
                )
            )
        return found


def read(world: World) -> Books:
    return WorldReader(world).read()


def verdicts(world: World) -> list[Verdict]:
    """Judge every invariant on the books of this moment."""
    return judged(read(world))
