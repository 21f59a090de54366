"""One DIMSE association: opened with TCP_NODELAY, its failures named, its library kept from talking."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from hepaflow.dicom.network.classes import VERIFICATION
from hepaflow.dicom.network.peer import Cut, DimsePeer, Tls
from hepaflow.errors import InputRefused

#: Libraries whose logs hold what goes over the wire.
_TALKATIVE = ("pynetdicom", "urllib3")
SUCCESS = 0x0000
PENDING = (0xFF00, 0xFF01)
#: Coercion, data set does not match, elements discarded: stored all the same (PS3.4 table B.2-1).
STORED_WITH_WARNING = (0xB000, 0xB006, 0xB007)
#: Bytes of a message: more than any that keeps to what we announce, and less than holds anything.
LARGEST_PDU, LEAST_PDU = 2**20, 64
#: What a peer says of an instance that it holds already (PS3.7 annex C).
DUPLICATE = 0x0111


def silence() -> None:
    """Keeps the network libraries from logging headers and addresses."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


@contextmanager
def association(
    peer: DimsePeer, contexts: Sequence[Any], *, handlers: Sequence[Any] = (), roles: Sequence[Any] = (), called_back: bool = False
) -> Iterator[Any]:
    """An established association. ``contexts``: presentation contexts; ``roles``: items of extended negotiation;
    ``called_back``: the peer may make requests of its own in it.

    Refused: a host that cannot be reached, a peer that refuses us, no context it accepts. :class:`Cut` when it ended before we ended it.
    """
    from pynetdicom import AE, _config, evt
    from pynetdicom.pdu import A_ASSOCIATE_RJ

    silence()
    _config.STORE_SEND_CHUNKED_DATASET = True  # files go out as they are, without being decoded
    entity = AE(peer.own_ae_title)
    entity.connection_timeout = entity.acse_timeout = peer.timing.connect_s
    entity.dimse_timeout = entity.network_timeout = peer.timing.answer_s
    reached, rejections, waits_s = list[bool](), list[Any](), [peer.timing.connect_s]

    def opened(_: Any) -> None:
        reached.append(True)

    def arrived(event: Any) -> None:  # the library forgets a rejection whose connection is closed before it looks
        if isinstance(event.pdu, A_ASSOCIATE_RJ):
            rejections.append(event.pdu)

    try:
        link: Any = entity.associate(
            peer.host,
            peer.port,
            contexts=list(contexts),
            ae_title=peer.ae_title,
            ext_neg=list(roles),
            tls_args=None if peer.tls is None else (client_context(peer.tls), peer.host),
            evt_handlers=[
                (evt.EVT_CONN_OPEN, opened),
                (evt.EVT_PDU_RECV, arrived),
                *wire_handlers(lambda: waits_s[-1], prompt=peer.no_delay),
                *handlers,
            ],
        )
    except OSError as error:
        raise unreachable() from error
    if not link.is_established:
        raise _refusal(link, rejections, reached=bool(reached))
    waits_s.append(peer.timing.answer_s)
    if not called_back:
        link.dimse.get_msg = partial(_asked_for, link.dimse)
    with suppress(OSError, AttributeError):  # where it was cut at once
        link.dul.socket.socket.settimeout(peer.timing.answer_s)  # a peer that stops reading does not hold us for ever
    if 0 < link.acceptor.maximum_length < LEAST_PDU:
        link.abort()
        raise InputRefused("PACS-ANSWER", "the archive takes no message that holds anything", "Ask who runs the archive")
    try:
        yield link
        if not link.is_established:
            raise Cut
    except (RuntimeError, OSError) as error:
        if not link.is_established:  # the library notices a cut connection in more than one way
            raise Cut from error
        raise
    finally:
        if link.is_established:
            link.release()
        else:
            link.abort()


def _asked_for(messages: Any, *, block: bool) -> tuple[Any, Any]:
    """The next message, to who waits for an answer to a request of ours.

    The library's own watcher of the association asks without waiting, for requests of the peer's. It may still be on its way into
    its pause when we ask again, would take the first answers as well, and drops them without a word.
    """
    taken: tuple[Any, Any] = type(messages).get_msg(messages, block=True) if block else (None, None)
    return taken


def wire_handlers(within_s: Callable[[], float], *, prompt: bool = True) -> list[Any]:
    """Handlers that keep a connection from waiting: for the rest of a message longer than ``within_s`` from its first byte on,
    and, with ``prompt``, for packets.

    Small packets go out at once (TCP_NODELAY), and the peer's are acknowledged at once: else each waits 40 ms for the one before.
    The second half is Linux's alone (TCP_QUICKACK, which holds for a packet or two only, hence again at each read): without it an
    Orthanc whose own packets wait stores 20 instances/s however we send.
    """
    from pynetdicom import evt

    def opened(event: Any) -> None:
        wire = event.assoc.dul.socket
        wire.recv = partial(_read, wire, within_s, prompt)
        if wire.socket is not None:
            wire.socket.settimeout(within_s())
        if prompt:
            _option(wire.socket, socket.TCP_NODELAY)

    return [(evt.EVT_CONN_OPEN, opened)]


def _read(wire: Any, within_s: Callable[[], float], prompt: bool, count: int) -> bytearray:
    """``count`` bytes, fewer where the peer has closed. OSError: one of them waits too long, or more than a message may have.

    The socket has the same limit for one wait: a peer that sends drop by drop is left after twice of it at most.
    """
    if count > LARGEST_PDU:
        raise OSError("the message is too long")
    end, held = time.monotonic() + within_s(), bytearray()
    while len(held) < count:
        connection = wire.socket
        if connection is None or time.monotonic() > end:
            raise TimeoutError
        if prompt and hasattr(socket, "TCP_QUICKACK"):
            _option(connection, socket.TCP_QUICKACK)
        piece = connection.recv(min(count - len(held), 65536))
        if not piece:
            break
        held += piece
    return held


def _option(connection: Any, option: int) -> None:
    with suppress(OSError, AttributeError):  # it may just have been closed
        connection.setsockopt(socket.IPPROTO_TCP, option, 1)


def echo(peer: DimsePeer) -> None:
    """C-ECHO. Refused: as :func:`association`, and an answer other than success."""
    from pynetdicom import build_context

    with association(peer, [build_context(VERIFICATION)]) as link:
        expect(link.send_c_echo(), "the echo")


def expect(status: Any, what: str) -> None:
    """Refused: a status that is not success. :class:`Cut` for none at all."""
    code = status.get("Status")
    if code is None:
        raise Cut
    if code != SUCCESS:
        raise InputRefused("PACS-FAILED", f"the archive answered {what} with status 0x{code:04X}", "Ask who runs the archive")


def client_context(tls: Tls) -> Any:
    """TLS as a client: the peer's certificate and host name are checked."""
    import ssl

    context = ssl.create_default_context(cafile=None if tls.trusted is None else str(tls.trusted))
    if tls.certificate is not None and tls.key is not None:
        context.load_cert_chain(tls.certificate, tls.key)
    return context


def server_context(tls: Tls) -> Any:
    """TLS as a server; with ``trusted``, callers must show a certificate that it holds for."""
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if tls.certificate is not None and tls.key is not None:
        context.load_cert_chain(tls.certificate, tls.key)
    if tls.trusted is not None:
        context.load_verify_locations(tls.trusted)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _refusal(link: Any, rejections: Sequence[Any], *, reached: bool) -> InputRefused:
    if not reached:
        return unreachable()
    if rejections:
        return InputRefused(
            "PACS-REFUSED",
            f"the archive refuses the association ({_reason(rejections[0])})",
            "Check ae_title and own_ae_title, and that the archive knows this machine",
        )
    if link.rejected_contexts:
        return InputRefused(
            "PACS-NOT-OFFERED", "the archive does not offer this service", "Check what it allows this machine to do"
        )
    return InputRefused("PACS-NO-ANSWER", "the archive was reached and did not answer", "Check the port, TLS and the time-outs")


#: Diagnostics of the three sources that reject (PS3.8 table 9-21): service user, its association part, its presentation part.
_REASONS = {
    (1, 2): "application context not supported",
    (1, 3): "our AE title is not known there",
    (1, 7): "its AE title is another",
    (2, 2): "protocol version not supported",
    (3, 1): "too busy for now",
    (3, 2): "too many associations for now",
}


def _reason(rejection: Any) -> str:
    return _REASONS.get((rejection.source, rejection.reason_diagnostic), "no reason given")


def unreachable() -> InputRefused:
    """The refusal for a host that is not known or does not answer."""
    return InputRefused("PACS-UNREACHABLE", "the archive cannot be reached", "Check host, port and that it runs")
