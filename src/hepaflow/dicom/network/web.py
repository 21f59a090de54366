"""DICOMweb: QIDO-RS, WADO-RS and STOW-RS (PS3.18)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from hepaflow.dicom.network.association import silence
from hepaflow.dicom.network.multipart import Body, parts
from hepaflow.dicom.network.objects import MOST_ANSWERS, MOST_PAGES, Answers, Listed, Outgoing, Take, is_uid, too_many
from hepaflow.dicom.network.peer import Cut, Progress, WebPeer
from hepaflow.dicom.network.studies import RETURNED, StudyQuery, StudyRow, row
from hepaflow.dicom.pixels import quiet
from hepaflow.errors import HepaflowError, InputRefused

#: Objects of one STOW request: sent again as a whole after a cut.
STORED_AT_ONCE = 50
#: As it was stored, without transcoding.
_AS_IT_IS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_JSON = "application/dicom+json"
#: Bytes of an answer read at once, and of all of one in JSON.
_CHUNK, LARGEST_ANSWER = 1 << 20, 1 << 28
_DENIED = (401, 403)
#: Time-outs, too many requests, and servers that are away for now: worth another try (RFC 9110, RFC 6585).
_BUSY = (408, 429, 502, 503, 504)
#: Answers of STOW that name what was not stored: some of it, all of it.
_NOT_ALL = (202, 409)
#: Failure reason of an instance that is there already (PS3.18 table 10.5.3-1 takes those of C-STORE).
_DUPLICATE = 0x0111


def find(peer: WebPeer, query: StudyQuery) -> tuple[StudyRow, ...]:
    """QIDO-RS for studies. Refused: a server that cannot be reached, denies us, or answers with an error."""
    from pydicom.dataset import Dataset

    # a server that does not decode the query (Orthanc 1.10) knows neither %5E nor +: any one character stands there instead
    asked = {keyword: value.replace("^", "?").replace(" ", "?") for keyword, value in query.keys().items()}
    with _session(peer) as session, quiet():
        rows = [
            row(Dataset.from_json(answer))
            for answer in _search(session, peer, "/studies", asked | {"includefield": list(RETURNED)})
        ]
    return tuple(one for one in rows if is_uid(one.study_uid))


def instances(peer: WebPeer, study_uid: str) -> tuple[Listed, ...]:
    """QIDO-RS for the instances of a study."""
    fields = {"includefield": ["SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"]}
    with _session(peer) as session:
        answers = _search(session, peer, f"/studies/{study_uid}/instances", fields)
        found = [Listed(*(_first(answer, tag) for tag in ("00080018", "0020000E", "00080016"))) for answer in answers]
    return tuple(dict.fromkeys(one for one in found if is_uid(one.sop_uid) and is_uid(one.series_uid)))


def echo(peer: WebPeer) -> None:
    """A search that should find nothing: DICOMweb has no echo."""
    with _session(peer) as session:
        _page(session, peer, "/studies", {"StudyInstanceUID": "2.25.0", "limit": 1})


def retrieve(peer: WebPeer, study_uid: str, wanted: Sequence[Listed], take: Take, *, whole: Callable[[str, int], bool]) -> None:
    """WADO-RS: a series at once where all of it is wanted (``whole`` says so of its UID and number wanted), else one instance after another."""
    with _session(peer) as session:
        for series, group in groupby(sorted(wanted, key=lambda one: one.series_uid), key=lambda one: one.series_uid):
            uids = [one.sop_uid for one in group]
            address = _address(peer, f"/studies/{study_uid}/series/{series}")
            for path in (address,) if whole(series, len(uids)) else (f"{address}/instances/{uid}" for uid in uids):
                with session.get(path, headers={"Accept": _AS_IT_IS}, timeout=_timeout(peer), stream=True) as answer:
                    answer.raise_for_status()
                    for data in parts(answer.headers.get("Content-Type", ""), answer.iter_content(_CHUNK)):
                        take(data)


def store(peer: WebPeer, objects: Sequence[Outgoing], *, progress: Progress = None) -> Answers:
    """STOW-RS in batches; after a cut the batch is sent again."""
    taken: set[str] = set()
    refused: dict[str, str] = {}
    for first in range(0, len(objects), STORED_AT_ONCE):
        batch = objects[first : first + STORED_AT_ONCE]
        answer = peer.timing.persistently(lambda batch=batch: _stow(peer, batch))  # type: ignore[misc]
        for uid, reason in answer.items():
            if reason in (0, _DUPLICATE):
                taken.add(uid)
            else:
                refused[uid] = "NO-ANSWER" if reason is None else f"0x{reason:04X}"
        if progress is not None:
            progress("send", first + len(batch), len(objects))
    return Answers(frozenset(taken), refused)


def _stow(peer: WebPeer, batch: Sequence[Outgoing]) -> dict[str, int | None]:
    """UID to failure reason, 0 for stored and None for not named in the answer."""
    said: dict[str, int | None] = {one.identity.sop_uid: None for one in batch}
    body = Body([one.path for one in batch])
    headers = {"Accept": _JSON, "Content-Type": f'multipart/related; type="application/dicom"; boundary="{body.boundary}"'}
    with (
        _session(peer) as session,
        session.post(_address(peer, "/studies"), data=body, headers=headers, timeout=_timeout(peer), stream=True) as answer,
    ):
        if answer.status_code not in _NOT_ALL:
            answer.raise_for_status()
        tree = json.loads(_whole(answer))
        found = tree[0] if isinstance(tree, list) and tree else tree
        for item in _items(found, "00081199"):
            said[_first(item, "00081155")] = 0
        for item in _items(found, "00081198"):
            said[_first(item, "00081155")] = int(_first(item, "00081197") or 0x0110)
    return {one.identity.sop_uid: said[one.identity.sop_uid] for one in batch}


def _search(session: Any, peer: WebPeer, path: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Every page of a search: servers may give fewer answers at once than there are."""
    found: list[dict[str, Any]] = []
    for _ in range(MOST_PAGES):
        answers = _page(session, peer, path, asked | {"offset": len(found)})
        if not answers or (found and answers[0] == found[0]):
            return found  # a server without paging gives everything each time
        found += answers
        if len(found) > MOST_ANSWERS:
            break
    raise too_many()


def _page(session: Any, peer: WebPeer, path: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    with session.get(_address(peer, path), params=asked, headers={"Accept": _JSON}, timeout=_timeout(peer), stream=True) as answer:
        answer.raise_for_status()
        if answer.status_code == 204:
            return []
        tree = json.loads(_whole(answer))
    if not isinstance(tree, list) or not all(isinstance(one, dict) for one in tree):
        raise ValueError("the answer to a search is not a list of objects")
    return tree


def _whole(answer: Any) -> bytes:
    """All of an answer, unpacked. ValueError: more than any should hold."""
    held = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        held += chunk
        if len(held) > LARGEST_ANSWER:
            raise ValueError("the answer is too large")
    return bytes(held)


def _items(found: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    return list(found.get(tag, {}).get("Value") or [])


def _first(answer: dict[str, Any], tag: str) -> str:
    values = answer.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _timeout(peer: WebPeer) -> tuple[float, float]:
    return peer.timing.connect_s, peer.timing.answer_s


def _address(peer: WebPeer, path: str) -> str:
    return peer.url.rstrip("/") + path


@contextmanager
def _session(peer: WebPeer) -> Iterator[Any]:
    """A session whose failures become refusals that repeat neither URL nor answer. :class:`Cut` for a connection that ended."""
    import requests

    silence()
    with _plain_session() as session:
        session.trust_env = False  # neither proxies nor passwords from elsewhere than the configuration
        if peer.user is not None and peer.password is not None:
            session.auth = (peer.user, peer.password)
        if peer.tls is not None:
            session.verify = True if peer.tls.trusted is None else str(peer.tls.trusted)
            if peer.tls.certificate is not None and peer.tls.key is not None:
                session.cert = (str(peer.tls.certificate), str(peer.tls.key))
        try:
            yield session
        except requests.HTTPError as error:
            status = 0 if error.response is None else error.response.status_code
            if status in _BUSY:
                raise Cut from None
            if status in _DENIED:
                raise InputRefused(
                    "PACS-REFUSED", "the server denies access", "Check user, password_env and what the user may do"
                ) from None
            raise InputRefused(
                "PACS-FAILED", f"the server answered with HTTP status {status}", "Ask who runs the archive"
            ) from None
        except (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError):
            raise InputRefused("PACS-UNREACHABLE", "the server cannot be reached, or TLS fails", "Check url and tls") from None
        except requests.ConnectionError as error:
            if _never_connected(error):
                raise InputRefused("PACS-UNREACHABLE", "the server cannot be reached", "Check url and that it runs") from None
            raise Cut from None
        except (requests.Timeout, requests.exceptions.ChunkedEncodingError):
            raise Cut from None
        except (FileNotFoundError, PermissionError):
            raise InputRefused("SEND-FILE", "a file to send is gone or cannot be read", "Run again") from None
        except (HepaflowError, Cut, MemoryError):
            raise
        except Exception as error:  # whatever a strange answer does to those who read it
            raise InputRefused(
                "PACS-ANSWER", "the server's answer is not one of DICOMweb", "Check url: it ends where /studies begins"
            ) from error


def _plain_session() -> Any:
    """A session that goes nowhere else, and leaves wildcards as they are, which RFC 3986 allows (the library writes %2A and %3F)."""
    import requests

    class Plain(requests.Session):
        def prepare_request(self, request: Any) -> Any:
            prepared = super().prepare_request(request)
            path, mark, search = (prepared.url or "").partition("?")
            prepared.url = path + mark + search.replace("%2A", "*").replace("%3F", "?")
            return prepared

        def send(self, request: Any, **how: Any) -> Any:
            answer = super().send(request, **(how | {"allow_redirects": False}))
            if 300 <= answer.status_code < 400:
                raise InputRefused(
                    "PACS-REDIRECTED", "the server sends us elsewhere, which we do not follow", "Give the url that it leads to"
                )
            return answer

    return Plain()


def _never_connected(error: Exception) -> bool:
    from urllib3.exceptions import NewConnectionError

    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)
