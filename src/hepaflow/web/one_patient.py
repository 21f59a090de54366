"""What the studies of one patient say of each other: which is the first visit, and whether they are of one patient at all."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Container, Iterable
from itertools import combinations
from typing import Any, Literal

import sqlalchemy as sa

from hepaflow.web import known
from hepaflow.web import tables as t

Difference = Literal["name", "birth_date"]
#: Letters that carry their stroke or ring in themselves.
_PLAIN = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "æ": "a", "œ": "o", "ı": "i", **dict.fromkeys("'’ʼ`´", "")})
_UMLAUT = re.compile("(?<=[aou])e")


def differences(rows: Iterable[sa.Row[Any]]) -> dict[str, list[Difference]]:
    """By study what tells apart the studies that are listed as its patient's; studies of whom nothing does are left out."""
    found: dict[str, list[Difference]] = {}
    for visits in by_patient(rows):
        said: list[Difference] = []
        if any(not one_name(a, b) for a, b in combinations({row.patient for row in visits}, 2)):
            said.append("name")
        if len({born for row in visits if (born := json.loads(row.facts).get("born"))}) > 1:
            said.append("birth_date")
        found |= {row.id: said for row in visits if said}
    return found


def one_name(first: str, second: str) -> bool:
    """Whether two spellings can be one name: case, accents, order and signs between its parts do not count, nor does what only one of them has
    beside two parts that agree. One that is not there says nothing.

    >>> one_name("DOE JANE", "Jane Marie Doe"), one_name("Müller Zoë", "MUELLER^ZOE"), one_name("Doe Jane", "Doe John")
    (True, True, False)
    """
    one, other = _parts(first), _parts(second)
    return not one or not other or one == other or (len(one & other) > 1 and (one <= other or other <= one))


def first_visits(rows: Iterable[sa.Row[Any]], doubtful: Container[str]) -> set[str]:
    """Studies that are known to be their patient's first visit: there are others, all of later dates, and nothing says that they are not of
    one patient (those of whom something does are ``doubtful``). Copies of a study are no other visit.
    """
    found = set()
    for visits in by_patient(rows):
        for row in visits:
            others = [one.date for one in visits if known.digest_of(one) != known.digest_of(row)]
            if row.date and others and min(others) > row.date and row.id not in doubtful:
                found.add(row.id)
    return found


def at_first_visit(connection: sa.Connection, study: str) -> bool:
    """Whether the study is known to be its patient's first visit."""
    key = sa.select(t.studies.c.patient_key).where(t.studies.c.id == study).scalar_subquery()
    same = connection.execute(sa.select(t.studies).where(t.studies.c.trashed.is_(None), t.studies.c.patient_key == key)).all()
    return study in first_visits(same, differences(same))


def by_patient(rows: Iterable[sa.Row[Any]]) -> Iterable[list[sa.Row[Any]]]:
    """The studies of every patient; one that does not say whose it is stands alone."""
    found: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.patient_key or row.id].append(row)
    return found.values()


def _parts(name: str) -> frozenset[str]:
    """The parts of a name as they are compared: small letters without accents; ä and ae are one."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_PLAIN))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return frozenset(_UMLAUT.sub("", part) for part in re.split(r"[\W_]+", letters) if part)
