"""Functions: those of the saga exist, their environment is complete, and some are not in every stage."""

import json
import re
import subprocess
import sys
import zipfile
from importlib import import_module

import pytest

import app
from chalicelib.platform import shop
from chalicelib.platform.settings import Settings
from infra.build import edge
from infra.build.template import read
from infra.local.transform import DIFFERENCES, Local, localized

from .template import FUNCTION, IMAGES, MAPPING, allowed, called, environment_of, of_type, referred, role_of

SECRET_WORDS = {"SECRET", "KEY", "PASSWORD", "TOKEN", "CREDENTIALS", "AUTHORIZATION"}
SECRET_VALUES = re.compile(r"\b[sr]k_(test|live)_|whsec_|AKIA[0-9A-Z]{12}|\{\{resolve:")


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


@pytest.mark.parametrize(("name", "fewest"), [("OrderFulfilment", 10), ("OrderUndo", 5), ("OrderReturn", 3)])
def test_workflow_has_a_function_for_each_name_in_its_definition(template, name, fewest):
    machine = of_type(template, "AWS::StepFunctions::StateMachine")[name]
    substitutions = machine["DefinitionSubstitutions"]
    named = set(re.findall(r"\$\{(\w+)\}", machine["DefinitionString"]))
    assert named == set(substitutions)
    functions = of_type(template, FUNCTION)
    steps = {name for name in named if not name.endswith(("Seconds", "Queue"))}
    assert len(steps) >= fewest
    for name in steps:
        assert called(substitutions[name]) == name
        assert functions[name]["Handler"] == f"app.{_snake(name)}"
        assert callable(getattr(app, _snake(name)))


def test_seconds_of_a_definition_are_numbers_once_substituted(template):
    machine = of_type(template, "AWS::StepFunctions::StateMachine")["OrderFulfilment"]
    name = "WarehouseHeartbeatSeconds"
    assert machine["DefinitionSubstitutions"][name] == {"Ref": name}
    assert template["Parameters"][name]["Type"] == "Number"
    definition = json.loads(re.sub(r"\$\{\w+\}", "1", machine["DefinitionString"]))
    waiting = definition["States"]["ShipOrder"]
    assert waiting["TimeoutSeconds"] == 1


def test_function_runs_on_the_same_pinned_runtime(template):
    """Chalice names the Python that packages, which differs from machine to machine."""
    common = template["Globals"]["Function"]
    functions = of_type(template, FUNCTION).values()
    zips = [each for each in functions if each.get("PackageType") != "Image"]
    runtimes = {((common | each)["Runtime"], *(common | each)["Architectures"]) for each in zips}
    assert runtimes == {("python3.13", "arm64")}
    at_the_edge = of_type(read(edge.EDGE / "template.yaml"), FUNCTION).values()
    assert {each["Runtime"] for each in at_the_edge} == {common["Runtime"]}


def test_environment_variable_is_text(template):
    """Lambda takes a map of strings, and the local emulator starts no function with a number in it.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-environment.html
    """
    for name, function in of_type(template, FUNCTION).items():
        values = function.get("Environment", {}).get("Variables", {})
        assert [key for key, value in values.items() if not isinstance(value, str | dict)] == [], name


def test_api_handler_has_the_name_that_registers_the_routes(template):
    assert of_type(template, FUNCTION)["APIHandler"]["Handler"] == app.API_HANDLER


NOT_OF_THE_APP = {"WarehouseSimulator": "warehouse", "Auditor": "infra.audit.function"}


def test_entry_points_exist_in_the_code(template):
    for name, function in of_type(template, FUNCTION).items():
        if name in IMAGES:
            continue
        module, _, entry = function["Handler"].rpartition(".")
        assert module == NOT_OF_THE_APP.get(name, "app")
        assert name == "WarehouseSimulator" or callable(getattr(import_module(module), entry))


def test_environments_of_functions_hold_no_secret(template):
    """Only where it is kept: the name of a parameter in the parameter store."""
    for name in of_type(template, FUNCTION):
        for variable, value in environment_of(template, name).items():
            words = set(variable.split("_"))
            assert not words & SECRET_WORDS or variable.endswith("_PARAMETER"), (name, variable)
            assert not SECRET_VALUES.search(json.dumps(value)), (name, variable)
    key = template["Globals"]["Function"]["Environment"]["Variables"]["STRIPE_SECRET_PARAMETER"]
    assert key == {"Fn::Sub": "/${AWS::StackName}/stripe/secret-key"}


def test_template_holds_no_secret(template):
    assert not SECRET_VALUES.search(json.dumps(template))


def test_warehouse_simulator_is_not_for_production(template, stage):
    functions = of_type(template, FUNCTION)
    mappings = of_type(template, MAPPING).values()
    reading = [m for m in mappings if m["EventSourceArn"] == {"Fn::GetAtt": ["WarehouseQueue", "Arn"]}]
    assert ("WarehouseSimulator" in functions) == (stage in ("local", "demo"))
    assert [referred(m["FunctionName"]) for m in reading] == ([] if stage == "prod" else ["WarehouseSimulator"])
    assert ("Simulat" in json.dumps(template)) == (stage != "prod")


def test_lab_does_not_exist_in_production(template, stage):
    variables = environment_of(template, "APIHandler")
    assert ("Auditor" in of_type(template, FUNCTION)) == (stage in ("local", "demo"))
    assert ("AUDITOR_FUNCTION" in variables) == (stage in ("local", "demo"))
    assert ("uditor" in json.dumps(template)) == (stage != "prod")


def test_auditor_zip_holds_the_modules_it_imports(packaged, tmp_path):
    """Import without this project on the path; libraries come from the virtual environment, as in the emulator."""
    with zipfile.ZipFile(packaged["local"].parent / "auditor.zip") as archive:
        archive.extractall(tmp_path)
    isolated = [sys.executable, "-c", "import infra.audit.function as f; print(f.__file__)"]
    run = subprocess.run(isolated, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert run.stdout.startswith(str(tmp_path)), run.stderr


def test_local_difference_has_a_reason():
    assert DIFFERENCES
    for difference in DIFFERENCES:
        assert difference.__doc__ and difference.__doc__.strip(), difference.__name__


def test_local_difference_still_differs(packaged):
    """One that changes nothing any more must go."""
    original = json.loads(packaged["local"].read_text())
    for difference in DIFFERENCES:
        copy = json.loads(json.dumps(original))
        difference(copy, Local(4566))
        assert copy != original, difference.__name__
    assert localized(original, Local(4566)) != original


def test_code_of_each_function_holds_the_shop_file(packaged, stage):
    """The simulator is one file that reads nothing; every other zip has the file where `shop.py` looks for it."""
    for code in ("deployment.zip", "auditor.zip"):
        with zipfile.ZipFile(packaged[stage].parent / code) as archive:
            assert archive.read("shop.json") == shop.FILE.read_bytes()
            assert archive.getinfo("shop.json").date_time == (1980, 1, 1, 0, 0, 0)
            assert "chalicelib/platform/shop.py" in archive.namelist()


def test_lease_of_each_function_is_longer_than_its_timeout(template):
    """A handler that is slower than its lease would work beside the next one."""
    table = {"Fn::GetAtt": ["EffectsTable", "Arn"]}
    default = Settings.model_fields["lease_seconds"].default
    too_short = {}
    leasing = set()
    for name, function in of_type(template, FUNCTION).items():
        if table in allowed(template, role_of(template, name)).get("dynamodb:UpdateItem", []):
            leasing.add(name)
            lease = int(environment_of(template, name).get("LEASE_SECONDS", default))
            if lease <= function["Timeout"]:
                too_short[name] = (lease, function["Timeout"])
    assert leasing >= {"APIHandler", "ProcessStripeEvent", "SendNotifications", "ReconcilePayments", "RemindOfCarts"}
    assert too_short == {}
