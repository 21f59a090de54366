"""Who is at which page: one-time links, sessions behind a cookie, and people's names and languages."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass, replace
from typing import Literal

import sqlalchemy as sa

from hepaflow.web import tables as t

Role = Literal["viewer", "reader", "admin"]
#: A session ends when its page was silent so long.
IDLE_S = 12 * 3600.0
#: A one-time link that nobody used ends.
LINK_S = 3600.0
#: Sessions at once, of all and of one account; the one silent longest goes, of an account that has its share one of its own.
MOST, MOST_OWN = 256, 32
#: The person at a server on loopback, which knows no accounts.
LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Person:
    """Who a session belongs to: ``account`` is ``local`` on loopback; ``reader`` is the name beside what they do."""

    account: str
    reader: str
    language: str


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Sessions:
    """Held in memory: a server that starts again knows nobody. Only digests of tokens are kept."""

    def __init__(self, tables: t.Tables, *, reader: str, language: str) -> None:
        self._tables, self._first = tables, Person(LOCAL, reader, language)
        self._lock = threading.Lock()
        self._links: dict[str, float] = {}
        self._open: dict[str, tuple[Person, float]] = {}

    def link(self) -> str:
        """A token that opens one session, once."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            moment = time.monotonic()
            self._links = {key: until for key, until in self._links.items() if until > moment}
            self._links[_digest(token)] = moment + LINK_S
        return token

    def enter(self, token: str) -> str | None:
        """The secret of a new session for a token that was not used yet; None for any other."""
        with self._lock:
            until = self._links.pop(_digest(token), None)
        if until is None or until < time.monotonic():
            return None
        return self.start(LOCAL)

    def start(self, account: str) -> str:
        """The secret of a new session of this account."""
        with self._tables.read() as connection:
            row = connection.execute(sa.select(t.people).where(t.people.c.key == account)).one_or_none()
        first = replace(self._first, account=account, reader=self._first.reader if account == LOCAL else account)
        person = first if row is None else replace(first, reader=row.reader, language=row.language)
        secret = secrets.token_urlsafe(32)
        with self._lock:
            own = [key for key, (held, _) in self._open.items() if held.account == account]
            going = own if len(own) >= MOST_OWN else list(self._open) if len(self._open) >= MOST else []
            if going:
                del self._open[min(going, key=lambda key: self._open[key][1])]
            self._open[_digest(secret)] = person, time.monotonic()
        return secret

    def who(self, secret: str) -> Person | None:
        """The person of a session, whose idle time starts again; None where there is none."""
        key, moment = _digest(secret), time.monotonic()
        with self._lock:
            found = self._open.get(key)
            if found is None:
                return None
            if moment - found[1] > IDLE_S:
                del self._open[key]
                return None
            self._open[key] = found[0], moment
            return found[0]

    def account(self, secret: str) -> str | None:
        """The account of a session; looking does not make it last longer."""
        with self._lock:
            found = self._open.get(_digest(secret))
        return None if found is None or time.monotonic() - found[1] > IDLE_S else found[0].account

    def change(self, secret: str, *, reader: str | None, language: str | None) -> Person:
        """The session's person with another name or language, kept for the next start too."""
        with self._lock:
            person, moment = self._open[_digest(secret)]
            person = replace(person, reader=reader or person.reader, language=language or person.language)
            self._open[_digest(secret)] = person, moment
        values = {"reader": person.reader, "language": person.language}
        with self._tables.begin() as connection:
            if not connection.execute(sa.update(t.people).where(t.people.c.key == person.account).values(**values)).rowcount:
                connection.execute(sa.insert(t.people).values(key=person.account, **values))
        return person

    def end(self, secret: str) -> None:
        """Ends a session."""
        with self._lock:
            self._open.pop(_digest(secret), None)

    def end_all(self, account: str) -> None:
        """Ends every session of an account."""
        with self._lock:
            self._open = {key: held for key, held in self._open.items() if held[0].account != account}
