"""A storage node: takes objects from callers that are known by address and title, and no others."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from hepaflow.dicom.network.association import server_context, silence, wire_handlers
from hepaflow.dicom.network.classes import VERIFICATION
from hepaflow.dicom.network.objects import Take
from hepaflow.dicom.network.peer import Tls, check_plain, check_port, check_title
from hepaflow.errors import OutputFailed, UsageError

#: Uncompressed first, then every lossless form that reading takes (PS3.5 annex A).
SYNTAXES = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.5",
)
#: The program's own data set could not be understood, or contradicts one that is kept (PS3.4 table B.2-1, Cannot Understand).
NOT_UNDERSTOOD, CONTRADICTS, NO_SPACE = 0xC000, 0xC001, 0xA700
#: Longest wait for a caller to say who it is.
ASSOCIATE_S = 10.0
#: Wait for a connection that was closed to notice.
END_S = 2.0
#: Tells what happened, by a code.
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Node:
    """Where a node listens and who may call: ``calling`` AE titles, ``peers`` IP addresses.

    Refused: titles and ports that are none, nobody who may call, plain text on other than loopback unless ``plain_text``, TLS without a certificate.
    """

    ae_title: str
    port: int
    calling: tuple[str, ...]
    peers: tuple[str, ...] = ("127.0.0.1",)
    host: str = "127.0.0.1"
    tls: Tls | None = None
    plain_text: bool = False
    idle_s: float = 60.0

    def __post_init__(self) -> None:
        check_port(self.port)
        for title in (self.ae_title, *self.calling):
            check_title(title)
        if not self.calling or not self.peers:
            raise UsageError("NODE-NOBODY", "nobody may call this node", "Give calling (AE titles) and peers (IP addresses)")
        check_plain(self.host, self.tls is not None or self.plain_text)
        if self.tls is not None and self.tls.certificate is None:
            raise UsageError("PACS-TLS", "a node with TLS needs a certificate", "Give tls.certificate and tls.key")


@contextmanager
def listening(node: Node, take: Take, say: Say, *, handlers: Sequence[Any] = (), contexts: Sequence[Any] = ()) -> Iterator[None]:
    """The node, for as long as the block runs. ``take`` is called from several threads.

    Refused: a port that is in use or may not be opened.
    """
    from pynetdicom import AE, build_context, evt
    from pynetdicom.presentation import AllStoragePresentationContexts
    from pynetdicom.transport import ThreadedAssociationServer

    class Guarded(ThreadedAssociationServer):
        """Hangs up on addresses that are not known."""

        daemon_threads = True

        def verify_request(self, request: Any, address: Any) -> bool:
            known = address[0] in node.peers
            if not known:
                say("NODE-ADDRESS-REFUSED")
            return known

        def get_request(self) -> tuple[Any, Any]:
            """As the base class, but the TLS handshake waits for the caller's own thread, after its address was looked at."""
            listening_socket: Any = self.socket
            client, address = listening_socket.accept()
            if self.ssl_context is not None:
                client = self.ssl_context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
            return client, address

        def handle_error(self, request: Any, address: Any) -> None:
            say("NODE-CONNECTION-FAILED")  # the base class would print a traceback

    silence()
    entity = AE(node.ae_title)
    entity.require_called_aet, entity.require_calling_aet = True, list(node.calling)
    entity.network_timeout = entity.dimse_timeout = node.idle_s
    entity.acse_timeout = min(node.idle_s, ASSOCIATE_S)
    offered = [build_context(str(one.abstract_syntax), list(SYNTAXES)) for one in AllStoragePresentationContexts]
    try:
        server = entity.make_server(
            (node.host, node.port),
            contexts=[build_context(VERIFICATION), *offered, *contexts],
            ssl_context=None if node.tls is None else server_context(node.tls),
            evt_handlers=[
                *wire_handlers(lambda: node.idle_s),
                (evt.EVT_C_STORE, lambda event: take(event.encoded_dataset())),
                (evt.EVT_C_ECHO, lambda _: 0),
                (evt.EVT_REJECTED, lambda _: say("NODE-CALLER-REFUSED")),
                (evt.EVT_ABORTED, lambda _: say("NODE-CUT")),
                *handlers,
            ],
            server_class=Guarded,
        )
    except OSError as error:
        raise OutputFailed("NODE-PORT", "the port of the node cannot be opened", "Give a free port above 1023") from error
    entity._servers.append(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        _hang_up(server.active_associations)
        entity.shutdown()
        thread.join()


def _hang_up(associations: Sequence[Any]) -> None:
    """Closes the callers' connections: else the end waits for those that stopped inside a message."""
    for one in associations:
        with suppress(OSError, AttributeError):  # it may just have been closed
            one.dul.socket.socket.shutdown(socket.SHUT_RDWR)
        one.dul.join(END_S)  # it sees the end of its connection, and does not take the abort that follows for a fault
