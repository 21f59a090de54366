"""The report as one HTML file: styles inline, pictures as data, nothing fetched, no script, everything escaped."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

import jinja2

from hepaflow.report.content import Block, Document


def _kind(block: Block) -> str:
    return type(block).__name__.lower()


def _data_uri(picture: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode("ascii")


def _read(name: str) -> str:
    return resources.files("hepaflow.report").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters.update(kind=_kind, data_uri=_data_uri)
    return environment.get_template("report.html.j2")


def render(document: Document) -> bytes:
    """The document as UTF-8 HTML. Its own policy allows this style sheet (by digest) and inline pictures, and nothing else."""
    style = _read("report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return _template().render(document=document, style=style, policy=policy).encode("utf-8")
