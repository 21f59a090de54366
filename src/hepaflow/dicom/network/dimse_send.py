"""C-STORE of files as they are, taken up again after a cut; storage commitment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from hepaflow.dicom.gate import DEFLATED, EXPLICIT, IMPLICIT
from hepaflow.dicom.network.association import DUPLICATE, STORED_WITH_WARNING, SUCCESS, association
from hepaflow.dicom.network.classes import COMMITMENT, COMMITMENT_INSTANCE
from hepaflow.dicom.network.dimse_fetch import MAX_CONTEXTS, own_node
from hepaflow.dicom.network.node import NOT_UNDERSTOOD, listening
from hepaflow.dicom.network.objects import Answers, Outgoing
from hepaflow.dicom.network.peer import Cut, DimsePeer, Progress
from hepaflow.errors import HepaflowError, InputRefused

#: Objects of one commitment request: the answer names each of them again.
COMMITTED_AT_ONCE = 500


def store(peer: DimsePeer, objects: Sequence[Outgoing], *, progress: Progress = None) -> Answers:
    """Sends every object once; after a cut, only what was not acknowledged, in a new association.

    Refused: a peer that cannot be reached or refuses us, a connection that is cut more than ``timing.retries`` times without progress.
    """
    pending = {one.identity.sop_uid: one for one in objects}
    taken: set[str] = set()
    refused: dict[str, str] = {}
    attempt = 0
    while pending:
        before = len(pending)
        try:
            _store(peer, pending, taken, refused, progress, len(objects))
        except (Cut, InputRefused) as error:
            if isinstance(error, InputRefused) and not attempt:
                raise  # never reached at all
            attempt = 1 if len(pending) < before else attempt + 1
            if attempt > peer.timing.retries:
                raise InputRefused(
                    "PACS-CUT", f"the connection was cut again and again ({len(pending)} of {len(objects)} not sent)", "Run again"
                ) from error
            time.sleep(peer.timing.pause_s(attempt))
    return Answers(frozenset(taken), refused)


def _store(
    peer: DimsePeer,
    pending: dict[str, Outgoing],
    taken: set[str],
    refused: dict[str, str],
    progress: Progress,
    total: int,
) -> None:
    """One association; what is acknowledged leaves ``pending``."""
    contexts = _contexts(pending.values())
    with association(peer, contexts) as link:
        for uid, one in list(pending.items()):
            if (one.identity.sop_class, one.identity.syntax) not in {(c.abstract_syntax, c.transfer_syntax[0]) for c in contexts}:
                continue  # more kinds than one association may propose: the next one takes them
            code = _answer(link, one)
            if code in (SUCCESS, DUPLICATE, *STORED_WITH_WARNING):
                taken.add(uid)
            else:
                refused[uid] = "NO-CONTEXT" if code is None else f"0x{code:04X}"
            del pending[uid]
            if progress is not None:
                progress("send", total - len(pending), total)


def _contexts(objects: Iterable[Outgoing]) -> list[Any]:
    """One a kind of object and transfer syntax, and the default one beside explicit (every peer must know it: PS3.5 10.1)."""
    from pynetdicom import build_context

    kinds = dict.fromkeys((one.identity.sop_class, one.identity.syntax) for one in objects)
    pairs: dict[tuple[str, str], None] = {}
    for sop_class, syntax in kinds:
        more = {(sop_class, syntax): None} | ({(sop_class, IMPLICIT): None} if syntax in (EXPLICIT, DEFLATED) else {})
        if len(pairs | more) <= MAX_CONTEXTS:
            pairs |= more
    return [build_context(*pair) for pair in pairs]


def _answer(link: Any, one: Outgoing) -> int | None:
    """Status of one C-STORE; None where no context fits."""
    accepted = {
        context.transfer_syntax[0] for context in link.accepted_contexts if context.abstract_syntax == one.identity.sop_class
    }
    if one.identity.syntax in accepted:
        status = link.send_c_store(str(one.path))
    elif one.identity.syntax in (EXPLICIT, DEFLATED) and IMPLICIT in accepted:
        from pydicom import dcmread

        status = link.send_c_store(dcmread(one.path))
    else:
        return None
    code = status.get("Status")
    if code is None:
        raise Cut
    return int(code)


def committed(peer: DimsePeer, objects: Sequence[Outgoing]) -> frozenset[str] | None:
    """SOP instance UIDs that the archive takes responsibility for (PS3.4 annex J); None where it does not offer to, or does not say.

    Its answer comes in the same association or, as most do, by calling us back on ``listen_port``.
    """
    if peer.listen_port is None:
        return None
    safe: set[str] = set()
    try:
        for first in range(0, len(objects), COMMITTED_AT_ONCE):
            found = _commit(peer, objects[first : first + COMMITTED_AT_ONCE])
            if found is None:
                return None
            safe |= found
    except (Cut, HepaflowError):  # also where our own port cannot be opened: what was sent is then verified by a query
        return None
    return frozenset(safe)


def _commit(peer: DimsePeer, objects: Sequence[Outgoing]) -> set[str] | None:
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid
    from pynetdicom import build_context, evt

    transaction = generate_uid()
    done, safe = threading.Event(), set[str]()

    def report(event: Any) -> tuple[int, None]:
        answer = event.event_information
        if answer.get("TransactionUID") == transaction:
            safe.update(str(item.ReferencedSOPInstanceUID) for item in answer.get("ReferencedSOPSequence") or ())
            done.set()
        return 0, None

    asked = Dataset()
    asked.TransactionUID, asked.ReferencedSOPSequence = transaction, []
    for one in objects:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.identity.sop_class, one.identity.sop_uid
        asked.ReferencedSOPSequence.append(item)
    context = build_context(COMMITMENT)
    back = build_context(COMMITMENT)
    back.scu_role, back.scp_role = True, True  # the archive calls, in the role of the one who reports
    handlers = [(evt.EVT_N_EVENT_REPORT, report)]
    with (
        listening(own_node(peer), lambda _: NOT_UNDERSTOOD, lambda _: None, handlers=handlers, contexts=[back]),
        association(peer, [context], handlers=handlers) as link,
    ):
        status, _ = link.send_n_action(asked, 1, COMMITMENT, COMMITMENT_INSTANCE)
        if status.get("Status") != SUCCESS or not done.wait(peer.timing.answer_s):
            return None
    return safe
