import json
from pathlib import Path

import pytest

from infra.local.package import package_locally
from infra.local.transform import Local
from infra.package import package

from .template import Template

STAGES = ("local", "demo", "prod")


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each stage's template as `chalice package` writes it, without the libraries."""
    root = tmp_path_factory.mktemp("packaged")
    package_locally(root / "local", Local(4566))
    project = root / "local" / "project"
    others = {stage: package(stage, root / stage, project) for stage in STAGES if stage != "local"}
    return {"local": root / "local" / "sam.json", **others}


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def template(packaged: dict[str, Path], stage: str) -> Template:
    return json.loads(packaged[stage].read_text())
