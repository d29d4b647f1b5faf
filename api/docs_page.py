"""The OpenAPI document as one plain HTML page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 1.5rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); text-transform: capitalize; }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; padding: .5rem .9rem; }
summary { cursor: pointer; }
summary code { font-weight: 600; }
pre { background: var(--quiet); padding: .75rem; border-radius: 6px; overflow: auto; font-size: 14px; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
.method { display: inline-block; min-width: 4.5rem; font: 600 13px/1 ui-monospace, monospace; }
"""


def render(schema: dict[str, Any]) -> str:
    """Return the page.

    Args:
        schema: An OpenAPI 3.1 document.
    """
    groups: dict[str, list[str]] = {}
    for path, method, operation in operations(schema):
        tag = (operation.get("tags") or ["other"])[0]
        groups.setdefault(tag, []).append(_operation(schema, path, method, operation))
    info = schema["info"]
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in groups.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(info['title'])}</h1><p>{escape(info.get('description', ''))}</p>"
        '<p><a href="/openapi.json">OpenAPI document</a> · <a href="/demo">Demo chat</a></p>'
        f"{body}</main></body></html>"
    )


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation of everything the document describes."""
    for path, item in schema["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def resolve(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return what a `$ref` points to, or the part itself."""
    while "$ref" in part:
        found: Any = schema
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def example_request(schema: dict[str, Any], operation: dict[str, Any]) -> Any:
    """Return the operation's example body, or None."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    if "example" in content:
        return content["example"]
    examples = resolve(schema, content["schema"]).get("examples", [])
    return examples[0] if examples else None


def _operation(schema: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> str:
    text = escape(operation.get("description") or operation.get("summary", ""))
    parts = [f"<p>{text}</p>", _parameters(operation)]
    body = example_request(schema, operation)
    if body is not None:
        parts.append(f"<p>Request</p><pre>{_json(body)}</pre>")
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            parts.append(_answer(schema, status, answer))
    return (
        f'<details><summary><span class="method">{method.upper()}</span>'
        f"<code>{escape(path)}</code></summary>{''.join(parts)}</details>"
    )


def _parameters(operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td>"
        f"<td>{'required' if p.get('required') else ''}</td>"
        f"<td>{escape(p.get('description') or '')}</td></tr>"
        for p in operation.get("parameters", [])
    )
    return f"<table><tbody>{rows}</tbody></table>" if rows else ""


def _answer(schema: dict[str, Any], status: str, answer: dict[str, Any]) -> str:
    content = answer.get("content", {}).get("application/json", {})
    if "example" in content:
        return f"<p>Answer {status}</p><pre>{_json(content['example'])}</pre>"
    found = resolve(schema, content.get("schema", {}))
    if found.get("type") == "array":
        found = resolve(schema, found["items"])
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td>"
        f"<td>{escape(resolve(schema, field).get('description') or '')}</td></tr>"
        for name, field in found.get("properties", {}).items()
    )
    return f"<p>Answer {status}</p><table><tbody>{rows}</tbody></table>" if rows else ""


def _json(value: Any) -> str:
    return escape(json.dumps(value, ensure_ascii=False, indent=2))
