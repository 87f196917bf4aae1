"""The sales report's function as a zip or as a container image: one of them exists, and all refers to that one."""

import json

from dockerfile_parse import DockerfileParser

from infra.build.libraries import IMAGE
from infra.build.variants import variants
from infra.deploy import stages
from infra.local.transform import Local, localized

from .template import FUNCTION, IMAGES, environment_of, of_type

ZIP, CONTAINER = "WriteSalesReport", "WriteSalesReportImage"


def test_image_has_nothing_that_lambda_refuses_for_images(final):
    """AWS CloudFormation user guide, AWS::Lambda::Function: Handler, Runtime and Layers belong to zips."""
    image = final["Resources"][CONTAINER]["Properties"]
    assert image["PackageType"] == "Image" and image["Code"] == {"ImageUri": {"Ref": "ReportImageUri"}}
    assert not {"Handler", "Runtime", "Layers", "SnapStart"} & image.keys()
    assert image["Architectures"] == ["arm64"]


def test_either_the_zip_or_the_image_exists_and_the_zip_by_default(final, stage):
    found = {name: final["Resources"][name]["Condition"] for name in (ZIP, CONTAINER)}
    assert found == {ZIP: "ReportIsZip", CONTAINER: "ReportIsImage"}
    is_image = {"Fn::Equals": [{"Ref": "ReportPackage"}, "Image"]}
    conditions = {name: final["Conditions"][name] for name in found.values()}
    assert conditions == {"ReportIsImage": is_image, "ReportIsZip": {"Fn::Not": [is_image]}}
    chosen = stages.read(stage).parameters.get("ReportPackage", final["Parameters"]["ReportPackage"]["Default"])
    assert chosen == "Zip"


def test_image_differs_from_the_zip_by_the_pdf_and_its_memory(template):
    functions = of_type(template, FUNCTION)
    zipped, image = functions[ZIP], functions[CONTAINER]
    assert all(image[name] == zipped[name] for name in ("Role", "LoggingConfig"))
    assert environment_of(template, CONTAINER) == environment_of(template, ZIP) | {"REPORT_AS_PDF": "true"}
    assert image["MemorySize"] > zipped["MemorySize"] and image["Timeout"] > zipped["Timeout"]
    command = DockerfileParser(fileobj=(IMAGE / "Dockerfile").open("r+b")).cmd
    assert json.loads(command) == [zipped["Handler"]]


def test_what_refers_to_the_function_refers_to_the_one_that_exists(final):
    """CloudFormation refuses a reference to a resource that a condition leaves out."""
    assert variants(final) == {zipped: image for image, zipped in IMAGES.items()}
    text = json.dumps(final)
    for reference in ({"Ref": ZIP}, {"Fn::GetAtt": [ZIP, "Arn"]}):
        variant = json.loads(json.dumps(reference).replace(ZIP, CONTAINER))
        choice = json.dumps({"Fn::If": ["ReportIsImage", variant, reference]})
        assert text.count(json.dumps(reference)) == text.count(json.dumps(variant)) == text.count(choice) >= 2
    assert f"${{{ZIP}}}" not in text and f"${{{ZIP}." not in text


def test_image_is_named_by_a_tag_or_digest_in_a_registry_of_aws(template):
    rule = {"ReportImageUri": template["Parameters"]["ReportImageUri"]}
    repository = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/storefront-report"
    for given in ("", f"{repository}:1.2", f"{repository}@sha256:{'0' * 64}"):
        assert stages.problems({"ReportImageUri": given}, rule) == []
    for given in (repository, f"{repository}:", f"{repository}@sha256:0", "docker.io/storefront-report:1", "x"):
        assert len(stages.problems({"ReportImageUri": given}, rule)) == 1, given


def test_local_shop_has_the_zip_only(packaged):
    local = localized(json.loads(packaged["local"].read_text()), Local(4566))
    assert CONTAINER not in local["Resources"] and "Condition" not in local["Resources"][ZIP]
    assert '"Fn::If": ["ReportIsImage"' not in json.dumps(local)
