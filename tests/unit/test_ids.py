"""Ids: what is called by the name of an id has its type, or mypy cannot refuse another id in its place."""

import ast

from infra.build.template import ROOT

TYPES = {
    "order_id": "OrderId",
    "return_id": "ReturnId",
    "sku": "Sku",
    "skus": "Sku",
    "customer_id": "CustomerId",
    "payment_id": "PaymentId",
}


def declared(tree):
    """Yield the name and the annotation of each parameter and annotated variable."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation:
            yield node.arg, ast.unparse(node.annotation)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, ast.unparse(node.annotation)


def test_ids_are_declared_with_their_types():
    untyped = {
        f"{path.relative_to(ROOT)}: {name}: {annotation}"
        for path in [ROOT / "app.py", *(ROOT / "chalicelib").rglob("*.py")]
        for name, annotation in declared(ast.parse(path.read_text()))
        if name in TYPES and TYPES[name] not in annotation
    }
    assert untyped == set()
