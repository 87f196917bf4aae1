"""shop.json: it is read once and validated as a whole, and an error is reported in one line."""

import json
import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from chalicelib.platform import shop as shop_file
from chalicelib.platform.shop import ShopFileInvalid, read, shop
from infra.build import package

SOURCES = {".py", ".ts", ".js", ".mjs", ".html", ".css", ".yaml", ".json"}
GIVEN = json.loads(shop_file.FILE.read_text())


def written(tmp_path, **changes):
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(GIVEN | changes))
    return file


def test_shop_file_of_this_repository_is_valid():
    assert read(shop_file.FILE) == shop()
    assert shop().zone.key == shop().time_zone


def test_shop_configuration_does_not_change():
    with pytest.raises(ValidationError):
        shop().name = "Another"


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("currency", {"currency": "eur"}),
        ("time_zone", {"time_zone": "Europe/Atlantis"}),
        ("time_zone", {"time_zone": "../../etc/passwd"}),
        ("time_zone", {"time_zone": "Europe"}),
        ("name", {"name": " "}),
        ("name", {"name": "two\nlines"}),
        ("tagline", {"tagline": ""}),
        ("seller.vat_id", {"seller": GIVEN["seller"] | {"vat_id": ""}}),
        ("seller.email", {"seller": GIVEN["seller"] | {"email": "nobody"}}),
        ("seller.address", {"seller": {k: v for k, v in GIVEN["seller"].items() if k != "address"}}),
        ("colour", {"colour": "red"}),
    ],
)
def test_wrong_shop_file_names_the_field_in_one_line(tmp_path, field, changes):
    with pytest.raises(ShopFileInvalid) as failure:
        read(written(tmp_path, **changes))

    assert str(failure.value).startswith(f"shop.json: {field}: ")
    assert "\n" not in str(failure.value)


def test_shop_file_that_is_missing_or_no_json_is_invalid(tmp_path):
    with pytest.raises(ShopFileInvalid, match="No such file"):
        read(tmp_path / "shop.json")
    (tmp_path / "shop.json").write_text("{")
    with pytest.raises(ShopFileInvalid, match="Invalid JSON"):
        read(tmp_path / "shop.json")


def test_name_of_the_shop_stands_in_no_other_source_file():
    """A fork changes shop.json. The one drawing of the name is used only while the name is the same."""
    root = shop_file.FILE.parent
    folders = ("chalicelib", "infra/edge", "infra/template", "infra/build", "frontend/src")
    sources = [path for folder in folders for path in (root / folder).rglob("*") if path.suffix in SOURCES]

    found = {path.relative_to(root).as_posix() for path in sources if shop().name in path.read_text()}

    assert len(sources) > 200
    assert found - {"frontend/src/generated/openapi.json"} == {"frontend/src/components/wordmark.ts"}


def test_packaging_ends_with_one_line_when_the_shop_file_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(shop_file, "FILE", written(tmp_path, currency="euro"))

    with pytest.raises(package.PackagingFailed) as failure:
        package.package("prod", tmp_path / "out")

    assert str(failure.value).startswith("shop.json: currency: ")
    assert "\n" not in str(failure.value)
    assert not (tmp_path / "out").exists()


def test_time_zones_are_known_without_the_system_database():
    command = [sys.executable, "-c", "from chalicelib.platform.shop import shop; print(shop().zone)"]
    environment = {**os.environ, "PYTHONTZPATH": ""}

    run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=shop_file.FILE.parent)

    assert run.stdout.strip() == shop().time_zone, run.stderr
