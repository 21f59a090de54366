"""Which role a request needs, and what its body may be: tables, so that there is one place to read and to test."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hepaflow.web.sessions import Role

JSON, ZIP, FORM = "application/json", "application/zip", "application/x-www-form-urlencoded"
KB, MB, GB = 2**10, 2**20, 2**30
#: Pages that somebody may arrive at from elsewhere: they show nothing of a patient by themselves.
GATE_PAGES = ("/", "/enter", "/login")

_RANK: dict[Role, int] = {"viewer": 0, "reader": 1, "admin": 2}
_ID = r"[^/]+"
#: Method, path, role: the first that fits. What is not here: reading is a viewer's, changing a reader's.
ROLES: tuple[tuple[str, str, Role], ...] = (
    ("PUT", r"/api/me", "viewer"),
    ("POST", r"/api/logout", "viewer"),
    ("POST", r"/api/links", "admin"),
    (r".*", r"/api/accounts(/.*)?", "admin"),
    ("POST", rf"/api/studies/{_ID}/numbers(/compare)?", "viewer"),
    (r".*", r"/api/archives(/.*)?", "reader"),
)


@dataclass(frozen=True, slots=True)
class BodyRule:
    """Media types and most bytes of a body."""

    kinds: tuple[str, ...]
    most: int


#: Method, path, rule: the first that fits.
BODIES: tuple[tuple[str, str, BodyRule], ...] = (
    ("POST", r"/login", BodyRule((FORM,), 4 * KB)),
    ("POST", r"/api/studies/upload", BodyRule((ZIP,), 64 * GB)),
    ("POST", rf"/api/studies/{_ID}/regions/import", BodyRule((ZIP,), 128 * MB)),
    ("POST", rf"/api/studies/{_ID}/regions/{_ID}", BodyRule((JSON,), 16 * MB)),
    ("POST", r"/api/cohorts", BodyRule((JSON,), 16 * MB)),
    ("GET|HEAD", r".*", BodyRule((), 0)),
)
_USUAL = BodyRule((JSON,), 256 * KB)


def needed_role(method: str, path: str) -> Role:
    """The least role that may do this."""
    for methods, pattern, role in ROLES:
        if re.fullmatch(methods, method) and re.fullmatch(pattern, path):
            return role
    return "viewer" if method in {"GET", "HEAD"} else "reader"


def may(role: Role, needed: Role) -> bool:
    """Whether a role is enough."""
    return _RANK[role] >= _RANK[needed]


def body_rule(method: str, path: str) -> BodyRule:
    """What the body of a request may be."""
    for methods, pattern, rule in BODIES:
        if re.fullmatch(methods, method) and re.fullmatch(pattern, path):
            return rule
    return _USUAL
