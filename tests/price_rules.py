"""The price rules that docs/extending.md shows: a coupon of 10 %, a tax of 25 % and a flat shipping cost."""

import re
from pathlib import Path
from typing import Any

from chalicelib.pricing.model import Rule

DOCUMENT = Path(__file__).parents[1] / "docs" / "extending.md"
CODE = "SUMMER10"


def documented_rules() -> tuple[Rule, ...]:
    found = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found, "docs/extending.md shows no rules"
    names: dict[str, Any] = {}
    exec(compile(found[1], str(DOCUMENT), "exec"), names)
    return names["RULES"]
