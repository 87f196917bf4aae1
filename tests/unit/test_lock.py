"""Lock of the packages in the functions' zip: it agrees with what developers install, and with what packages need."""

import re
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.build.libraries import EXCLUDED, LOCK
from infra.build.template import ROOT

PIN = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def pins(path):
    return {canonicalize_name(name): version for name, version in PIN.findall(path.read_text())}


LOCKED = pins(LOCK)
EXCLUDED_NAMES = {line for line in EXCLUDED.read_text().splitlines() if not line.startswith("#")}


def test_lock_holds_every_requirement_at_its_version():
    assert pins(ROOT / "requirements.txt").items() <= LOCKED.items()


def test_lock_agrees_with_the_constraints_of_developers():
    assert LOCKED.items() <= pins(ROOT / "constraints.txt").items()


def test_lock_has_hashes_for_every_package_and_no_registry():
    packages = re.split(r"^(?=[\w.-]+==)", LOCK.read_text(), flags=re.MULTILINE)[1:]
    assert len(packages) == len(LOCKED)
    assert [package for package in packages if not HASH.search(package)] == []
    assert "://" not in LOCK.read_text()


def test_lock_holds_what_its_packages_need_except_what_is_excluded():
    """Also the reverse: nothing is excluded that no package needs, but for the rest of the AWS SDK."""
    needed = {
        canonicalize_name(requirement.name)
        for package in LOCKED
        for requirement in map(Requirement, requires(package) or [])
        if not requirement.marker or requirement.marker.evaluate({"extra": "", "python_full_version": "3.13.0"})
    }
    assert needed - EXCLUDED_NAMES <= LOCKED.keys()
    assert EXCLUDED_NAMES - needed == {"boto3", "s3transfer", "python-dateutil", "urllib3"} - needed


def test_lock_holds_no_part_of_the_aws_sdk():
    """A part mixes with the runtime's own: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html"""
    sdk = {"boto3"}
    while (grown := sdk | {canonicalize_name(Requirement(each).name) for name in sdk for each in _always(name)}) != sdk:
        sdk = grown
    assert len(sdk) >= 6 and sdk <= EXCLUDED_NAMES
    assert not sdk & LOCKED.keys()


def _always(package):
    return [each for each in requires(package) or [] if "extra ==" not in each]
