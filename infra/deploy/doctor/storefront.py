"""Checks of the storefront: its certificate, and the tools that build its pages."""

from collections.abc import Iterator
from typing import Any

from infra.build import storefront
from infra.deploy import edge as edge_stack
from infra.deploy.doctor.findings import Finding, blocker, fine
from infra.deploy.doctor.subject import Subject


def certificate(subject: Subject) -> Iterator[Finding]:
    domain, certificate_id, region = subject.value("DomainName"), subject.value("CertificateId"), edge_stack.REGION
    if not domain:
        yield fine("domain", "none: the storefront is at CloudFront's own address")
        return
    if certificate_id in ("", "none"):
        yield blocker(
            "certificate",
            f"{domain} needs a certificate of ACM in {region}, the only region that CloudFront reads",
            f"aws acm request-certificate --domain-name {domain} --validation-method DNS --region {region}, "
            "then give the last part of its ARN as CertificateId",
        )
        return
    account = subject.session.client("sts").get_caller_identity()["Account"]
    acm: Any = subject.edge_session.client("acm")
    try:
        found = acm.describe_certificate(CertificateArn=f"arn:aws:acm:{region}:{account}:certificate/{certificate_id}")
    except acm.exceptions.ResourceNotFoundException:
        yield blocker("certificate", f"{certificate_id} does not exist in {region}", "Request or import it there.")
    else:
        yield certificate_finding(found["Certificate"], domain)


def certificate_finding(found: dict[str, Any], domain: str) -> Finding:
    """Judge ACM's answer about the certificate of a domain."""
    if found["Status"] != "ISSUED":
        return blocker("certificate", f"is {found['Status']}", "Add the DNS records that the ACM console shows.")
    names = {found["DomainName"], *found.get("SubjectAlternativeNames", [])}
    if not any(covers(name, domain) for name in names):
        return blocker("certificate", f"covers {', '.join(sorted(names))}, not {domain}", "Request another one.")
    return fine("certificate", f"covers {domain}")


def covers(name: str, domain: str) -> bool:
    """Return whether a certificate's name covers a domain. A wildcard stands for exactly one label."""
    return name == domain or (name.startswith("*.") and domain.partition(".")[2] == name[2:])


def build_tools(subject: Subject) -> Iterator[Finding]:
    try:
        storefront.tool("npm")
    except storefront.BuildFailed as failure:
        yield blocker("storefront build", str(failure), "make clean, then this command again")
    else:
        yield fine("storefront build", "npm is installed")
