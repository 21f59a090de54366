"""An archive, whichever way it speaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hepaflow.dicom.network import association, dimse_fetch, dimse_find, dimse_send, web
from hepaflow.dicom.network.objects import Answers, Listed, Outgoing, Take
from hepaflow.dicom.network.peer import DimsePeer, Peer, Progress
from hepaflow.dicom.network.studies import StudyQuery, StudyRow


def echo(peer: Peer) -> None:
    """Whether the archive answers. Refused: it does not, or it refuses us."""
    peer.timing.persistently(lambda: association.echo(peer) if isinstance(peer, DimsePeer) else web.echo(peer))


def find(peer: Peer, query: StudyQuery) -> tuple[StudyRow, ...]:
    """Studies that match."""
    return peer.timing.persistently(lambda: dimse_find.find(peer, query) if isinstance(peer, DimsePeer) else web.find(peer, query))


def instances(peer: Peer, study_uid: str) -> tuple[Listed, ...]:
    """What the archive lists of a study."""
    return peer.timing.persistently(
        lambda: dimse_find.instances(peer, study_uid) if isinstance(peer, DimsePeer) else web.instances(peer, study_uid)
    )


def retrieve(peer: Peer, study_uid: str, wanted: Sequence[Listed], take: Take, *, listed: Sequence[Listed]) -> None:
    """Hands ``wanted`` of the ``listed`` instances to ``take``, as the bytes of files."""
    if isinstance(peer, DimsePeer):
        dimse_fetch.retrieve(peer, study_uid, wanted, take)
    else:
        sizes = Counter(one.series_uid for one in listed)
        web.retrieve(peer, study_uid, wanted, take, whole=lambda series, count: sizes[series] == count)


def store(peer: Peer, objects: Sequence[Outgoing], *, progress: Progress = None) -> Answers:
    """Sends objects; what was taken and what was refused."""
    if isinstance(peer, DimsePeer):
        return dimse_send.store(peer, objects, progress=progress)
    return web.store(peer, objects, progress=progress)


def committed(peer: Peer, objects: Sequence[Outgoing]) -> frozenset[str] | None:
    """What the archive commits to keep; None where it does not offer to."""
    return dimse_send.committed(peer, objects) if isinstance(peer, DimsePeer) else None
