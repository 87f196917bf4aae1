"""Lint exceptions: a finding fails unless it is accepted, and so does an exception without a finding."""

import pytest

from infra.lint.__main__ import CheckFailed, refuse
from infra.lint.exceptions import ACCEPTED

ALL_ACCEPTED = {(a.check, name or "Anything", "a title") for a in ACCEPTED for name in a.on or {""}}


def test_accepted_finding_passes():
    refuse(ALL_ACCEPTED)


def test_unaccepted_finding_is_refused():
    with pytest.raises(CheckFailed, match="CKV_AWS_28 on NewTable: a title"):
        refuse(ALL_ACCEPTED | {("CKV_AWS_28", "NewTable", "a title")})


def test_unused_exception_is_refused():
    with pytest.raises(CheckFailed, match="CKV_AWS_28 on CartsTable: nothing of this is found any more"):
        refuse({each for each in ALL_ACCEPTED if each[1] != "CartsTable"})


def test_lint_exception_has_a_reason():
    assert all(len(accepted.why) > 20 for accepted in ACCEPTED)
