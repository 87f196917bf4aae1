import json
from pathlib import Path

import pytest

from infra.build.package import STAGES, package_each_stage

from .template import Template


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each stage's template as `chalice package` writes it, without the libraries."""
    return package_each_stage(tmp_path_factory.mktemp("packaged"))


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def template(packaged: dict[str, Path], stage: str) -> Template:
    return json.loads(packaged[stage].read_text())
