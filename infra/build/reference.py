"""API and event reference: static pages that the storefront publishes under /reference/.

The API's page is Swagger UI from npm, beside a script of ours; it reads the document of its own deployment. The events'
page is rendered here from the AsyncAPI document and needs no script.
"""

import json
import shutil
from html import escape
from pathlib import Path
from typing import Any

from chalicelib.events.schemas import asyncapi
from infra.build.template import ROOT

FOLDER = ROOT / "infra" / "reference"
VIEWER = FOLDER / "node_modules" / "swagger-ui-dist"
VIEWER_FILES = ("swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css")
PAGES = ("api.html", "api.js", "reference.css")

EVENTS_PAGE = """\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Event reference</title>
    <link rel="icon" href="/favicon.svg">
    <link rel="stylesheet" href="reference.css">
  </head>
  <body>
    <nav><a href="/">Shop</a> <a href="api.html">API</a> <a href="events.html" aria-current="page">Events</a></nav>
    <main class="events">
      <h1>{title}</h1>
      <p>{description} {channel} The same as a document: <a href="asyncapi.json">asyncapi.json</a>.</p>
      {envelope}
      {messages}
    </main>
  </body>
</html>
"""


def write(folder: Path) -> None:
    """Write the pages into `folder`. The npm packages of FOLDER must be installed."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in (*(FOLDER / name for name in PAGES), *(VIEWER / name for name in VIEWER_FILES)):
        shutil.copy(source, folder)
    document = asyncapi()
    (folder / "asyncapi.json").write_text(json.dumps(document, indent=2))
    (folder / "events.html").write_text(events_page(document))


def events_page(document: dict[str, Any]) -> str:
    """Return the page that lists every message of the AsyncAPI document with its fields."""
    components = document["components"]
    messages = list(components["messages"].values())
    definitions = components["schemas"]
    constants = {"type": {"type": "string"}, "version": {"type": "integer"}, "source": {"type": "string"}}
    common = messages[0]["payload"]["properties"] | constants | {"data": {"type": "object"}}
    return EVENTS_PAGE.format(
        title=escape(document["info"]["title"]),
        description=escape(document["info"]["description"]),
        channel=_prose(document["channels"]["bus"]["description"]),
        envelope=_section("Envelope", "The fields around the data of every event.", _fields(common, definitions)),
        messages="\n".join(_message(each, definitions) for each in messages),
    )


def _message(message: dict[str, Any], definitions: dict[str, Any]) -> str:
    properties = message["payload"]["properties"]
    data = _resolved(properties["data"], definitions)
    source = f"<p>Source: <code>{escape(properties['source']['enum'][0])}</code>. Fields of <code>data</code>:</p>"
    return _section(message["title"], message["summary"], source + _fields(data["properties"], definitions))


def _section(title: str, summary: str, content: str) -> str:
    return (
        f'<details id="{escape(title)}"><summary><code>{escape(title)}</code><span>{_prose(summary)}</span></summary>'
        f'<div class="scroll">{content}</div></details>'
    )


def _fields(properties: dict[str, Any], definitions: dict[str, Any]) -> str:
    rows = "".join(_rows(properties, definitions))
    return f"<table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead><tbody>{rows}</tbody></table>"


def _rows(properties: dict[str, Any], definitions: dict[str, Any], prefix: str = "") -> list[str]:
    """Return a table row for each field, and for each field of the objects below it."""
    rows = []
    for name, schema in properties.items():
        inner = _inner(schema, definitions)
        rows.append(
            f"<tr><td><code>{escape(prefix + name)}</code></td><td>{escape(_type(schema, definitions))}</td>"
            f"<td>{_prose(schema.get('description', ''))}</td></tr>"
        )
        rows += _rows(inner.get("properties", {}), definitions, f"{prefix}{name}.")
    return rows


def _inner(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the object that a field, or each item of a list, contains."""
    found = next((each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"), schema)
    return _resolved(found.get("items", found), definitions)


def _type(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(each, definitions) for each in schema["anyOf"])
    found = _resolved(schema, definitions)
    if "enum" in found:
        return " or ".join(map(str, found["enum"]))
    kind = found.get("type", "any")
    return f"array of {_type(found['items'], definitions)}" if kind == "array" else str(kind)


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    return definitions[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema


def _prose(text: str) -> str:
    """Return text as HTML, with code between backticks."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
