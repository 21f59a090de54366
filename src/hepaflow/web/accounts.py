"""Accounts of a room that is reached beyond loopback: names, roles, passwords as scrypt digests, and patience with wrong ones."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from typing import Any, cast

import sqlalchemy as sa

from hepaflow.errors import UsageError
from hepaflow.web import tables as t
from hepaflow.web.refusals import NotThere, Refused
from hepaflow.web.sessions import Role

ROLES: tuple[Role, ...] = ("viewer", "reader", "admin")
SHORTEST = 10
#: scrypt: 32 MB and about 0.1 s a try.
_N, _R, _P = 2**15, 8, 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,39}")
#: Wrong tries before each further one must wait, doubling, up to a limit; forgotten after an hour.
FREE_TRIES, LONGEST_S, FORGET_S = 4, 300.0, 3600.0
#: Names whose tries are remembered.
MOST_NAMES = 1000


def add(tables: t.Tables, name: str, *, role: str, password: str, who: str) -> None:
    """A new account, or another role and password for one. Refused: a name or role that is none, a short password, the name ``local``."""
    if not _NAME.fullmatch(name) or name.lower() == "local":
        raise UsageError("ACCOUNT-NAME", "the account's name is none", "Use up to 40 letters, digits and . _ @ -, but not 'local'")
    if role not in ROLES:
        raise UsageError("ACCOUNT-ROLE", "there is no such role", f"Give one of {', '.join(ROLES)}")
    if not SHORTEST <= len(password) <= 200:
        raise UsageError("ACCOUNT-PASSWORD", f"the password is shorter than {SHORTEST} characters or too long", "Give another")
    values = {"role": role, "secret": _secret(password), "added": t.now()}
    with tables.begin() as connection:
        if not connection.execute(sa.update(t.accounts).where(t.accounts.c.name == name).values(**values)).rowcount:
            connection.execute(sa.insert(t.accounts).values(name=name, **values))
        tables.audit(connection, study=None, who=who, what="account-set", detail={"account": name, "role": role})


def remove(tables: t.Tables, name: str, *, who: str) -> None:
    """Takes an account away; what it did stays. Refused: ``ACCOUNT-UNKNOWN``."""
    with tables.begin() as connection:
        if not connection.execute(sa.delete(t.accounts).where(t.accounts.c.name == name)).rowcount:
            raise NotThere("ACCOUNT-UNKNOWN", "there is no such account", "See hepaflow account list")
        tables.audit(connection, study=None, who=who, what="account-removed", detail={"account": name})


def every(tables: t.Tables) -> list[dict[str, Any]]:
    """Names, roles and when they were set, by name."""
    with tables.read() as connection:
        rows = connection.execute(sa.select(t.accounts.c.name, t.accounts.c.role, t.accounts.c.added).order_by(t.accounts.c.name))
        return [dict(row._mapping) for row in rows]


def role_of(tables: t.Tables, name: str) -> Role | None:
    """The role of an account as it is now; None when it is gone."""
    with tables.read() as connection:
        found = connection.execute(sa.select(t.accounts.c.role).where(t.accounts.c.name == name)).scalar()
    return cast(Role | None, found)


class Door:
    """Checks names and passwords; the more wrong ones for a name or from an address, the longer the wait."""

    def __init__(self, tables: t.Tables) -> None:
        self._tables = tables
        self._lock = threading.Lock()
        self._one = threading.Lock()  # a flood of tries must not take all memory and cores
        self._wrong: dict[str, tuple[int, float]] = {}
        self._nobody = _secret(secrets.token_hex(16))

    def check(self, name: str, password: str, *, address: str) -> bool:
        """Whether this is the password of that account; takes as long for a name that is not there. Refused: too many wrong tries."""
        keys = (f"name {name[:40]}", f"address {address}")
        self._wait(keys)
        with self._tables.read() as connection:
            secret = connection.execute(sa.select(t.accounts.c.secret).where(t.accounts.c.name == name)).scalar()
        with self._one:
            self._wait(keys)
            right = _matches(password, secret or self._nobody) and secret is not None
            with self._lock:
                for key in keys:
                    if right:
                        self._wrong.pop(key, None)
                    else:
                        self._wrong[key] = self._wrong.get(key, (0, 0.0))[0] + 1, time.monotonic()
                while len(self._wrong) > MOST_NAMES:
                    del self._wrong[min(self._wrong, key=lambda key: self._wrong[key][1])]
        return right

    def _wait(self, keys: tuple[str, ...]) -> None:
        moment = time.monotonic()
        with self._lock:
            self._wrong = {key: held for key, held in self._wrong.items() if moment - held[1] < FORGET_S}
            left = max((self._wait_of(key) - moment for key in keys), default=0.0)
        if left > 0:
            raise Refused(
                "LOGIN-WAIT",
                "there were too many wrong passwords",
                f"Wait {int(left) + 1} seconds",
                wait_s=int(left) + 1,
                status=429,
            )

    def _wait_of(self, key: str) -> float:
        """Until when this key must wait."""
        count, last = self._wrong.get(key, (0, 0.0))
        return 0.0 if count < FREE_TRIES else last + min(2.0 ** (count - FREE_TRIES + 1), LONGEST_S)


def _secret(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${_scrypt(password, salt, _N, _R, _P).hex()}"


def _matches(password: str, secret: str) -> bool:
    _, n, r, p, salt, digest = secret.split("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt), int(n), int(r), int(p)), bytes.fromhex(digest))


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)
