"""Storefront build: its types are generated from the API, and only files that never change are cached for long."""

import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.platform import openapi
from infra.build import storefront
from infra.seed.seed import PRODUCTS


def test_pages_fit_the_types_of_the_api():
    storefront.check()


def test_modules_of_the_pages_pass_their_node_tests():
    storefront.test()


def test_pages_that_read_a_field_the_api_dropped_fail_the_check(tmp_path, monkeypatch):
    frontend = tmp_path / "frontend"
    shutil.copytree(storefront.FRONTEND, frontend, ignore=shutil.ignore_patterns("node_modules", "dist", "lighthouse"))
    for shared in ("shop.json", "chalicelib/platform/currencies.json"):
        (tmp_path / shared).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(storefront.ROOT / shared, tmp_path / shared)
    (frontend / "node_modules").symlink_to(storefront.FRONTEND / "node_modules")
    config = json.loads((frontend / "tsconfig.json").read_text())
    config["compilerOptions"] |= {"incremental": False, "tsBuildInfoFile": None}
    (frontend / "tsconfig.json").write_text(json.dumps(config))
    document = openapi.document("/api")
    product = document["components"]["schemas"]["ProductView"]
    del product["properties"]["available"]
    product["required"].remove("available")
    monkeypatch.setattr(openapi, "document", lambda server_path: document)

    with pytest.raises(storefront.BuildFailed, match="Property 'available' does not exist"):
        storefront.check(frontend)


def test_concurrent_installation_of_packages_waits_and_finds_them(tmp_path, monkeypatch):
    """Concurrent builds would empty each other's folder."""
    (tmp_path / "package-lock.json").write_text("{}")
    begun, ended = [], []

    def slow_npm(folder, *arguments):
        begun.append(arguments)
        time.sleep(0.1)
        (folder / "node_modules").mkdir()
        (folder / "node_modules" / ".package-lock.json").write_text("{}")
        ended.append(arguments)

    monkeypatch.setattr(storefront, "npm", slow_npm)
    with ThreadPoolExecutor() as pool:
        list(pool.map(storefront.install, [tmp_path] * 4))
    assert len(begun) == len(ended) == 1


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("assets/main-ABCD1234.js", "public, max-age=31536000, immutable"),
        ("images/products/CAMP-AXE-01.svg", "public, max-age=3600"),
        ("index.html", "no-cache"),
        ("service-worker.js", "no-cache"),
        ("config.json", "no-cache"),
    ],
)
def test_upload_sets_the_cache_time_of_each_file(key, kept):
    assert storefront.cache_control(key) == kept


def test_pages_are_uploaded_after_everything_that_they_load():
    keys = ["admin/index.html", "assets/main-A.js", "images/axe.svg", "index.html", "service-worker.js", "robots.txt"]
    assert storefront.in_upload_order(keys) == [
        "assets/main-A.js", "images/axe.svg", "robots.txt", "admin/index.html", "index.html", "service-worker.js",
    ]  # fmt: skip


def test_pictures_of_the_catalog_all_exist():
    """A product's own picture is a file; its further views are drawn from it by the build."""
    views = json.loads((storefront.FRONTEND / "pictures.json").read_text())
    for product in json.loads(PRODUCTS.read_text()):
        sku = product["sku"]
        assert product["image"] == f"/images/products/{sku}.svg"
        assert (storefront.FRONTEND / "public" / product["image"].lstrip("/")).exists()
        assert product["images"] == [f"/images/products/{sku}-{view}.svg" for view in ("close", "counter", "drawing")]
        assert re.search(r"\w", views[sku]["note"])
