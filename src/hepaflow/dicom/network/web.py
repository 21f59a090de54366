"""DICOMweb: QIDO-RS, WADO-RS and STOW-RS (PS3.18)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from hepaflow.dicom.network.association import silence
from hepaflow.dicom.network.multipart import parts
from hepaflow.dicom.network.objects import Answers, Listed, Outgoing, Take, is_uid
from hepaflow.dicom.network.peer import Cut, Progress, WebPeer
from hepaflow.dicom.network.studies import RETURNED, StudyQuery, StudyRow, row
from hepaflow.dicom.pixels import quiet
from hepaflow.errors import InputRefused

#: Objects of one STOW request: held in memory, sent again as a whole after a cut.
STORED_AT_ONCE = 50
#: As it was stored, without transcoding.
_AS_IT_IS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
#: Bytes of an answer read at once.
_CHUNK = 1 << 20
_DENIED = (401, 403)
#: Time-outs, too many requests, and servers that are away for now: worth another try (RFC 9110, RFC 6585).
_BUSY = (408, 429, 502, 503, 504)
#: Failure reason of an instance that is there already (PS3.18 table 10.5.3-1 takes those of C-STORE).
_DUPLICATE = 0x0111


def find(peer: WebPeer, query: StudyQuery) -> tuple[StudyRow, ...]:
    """QIDO-RS for studies. Refused: a server that cannot be reached, denies us, or answers with an error."""
    from pydicom.dataset import Dataset

    # a server that does not decode the query (Orthanc 1.10) knows neither %5E nor +: any one character stands there instead
    asked = {keyword: value.replace("^", "?").replace(" ", "?") for keyword, value in query.keys().items()}
    with _client(peer) as client:
        answers = _all(lambda start: client.search_for_studies(fields=list(RETURNED), search_filters=asked, offset=start))
        with quiet():
            rows = [row(Dataset.from_json(answer)) for answer in answers]
    return tuple(one for one in rows if is_uid(one.study_uid))


def instances(peer: WebPeer, study_uid: str) -> tuple[Listed, ...]:
    """QIDO-RS for the instances of a study."""
    fields = ["SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"]
    with _client(peer) as client:
        answers = _all(lambda start: client.search_for_instances(study_instance_uid=study_uid, fields=fields, offset=start))
    found = (Listed(*(_first(answer, tag) for tag in ("00080018", "0020000E", "00080016"))) for answer in answers)
    return tuple(dict.fromkeys(one for one in found if is_uid(one.sop_uid) and is_uid(one.series_uid)))


def echo(peer: WebPeer) -> None:
    """A search that should find nothing: DICOMweb has no echo."""
    with _client(peer) as client:
        client.search_for_studies(search_filters={"StudyInstanceUID": "2.25.0"}, limit=1)


def retrieve(peer: WebPeer, study_uid: str, wanted: Sequence[Listed], take: Take, *, whole: Callable[[str, int], bool]) -> None:
    """WADO-RS: a series at once where all of it is wanted (``whole`` says so of its UID and number wanted), else one instance after another."""
    with _session(peer) as session:
        for series, group in groupby(sorted(wanted, key=lambda one: one.series_uid), key=lambda one: one.series_uid):
            uids = [one.sop_uid for one in group]
            address = f"{peer.url.rstrip('/')}/studies/{study_uid}/series/{series}"
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
    from pydicom import dcmread
    from requests import HTTPError

    said: dict[str, int | None] = {one.identity.sop_uid: None for one in batch}
    with _client(peer) as client:
        try:
            answer = client.store_instances([dcmread(one.path) for one in batch])
        except HTTPError as error:
            if error.response is None or error.response.status_code != 409:
                raise
            answer = _conflict(error.response)
    for item in answer.get("ReferencedSOPSequence") or ():
        said[str(item.ReferencedSOPInstanceUID)] = 0
    for item in answer.get("FailedSOPSequence") or ():
        said[str(item.ReferencedSOPInstanceUID)] = int(item.get("FailureReason", 0x0110))
    return {one.identity.sop_uid: said[one.identity.sop_uid] for one in batch}


def _conflict(response: Any) -> Any:
    """The data set of an answer where nothing was stored; empty when it holds none."""
    from pydicom.dataset import Dataset

    try:
        tree = response.json()
        return Dataset.from_json(tree[0] if isinstance(tree, list) else tree)
    except Exception:  # the library's message would repeat the value
        return Dataset()


def _all(page: Callable[[int], list[Any]]) -> list[Any]:
    """Every page of a search: servers may give fewer answers at once than there are."""
    found: list[Any] = []
    while answers := page(len(found)):
        if found and answers[0] == found[0]:
            break  # a server without paging gives everything each time
        found += answers
    return found


def _first(answer: dict[str, Any], tag: str) -> str:
    values = answer.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _timeout(peer: WebPeer) -> tuple[float, float]:
    return peer.timing.connect_s, peer.timing.answer_s


@contextmanager
def _client(peer: WebPeer) -> Iterator[Any]:
    from dicomweb_client.api import DICOMwebClient

    with _session(peer) as session:
        client = DICOMwebClient(peer.url.rstrip("/"), session=session, timeout=_timeout(peer))
        client.set_http_retry_params(retry=False)  # its own way logs tracebacks; ours is ``Timing.persistently``
        yield client


@contextmanager
def _session(peer: WebPeer) -> Iterator[Any]:
    """A session whose failures become refusals that repeat neither URL nor answer. :class:`Cut` for a connection that ended."""
    import requests
    from pydicom.errors import InvalidDicomError

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
        except (ValueError, KeyError, TypeError, EOFError, InvalidDicomError) as error:
            raise InputRefused(
                "PACS-ANSWER", "the server's answer is not one of DICOMweb", "Check url: it ends where /studies begins"
            ) from error


def _plain_session() -> Any:
    """A session that leaves wildcards as they are, which RFC 3986 allows: the client library writes them as %2A and %3F."""
    import requests

    class Plain(requests.Session):
        def prepare_request(self, request: Any) -> Any:
            prepared = super().prepare_request(request)
            path, mark, search = (prepared.url or "").partition("?")
            prepared.url = path + mark + search.replace("%2A", "*").replace("%3F", "?")
            return prepared

    return Plain()


def _never_connected(error: Exception) -> bool:
    from urllib3.exceptions import NewConnectionError

    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)
