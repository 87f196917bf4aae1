"""Stage files: what they accept, and one line for each mistake."""

import pytest

from infra.deploy import stages
from infra.deploy.stages import StageFileInvalid, WrongRegion

DECLARED = {
    "Firewall": {"Type": "String", "AllowedValues": ["none", "edge"]},
    "Repairs": {"Type": "String", "AllowedValues": [True, False]},
    "Hours": {"Type": "Number", "MinValue": 1, "MaxValue": 24},
    "Email": {"Type": "String", "AllowedPattern": r"[^@]+@[^@]+", "ConstraintDescription": "is not an email address"},
    "Mark": {"Type": "String", "MinLength": 3},
}


@pytest.fixture
def read(tmp_path, monkeypatch):
    for variable in stages.REGION_VARIABLES:
        monkeypatch.delenv(variable, raising=False)

    def read(text):
        (tmp_path / "demo.yaml").write_text(text)
        return stages.read("demo", tmp_path)

    return read


def test_stage_values_become_the_text_that_cloudformation_takes(read):
    stage = read("region: eu-west-1\nparameters: {Hours: 3, Repairs: true, Share: 0.5, Email: a@b}")
    assert stage.parameters == {"Hours": "3", "Repairs": "true", "Share": "0.5", "Email": "a@b"}
    assert (stage.stack_name, stage.session().region_name) == ("storefront-demo", "eu-west-1")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("parameters: {}", ["region: field required"]),
        ("region: eu-wset-1", ["region: eu-wset-1 is not an AWS region"]),
        ("region: eu-west-1\nregoin: x", ["regoin: extra inputs are not permitted"]),
        ("region: eu-west-1\nparameters: {A: , B: [1]}", ["parameters.A: input should", "parameters.B: input should"]),
        ("region: eu-west-1\nmemory: {APIHandler: 64}", ["memory.APIHandler: input should be greater"]),
        ("region: eu-west-1\ncosts: {currency: euro, per_dollar: 0}", ["costs.currency", "costs.per_dollar"]),
        ("region: [", ["is not YAML"]),
        ("- region", ["holds no mapping"]),
    ],
)
def test_mistake_in_a_stage_file_is_one_line_with_its_place(read, text, lines):
    with pytest.raises(StageFileInvalid) as refused:
        read(text)
    problems = refused.value.problems
    assert len(problems) == len(lines)
    for problem, line in zip(problems, lines, strict=True):
        assert problem.startswith("infra/stages/demo.yaml") and line in problem and "\n" not in problem


@pytest.mark.parametrize("secret", ["sk_live_abc", "rk_test_abc", "whsec_abc"])
def test_secret_in_a_stage_file_is_refused_without_repeating_it(read, secret):
    with pytest.raises(StageFileInvalid, match="holds a secret key") as refused:
        read(f"region: eu-west-1\nparameters: {{Key: {secret}}}")
    assert secret not in str(refused.value)


def test_unknown_stage_names_the_stages_there_are():
    with pytest.raises(StageFileInvalid, match=r"There is no stage moon: .* Stages: demo, local, prod\."):
        stages.read("moon")


def test_region_of_the_environment_must_be_the_stages_region(read, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(WrongRegion, match=r"AWS_REGION is us-east-1, but the region of .* is eu-west-1"):
        read("region: eu-west-1").session()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("Hours", "soon", "is not a number"),
        ("Hours", "0", "is not between 1 and 24"),
        ("Hours", "25", "is not between 1 and 24"),
        ("Firewall", "all", "is none of none, edge"),
        ("Repairs", "yes", "is none of true, false"),
        ("Email", "shop", "is not an email address"),
        ("Mark", "ab", "is not 3 to"),
        ("Nothing", "x", "is not a parameter"),
    ],
)
def test_value_that_a_parameter_does_not_accept_is_named(name, value, reason):
    (line,) = stages.problems({name: value}, DECLARED)
    assert name in line and reason in line


def test_values_that_parameters_accept_are_no_problem():
    values = {"Hours": "24", "Firewall": "edge", "Repairs": "true", "Email": "a@b", "Mark": "abc"}
    assert stages.problems(values, DECLARED) == []


def test_memory_of_a_stage_changes_only_its_functions(read):
    function = {"Type": "AWS::Serverless::Function", "Properties": {"MemorySize": 512}}
    template = {"Resources": {"APIHandler": function, "Other": function}}
    resized = read("region: eu-west-1\nmemory: {APIHandler: 1024}").resized(template)
    sizes = {name: resource["Properties"]["MemorySize"] for name, resource in resized["Resources"].items()}
    assert sizes == {"APIHandler": 1024, "Other": 512}
    assert function["Properties"]["MemorySize"] == 512
