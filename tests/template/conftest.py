import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from infra.build.package import STAGES, package_each_stage

from .physical import transformed
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


@pytest.fixture(scope="session")
def transformed_once(packaged: dict[str, Path]) -> Callable[[str], Template]:
    """The SAM transform of each stage's template, which takes half a second."""
    return cache(lambda stage: transformed(json.loads(packaged[stage].read_text())))


@pytest.fixture
def final(transformed_once: Callable[[str], Template], stage: str) -> Template:
    """The template as CloudFormation sees it."""
    return transformed_once(stage)
