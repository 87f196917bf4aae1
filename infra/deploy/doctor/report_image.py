"""Check of the sales report's container image: whether Lambda can run what `ReportImageUri` names."""

import json
import re
from collections.abc import Iterator
from typing import Any

import requests

from infra.build.libraries import for_lambda
from infra.deploy.doctor.findings import Finding, blocker, fine
from infra.deploy.doctor.subject import Subject

NAME = "report image"
URI = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)(?::|@)(.+)")
BUILD = "Build and push infra/report_image/Dockerfile as docs/deploying.md says."
ACCEPTED = [
    f"application/vnd.{kind}+json"
    for kind in (
        "docker.distribution.manifest.v2", "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1", "oci.image.index.v1",
    )
]  # fmt: skip


def report_image(subject: Subject) -> Iterator[Finding]:
    if subject.value("ReportPackage") != "Image":
        yield fine(NAME, "none: the sales report is a zip")
        return
    uri = URI.fullmatch(subject.value("ReportImageUri"))
    if not uri:
        yield blocker(NAME, "ReportPackage is Image, and ReportImageUri names none", BUILD)
        return
    account, region, repository, version = uri.groups()
    if region != subject.stage.region:
        yield blocker(NAME, f"is in {region}, and Lambda in {subject.stage.region} reads only its own region", BUILD)
        return
    ecr: Any = subject.session.client("ecr")
    named = {"imageDigest" if ":" in version else "imageTag": version}
    try:
        images = ecr.batch_get_image(
            registryId=account, repositoryName=repository, imageIds=[named], acceptedMediaTypes=ACCEPTED
        )["images"]
    except ecr.exceptions.RepositoryNotFoundException:
        images = []
    if not images:
        yield blocker(NAME, f"{repository} has no {version}", BUILD)
        return
    manifest = json.loads(images[0]["imageManifest"])
    yield manifest_finding(manifest) or architecture_finding(_configuration(ecr, account, repository, manifest))


def manifest_finding(manifest: dict[str, Any]) -> Finding | None:
    """Judge a manifest. Lambda runs no image of several architectures, as which Docker stores one with attestations:
    AWS Lambda developer guide, "Create a Lambda function using a container image"."""
    if "manifests" in manifest:
        return blocker(NAME, "is an index of several images, which Lambda refuses", f"{BUILD} Use --provenance=false.")
    return None


def architecture_finding(configuration: dict[str, Any]) -> Finding:
    """Judge an image's configuration, which names its architecture as Docker does."""
    ours = for_lambda().architecture
    if (theirs := configuration.get("architecture")) != ours:
        return blocker(NAME, f"is built for {theirs}, and the function runs on {ours}", BUILD)
    return fine(NAME, f"is built for {ours}")


def _configuration(ecr: Any, account: str, repository: str, manifest: dict[str, Any]) -> dict[str, Any]:
    place = ecr.get_download_url_for_layer(
        registryId=account, repositoryName=repository, layerDigest=manifest["config"]["digest"]
    )
    found: dict[str, Any] = requests.get(place["downloadUrl"], timeout=10).json()
    return found
