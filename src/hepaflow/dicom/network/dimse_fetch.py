"""C-GET and C-MOVE: the instances of a study, each handed on as the bytes of a file."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from hepaflow.dicom.network.association import PENDING, association, unreachable
from hepaflow.dicom.network.classes import GET, MOVE
from hepaflow.dicom.network.node import SYNTAXES, Node, listening
from hepaflow.dicom.network.objects import Listed, Take
from hepaflow.dicom.network.peer import Cut, DimsePeer
from hepaflow.errors import InputRefused, UsageError

#: Instances named in one request: UIDs of 64 characters stay well below the 64 kB of an explicit UI value.
NAMED_AT_ONCE = 200
#: Contexts that one association may propose (PS3.8 table 9-18: odd numbers up to 255).
MAX_CONTEXTS = 128
#: A retrieve that went through with instances that failed (PS3.4 C.4.3): what came is kept, what did not is missed afterwards.
_PARTLY = 0xB000

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
#: Asked for where an archive does not say the class: what a study of CT and its results hold.
_USUAL = (
    CT_IMAGE,
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.30",
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.66",
    "1.2.840.10008.5.1.4.1.1.88.11",
    "1.2.840.10008.5.1.4.1.1.88.22",
    "1.2.840.10008.5.1.4.1.1.88.33",
    "1.2.840.10008.5.1.4.1.1.88.34",
    "1.2.840.10008.5.1.4.1.1.88.67",
    "1.2.840.10008.5.1.4.1.1.481.3",
    "1.2.840.10008.5.1.4.1.1.104.1",
)


def retrieve(peer: DimsePeer, study_uid: str, wanted: Sequence[Listed], take: Take) -> None:
    """Hands ``wanted`` instances to ``take``, by C-GET where it is offered (or asked for), else by C-MOVE to ``listen_port``.

    What an archive does not send is not an error here: the caller knows what came. :class:`Cut` for a connection that ended.
    """
    if peer.retrieve == "move":
        return _move(peer, study_uid, wanted, take)
    came: list[int] = []

    def taken(data: bytes) -> int:
        came.append(len(data))
        return take(data)

    other_way = peer.retrieve is None and peer.listen_port is not None
    try:
        return _get(peer, study_uid, wanted, taken)
    except _NotOffered:
        if not other_way:
            raise InputRefused(
                "PACS-NO-GET", "the archive does not offer C-GET", "Give listen_port for C-MOVE, and register it in the archive"
            ) from None
    except (Cut, InputRefused):
        if came or not other_way:  # Orthanc accepts the context of C-GET from everyone and hangs up on those who may not
            raise
    return _move(peer, study_uid, wanted, take)


class _NotOffered(Exception):
    """No context of C-GET was accepted."""


def _get(peer: DimsePeer, study_uid: str, wanted: Sequence[Listed], take: Take) -> None:
    from pynetdicom import build_context, build_role, evt

    known = {one.sop_class for one in wanted if one.sop_class}
    unsaid = any(not one.sop_class for one in wanted)
    classes = sorted(known | set(_USUAL)) if unsaid else sorted(known)
    plain = [build_context(uid, list(SYNTAXES[:2])) for uid in classes]
    packed = [build_context(uid, [syntax]) for uid in classes for syntax in SYNTAXES[2:]]
    contexts = [build_context(GET), *plain, *packed][:MAX_CONTEXTS]
    roles = [build_role(uid, scp_role=True) for uid in classes]
    handlers = [(evt.EVT_C_STORE, lambda event: take(event.encoded_dataset()))]
    try:
        with association(peer, contexts, handlers=handlers, roles=roles) as link:
            if not any(context.abstract_syntax == GET for context in link.accepted_contexts):
                raise _NotOffered
            for request in _requests(study_uid, wanted):
                _follow(link.send_c_get(request, GET))
    except InputRefused as refused:
        if refused.code == "PACS-NOT-OFFERED":
            raise _NotOffered from refused
        raise


def _move(peer: DimsePeer, study_uid: str, wanted: Sequence[Listed], take: Take) -> None:
    from pynetdicom import build_context

    with listening(own_node(peer), take, lambda _: None), association(peer, [build_context(MOVE)]) as link:
        for request in _requests(study_uid, wanted):
            _follow(link.send_c_move(request, peer.own_ae_title, MOVE))


def own_node(peer: DimsePeer) -> Node:
    """Where the archive, and no one else, may call us back."""
    if peer.listen_port is None:
        raise UsageError("PACS-NO-PORT", "there is no port to receive on", "Give listen_port, and register it in the archive")
    try:
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(peer.host, peer.port)}
    except OSError as error:
        raise unreachable() from error
    return Node(
        ae_title=peer.own_ae_title,
        port=peer.listen_port,
        calling=(peer.ae_title,),
        peers=tuple(sorted(addresses)),
        host=peer.listen_host,
        tls=peer.tls,
        plain_text=peer.plain_text,
        idle_s=peer.timing.answer_s,
    )


def _requests(study_uid: str, wanted: Sequence[Listed]) -> Iterator[Any]:
    """Instances by name, series by series."""
    from pydicom.dataset import Dataset

    for series, group in groupby(sorted(wanted, key=lambda one: one.series_uid), key=lambda one: one.series_uid):
        uids = [one.sop_uid for one in group]
        for first in range(0, len(uids), NAMED_AT_ONCE):
            request = Dataset()
            request.QueryRetrieveLevel = "IMAGE"
            request.StudyInstanceUID, request.SeriesInstanceUID = study_uid, series
            request.SOPInstanceUID = uids[first : first + NAMED_AT_ONCE]
            yield request


def _follow(answers: Any) -> None:
    """To the end of a retrieve. Refused: a failure of all of it."""
    for status, _ in answers:
        code = status.get("Status")
        if code is None:
            raise Cut
        if code not in (0, _PARTLY, *PENDING):
            raise InputRefused(
                "PACS-FAILED", f"the archive answered the retrieve with status 0x{code:04X}", "Ask who runs the archive"
            )
