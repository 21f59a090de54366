"""C-STORE of files as they are, taken up again after a cut; storage commitment."""

from __future__ import annotations

import struct
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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
#: P-DATA-TF with one value: its type, its length, the value's length, presentation context, message control header (PS3.8 table 9-22, E.2).
_P_DATA = struct.Struct(">BxLLBB")
_COMMAND, _LAST = 1, 2
#: Why an object was not sent: the archive takes none of its kind; its file cannot be read.
NO_CONTEXT, UNREADABLE = "NO-CONTEXT", "UNREADABLE"


def store(peer: DimsePeer, objects: Sequence[Outgoing], *, progress: Progress = None) -> Answers:
    """Sends every object once, over ``peer.associations`` at a time; after a cut, only what was not acknowledged, in new associations.

    Refused: a peer that cannot be reached or refuses us, a connection that is cut more than ``timing.retries`` times without progress.
    """
    work = _Work({one.identity.sop_uid: one for one in objects}, progress)
    attempt, side_by_side = 0, peer.associations
    while work.pending:
        before = len(work.pending)
        contexts = _contexts(work.pending.values())
        failures = _round(peer, work, contexts, side_by_side)
        if not work.pending:
            break
        went_on = len(work.pending) < before
        refusal = next((one for one in failures if isinstance(one, InputRefused)), None)
        if refusal is not None and refusal.code == "PACS-NOT-OFFERED" and (work.taken or work.refused):
            work.without_context(contexts)
            continue
        if refusal is not None and not attempt and not went_on:
            if refusal.code == "PACS-REFUSED" and side_by_side > 1:
                side_by_side = 1  # some archives refuse all that come at once
                continue
            raise refusal  # never reached at all
        if failures:
            attempt = 1 if went_on else attempt + 1
            if attempt > peer.timing.retries:
                raise InputRefused(
                    "PACS-CUT",
                    f"the connection was cut again and again ({len(work.pending)} of {len(objects)} not sent)",
                    "Run again",
                ) from failures[0]
            time.sleep(peer.timing.pause_s(attempt))
    return Answers(frozenset(work.taken), work.refused)


class _Work:
    """What is to be sent and what was said of it, shared by associations that run side by side."""

    def __init__(self, pending: dict[str, Outgoing], progress: Progress) -> None:
        self.pending, self.taken, self.refused = pending, set[str](), dict[str, str]()
        self._total, self._progress, self._lock = len(pending), progress, threading.Lock()

    def answered(self, uid: str, code: int | str) -> None:
        """Notes the status of one C-STORE, or why there was none."""
        with self._lock:
            if code in (SUCCESS, DUPLICATE, *STORED_WITH_WARNING):
                self.taken.add(uid)
            else:
                self.refused[uid] = code if isinstance(code, str) else f"0x{code:04X}"
            del self.pending[uid]
            if self._progress is not None:
                self._progress("send", self._total - len(self.pending), self._total)

    def without_context(self, contexts: Sequence[Any]) -> None:
        """None of the kinds that were proposed is one that the archive takes."""
        for one in _of_kinds(self.pending.values(), contexts):
            self.answered(one.identity.sop_uid, NO_CONTEXT)


def _round(peer: DimsePeer, work: _Work, contexts: Sequence[Any], side_by_side: int) -> list[Cut | InputRefused]:
    """Associations side by side until nothing is left to take up; what ended those that did not come to their own end.

    Objects of more kinds than one association may propose stay pending: the next round takes them.
    """
    queue = deque(_of_kinds(work.pending.values(), contexts))
    failures: list[Cut | InputRefused] = []

    def send() -> None:
        try:
            answers = _Answered()
            with association(peer, contexts, handlers=answers.handlers()) as link:
                if peer.tls is None:
                    link.dimse.send_msg = partial(_whole, link)
                accepted = _kinds(link.accepted_contexts)
                for one in _taken_from(queue):
                    work.answered(one.identity.sop_uid, _answer(link, one, answers, accepted=accepted))
        except (Cut, InputRefused) as failure:
            failures.append(failure)

    with ThreadPoolExecutor(side_by_side) as pool:
        try:
            running = [pool.submit(send) for _ in range(min(side_by_side, len(queue)))]
            for one in running:
                one.result()
        finally:
            queue.clear()  # an interrupt does not wait for the rest
    return failures


class _Answered:
    """The request that the last answer names: the library does not compare it."""

    def __init__(self) -> None:
        self._message, self._instance, self.asked = 0, "", 0

    def handlers(self) -> list[Any]:
        """What an association must tell."""
        from pynetdicom import evt

        return [(evt.EVT_DIMSE_RECV, self._came)]

    def next(self) -> int:
        """A message ID that the last one did not have."""
        self.asked = self.asked % 65535 + 1
        return self.asked

    def fits(self, uid: str) -> bool:
        """Whether the answer is one to the last request (its instance UID is optional: PS3.7 9.3.1.2)."""
        return self._message == self.asked and self._instance in ("", uid)

    def _came(self, event: Any) -> None:
        said = event.message.command_set
        self._message, self._instance = said.get("MessageIDBeingRespondedTo"), str(said.get("AffectedSOPInstanceUID") or "")


def _of_kinds(objects: Iterable[Outgoing], contexts: Sequence[Any]) -> list[Outgoing]:
    proposed = _kinds(contexts)
    return [one for one in objects if (one.identity.sop_class, one.identity.syntax) in proposed]


def _kinds(contexts: Iterable[Any]) -> frozenset[tuple[str, str]]:
    """SOP class and transfer syntax of each context."""
    return frozenset((context.abstract_syntax, context.transfer_syntax[0]) for context in contexts)


def _taken_from(queue: deque[Outgoing]) -> Iterator[Outgoing]:
    while True:
        try:
            yield queue.popleft()
        except IndexError:
            return


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


def _answer(link: Any, one: Outgoing, answers: _Answered, *, accepted: frozenset[tuple[str, str]]) -> int | str:
    """Status of one C-STORE, or why there was none; ``accepted`` are the kinds that the archive takes."""
    kind, syntax = one.identity.sop_class, one.identity.syntax
    try:
        if (kind, syntax) in accepted:
            status = link.send_c_store(str(one.path), msg_id=answers.next())
        elif syntax in (EXPLICIT, DEFLATED) and (kind, IMPLICIT) in accepted:
            from pydicom import dcmread

            status = link.send_c_store(dcmread(one.path), msg_id=answers.next())
        else:
            return NO_CONTEXT
    except Exception:  # its file has changed, or the library takes it for none; a message would hold its path or values
        if not link.is_established:
            raise Cut from None
        return UNREADABLE
    code = status.get("Status")
    if code is None or not answers.fits(one.identity.sop_uid):
        raise Cut
    return int(code)


def _whole(link: Any, request: Any, context_id: int) -> None:
    """A C-STORE request to the socket in one piece: the library's own way takes 0.2 ms for each 16 kB, and 1 ms for the command.

    Not over TLS, where the library's thread may read at the same time, which its socket does not allow.
    """
    if request.DataSet is None:
        path, offset = request._dataset_path
        data = path.read_bytes()[offset:]
    else:
        data = request.DataSet.getvalue()
    largest = link.dimse.maximum_pdu_size or len(data) + 6  # 0: of any size
    pieces = [*_values(context_id, _command(request), largest, _COMMAND), *_values(context_id, data, largest, 0)]
    link.dul.socket.send(b"".join(pieces))


def _command(request: Any) -> bytes:
    """Command set of a C-STORE request, implicit VR little endian (PS3.7 table 9.3-1)."""
    body = b"".join(
        struct.pack("<HHL", 0, element, len(value)) + value
        for element, value in (
            (0x0002, _even(request.AffectedSOPClassUID)),
            (0x0100, struct.pack("<H", 0x0001)),
            (0x0110, struct.pack("<H", request.MessageID)),
            (0x0700, struct.pack("<H", request.Priority)),
            (0x0800, struct.pack("<H", 0x0001)),  # a data set follows
            (0x1000, _even(request.AffectedSOPInstanceUID)),
        )
    )
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def _even(uid: str) -> bytes:
    return uid.encode() + b"\x00" * (len(uid) % 2)


def _values(context_id: int, data: bytes, largest: int, kind: int) -> Iterator[bytes]:
    """P-DATA-TF of one presentation data value each, headers and fragments in turn (PS3.8 9.3.5, annex E)."""
    step = largest - 6
    for first in range(0, len(data), step):
        fragment = data[first : first + step]
        last = _LAST if first + step >= len(data) else 0
        yield _P_DATA.pack(4, len(fragment) + 6, len(fragment) + 2, context_id, kind | last)
        yield fragment


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
        association(peer, [context], handlers=handlers, called_back=True) as link,
    ):
        status, _ = link.send_n_action(asked, 1, COMMITMENT, COMMITMENT_INSTANCE)
        if status.get("Status") != SUCCESS or not done.wait(peer.timing.answer_s):
            return None
    return safe
