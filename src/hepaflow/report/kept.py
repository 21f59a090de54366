"""A composed report as bytes and back, so that it can be signed later without being drawn again."""

from __future__ import annotations

import base64
import json
from dataclasses import fields, is_dataclass
from typing import Any

from hepaflow.errors import InputRefused
from hepaflow.report import content
from hepaflow.report.content import Document

_TYPES = {name: kind for name, kind in vars(content).items() if isinstance(kind, type) and is_dataclass(kind)}


def freeze(document: Document) -> bytes:
    """The report as JSON; pictures are base64. The same report gives the same bytes."""
    return json.dumps(_plain(document), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def thaw(data: bytes) -> Document:
    """What :func:`freeze` was given. Refused (``REPORT-DAMAGED``): other bytes."""
    try:
        document = _value(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputRefused("REPORT-DAMAGED", "the kept report cannot be read", "Analyse the study again") from error
    if not isinstance(document, Document):
        raise InputRefused("REPORT-DAMAGED", "the kept report is none", "Analyse the study again")
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {"is": type(value).__name__, **{field.name: _plain(getattr(value, field.name)) for field in fields(value)}}
    return value


def _value(tree: Any) -> Any:
    if isinstance(tree, list):
        return tuple(_value(item) for item in tree)
    if not isinstance(tree, dict):
        return tree
    if set(tree) == {"bytes"}:
        return base64.b64decode(tree["bytes"], validate=True)
    return _TYPES[tree["is"]](**{name: _value(item) for name, item in tree.items() if name != "is"})
