"""Stage files against the template: each value is one that its parameter accepts."""

import pytest

from infra.build.edge import EDGE
from infra.build.template import merged_template, read
from infra.deploy import changes, stages
from infra.local import emulator


@pytest.mark.parametrize("name", sorted(path.stem for path in stages.FOLDER.glob("*.yaml")))
def test_values_of_a_stage_fit_the_parameters_of_its_template(name):
    template, stage = merged_template(name), stages.read(name)
    declared = template["Parameters"] | read(EDGE / "template.yaml").get("Parameters", {})
    assert not stages.problems(stage.parameters, declared)
    assert stage.memory.keys() <= template["Resources"].keys()


def test_local_stage_is_in_the_region_of_the_emulator():
    assert stages.read("local").region == emulator.REGION


def test_loss_of_a_retained_resource_needs_a_confirmation():
    """Roles hold no data; one is retained because a setting of the account refers to it."""
    resources = merged_template("demo")["Resources"].values()
    retained = {each["Type"] for each in resources if "Retain" in each.get("DeletionPolicy", "")}
    assert retained - {"AWS::IAM::Role"} <= changes.STATEFUL.keys()
    assert {"AWS::DynamoDB::Table", "AWS::Cognito::UserPool", "AWS::S3::Bucket"} <= retained
    assert "AWS::SQS::Queue" in changes.STATEFUL
