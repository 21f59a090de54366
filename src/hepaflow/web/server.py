"""The running server: data folder, socket, certificate, the address to open, and an orderly end."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvicorn

from hepaflow.errors import OutputFailed, UsageError
from hepaflow.web import accounts, arrivals, studies
from hepaflow.web.connection import PatientProtocol
from hepaflow.web.events import Events
from hepaflow.web.jobs import Jobs
from hepaflow.web.memory import give_back_large
from hepaflow.web.places import DataFolder
from hepaflow.web.room import Gate, Room
from hepaflow.web.sessions import Sessions
from hepaflow.web.tables import Tables

#: Largest head of a request.
HEAD_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """How a room is served. ``port`` 0 takes a free one; ``names`` are further host names; ``database`` an SQLAlchemy URL; ``study`` is brought in and opened;
    ``folders`` are where accounts may bring studies in from.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8717
    names: tuple[str, ...] = ()
    database: str | None = None
    reader: str = ""
    language: str = "en"
    certificate: Path | None = None
    key: Path | None = None
    archives: Path | None = None
    analyses: int = 1
    study: Path | None = None
    folders: tuple[Path, ...] = ()

    @property
    def local(self) -> bool:
        """Whether nobody but this machine can reach the server."""
        if self.host == "localhost":
            return True
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return False


@contextmanager
def open_room(settings: Settings, gate: Gate) -> Iterator[Room]:
    """A room on its data folder. Refused: a folder in use or of others, a database that is newer or not there, no accounts where they are needed."""
    folders = _folders(settings)
    folder = DataFolder(settings.data)
    folder.hold()
    try:
        tables = Tables(folder.folder, settings.database)
        try:
            if settings.database is not None:
                tables.claim(folder.identity)
            if not gate.local and not accounts.every(tables):
                raise UsageError(
                    "SERVE-NO-ACCOUNTS",
                    "a server that others can reach needs accounts",
                    "Make one: hepaflow account add NAME --role admin",
                )
            events = Events()
            settle = partial(studies.settle, tables, folder.folder)
            jobs = Jobs(tables, events, folder.folder, finish=studies.take_result, settle=settle, heavy=settings.analyses)
            sessions = Sessions(tables, reader=settings.reader, language=settings.language)
            studies.settle_all(tables, folder.folder)
            jobs.open()
            try:
                yield Room(folder.folder, tables, jobs, events, sessions, gate, settings.archives, folders)
            finally:
                jobs.close()
        finally:
            tables.close()
    finally:
        folder.release()


def _folders(settings: Settings) -> tuple[Path, ...]:
    """Where accounts may bring studies in from. Refused (``SERVE-NO-FOLDER``): one that is not there."""
    try:
        return tuple(folder.resolve(strict=True) for folder in settings.folders)
    except OSError as error:
        raise UsageError("SERVE-NO-FOLDER", "a folder to bring studies in from does not exist", "Check --import-from") from error


def serve(settings: Settings, *, ready: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM. ``ready`` gets the address to open when the socket listens.

    Refused: an address beyond loopback without accounts and TLS, a port in use, a certificate that cannot be read, a study that is not there.
    """
    secure = _certificate(settings)
    with listening(settings) as listener:
        give_back_large()
        port = int(listener.getsockname()[1])
        gate = Gate(_hosts(settings, port), "https" if secure else "http", settings.local, port)
        with open_room(settings, gate) as room:
            name = settings.names[0] if settings.names else "127.0.0.1" if settings.local else settings.host
            address = f"{gate.scheme}://{_bracketed(name)}:{port}"
            goal = "" if settings.study is None else _arriving(room, settings.study, who=settings.reader)
            # a browser takes its time to start, and so do the libraries behind the routes: side by side; the socket keeps who comes early
            inside = (
                f"/enter?token={room.sessions.link()}{goal and f'&study={goal}'}"
                if gate.local
                else f"/login{goal and f'?study={goal}'}"
            )
            ready(address + inside)
            server_of(room, settings).run(sockets=[listener])


def _arriving(room: Room, study: Path, *, who: str) -> str:
    """The identifier under which a study is brought in."""
    return arrivals.bring_in(room, arrivals.judged(room, str(study.absolute())), who=who)["study"]


def server_of(room: Room, settings: Settings) -> uvicorn.Server:
    """The HTTP server of a room, without its socket."""
    from hepaflow.web.app import make_app

    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # its lines repeat parts of requests
    config = uvicorn.Config(
        make_app(room),
        http=PatientProtocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
    )
    return _Server(config, room)


class _Server(uvicorn.Server):
    """uvicorn's, which lets the pages that listen for events go before it waits for them."""

    def __init__(self, config: uvicorn.Config, room: Room) -> None:
        super().__init__(config)
        self._room = room

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """The end of the server."""
        self._room.events.close()
        await super().shutdown(sockets)


def _certificate(settings: Settings) -> bool:
    """Whether the server speaks TLS."""
    if (settings.certificate is None) != (settings.key is None):
        raise UsageError("SERVE-TLS", "a certificate and its key go together", "Give both --certificate and --key")
    if settings.certificate is None or settings.key is None:
        if not settings.local:
            raise UsageError(
                "SERVE-NO-TLS",
                "a server that others can reach needs a certificate",
                "Give --certificate and --key, or leave --host out",
            )
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.certificate, settings.key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise UsageError("SERVE-TLS", "the certificate and key cannot be used", "Give PEM files that belong together") from error
    return True


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket at the settings' address. Refused: one that cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(128)
        except (OSError, OverflowError) as error:
            raise OutputFailed("SERVE-PORT", "the address or port cannot be used", "Give another --port, or --port 0") from error
        yield listener
    finally:
        listener.close()


def _hosts(settings: Settings, port: int) -> frozenset[str]:
    """The Host values that are this server's own."""
    if settings.local:
        names = ["127.0.0.1", "localhost", "::1", settings.host]
    else:
        wild = settings.host in {"0.0.0.0", "::"}
        names = list(settings.names) or ([socket.gethostname()] if wild else [settings.host])
    usual = 443 if settings.certificate else 80
    found = {f"{_bracketed(name)}:{port}".lower() for name in names}
    return frozenset(found | ({_bracketed(name).lower() for name in names} if port == usual else set()))


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
