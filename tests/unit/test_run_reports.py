"""Reports of the test bed in the lab: the newest are listed, and a run's report is kept with or without a shop."""

from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.console.run_reports import PREFIX, SHOWN, RunReports, RunReportsNotOffered
from infra.commands import deployment, run_reports
from infra.commands.output import PlainConsole
from infra.local.run import NotRunning
from tests.builders import NOW
from tests.run_records import EVERYTHING


class FakeS3:
    """Lists these objects in pages of two, and stores what is put."""

    def __init__(self, keys=(), fails=False):
        self._found = [{"Key": key, "LastModified": NOW + timedelta(hours=hour)} for hour, key in enumerate(keys)]
        self._fails = fails
        self.put = []

    def get_paginator(self, operation):
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket, Prefix):
        assert (Bucket, Prefix) == ("reports", "testbed/")
        yield from [{"Contents": self._found[start : start + 2]} for start in range(0, len(self._found), 2)] or [{}]

    def generate_presigned_url(self, operation, Params, ExpiresIn):
        return f"https://{Params['Bucket']}/{Params['Key']}?{operation}&{ExpiresIn}"

    def put_object(self, **given):
        if self._fails:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
        self.put.append(given)


def test_newest_reports_are_listed_first_with_an_address():
    listed = RunReports(FakeS3([f"testbed/{number}.html" for number in range(SHOWN + 5)]), "reports").latest()
    assert [each.name for each in listed] == [f"{number}.html" for number in range(SHOWN + 4, 4, -1)]
    assert listed[0].url == f"https://reports/testbed/{SHOWN + 4}.html?get_object&300"


def test_bucket_without_reports_has_none():
    assert RunReports(FakeS3(), "reports").latest() == []


def test_stage_without_a_lab_offers_no_reports():
    with pytest.raises(RunReportsNotOffered):
        RunReports(FakeS3(), "").latest()


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """Return a function that keeps a report while this S3, or no shop, runs; it returns path and output."""

    def kept(s3=None):
        def find(stage):
            if s3 is None:
                raise NotRunning
            session = SimpleNamespace(client=lambda service: s3)
            return SimpleNamespace(session=session, outputs={"ReportsBucketName": "reports"})

        monkeypatch.setattr(deployment, "find", find)
        console = PlainConsole(file=StringIO(), width=200)
        path = run_reports.keep(console, EVERYTHING, "simulation-42", tmp_path)
        return path, console.file.getvalue()

    return kept


def test_report_is_kept_without_a_shop(keep):
    path, printed = keep()
    assert path.name == "simulation-42.html"
    assert path.exists() and path.with_suffix(".json").exists()
    assert str(path) in printed and "lab" not in printed


def test_report_is_uploaded_where_the_lab_finds_it(keep):
    s3 = FakeS3()
    path, printed = keep(s3)
    [stored] = s3.put
    assert (stored["Bucket"], stored["Key"]) == ("reports", PREFIX + path.name)
    assert (stored["Body"], stored["ContentType"]) == (path.read_bytes(), "text/html; charset=utf-8")
    assert "in the lab" in printed


def test_report_is_kept_if_the_upload_fails(keep):
    path, printed = keep(FakeS3(fails=True))
    assert path.exists()
    assert "cannot show it" in printed
