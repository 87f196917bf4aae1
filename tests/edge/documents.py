"""CloudFront's event documents, as the Developer Guide has them under "Lambda@Edge event structure"."""

from typing import Any

Headers = dict[str, str]


def viewer_request(uri: str, query: str = "", cookies: str | None = None) -> dict[str, Any]:
    headers = {"Host": "d111111abcdef8.cloudfront.net", "User-Agent": "curl/8.5.0", "accept": "*/*"}
    return _event("viewer-request", uri, query, headers | ({"Cookie": cookies} if cookies else {}))


def origin_request(uri: str = "/index.html", crawled_path: str | None = None) -> dict[str, Any]:
    headers = {
        "X-Forwarded-For": "203.0.113.178",
        "User-Agent": "Amazon CloudFront",
        "Via": "2.0 2afae0d44e2540f472c0635ab62c232b.cloudfront.net (CloudFront)",
        "Host": "storefront.s3.eu-west-1.amazonaws.com",
        "CloudFront-Viewer-Country": "NO",
        "Cache-Control": "no-cache",
    }
    event = _event("origin-request", uri, "", headers | ({"X-Crawled-Path": crawled_path} if crawled_path else {}))
    event["Records"][0]["cf"]["request"]["origin"] = {
        "s3": {
            "authMethod": "none",
            "customHeaders": {},
            "domainName": "storefront.s3.eu-west-1.amazonaws.com",
            "path": "",
            "region": "eu-west-1",
        }
    }
    return event


def request_of(event: dict[str, Any]) -> dict[str, Any]:
    return event["Records"][0]["cf"]["request"]


def _event(kind: str, uri: str, query: str, headers: Headers) -> dict[str, Any]:
    config = {
        "distributionDomainName": "d111111abcdef8.cloudfront.net",
        "distributionId": "EDFDVBD6EXAMPLE",
        "eventType": kind,
        "requestId": "4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ==",
    }
    request = {
        "clientIp": "203.0.113.178",
        "headers": {name.lower(): [{"key": name, "value": value}] for name, value in headers.items()},
        "method": "GET",
        "querystring": query,
        "uri": uri,
    }
    return {"Records": [{"cf": {"config": config, "request": request}}]}
