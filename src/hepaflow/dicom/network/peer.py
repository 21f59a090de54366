"""Who is at the other end: an archive by DIMSE or by DICOMweb, and how long it is waited for."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from hepaflow.errors import InputRefused, UsageError

Progress = Callable[[str, int, int], None] | None

#: Longest application entity title (PS3.5 6.2, AE).
AE_CHARACTERS = 16


class Cut(Exception):
    """The connection ended while work was under way; what was acknowledged before holds."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds to wait for a connection and for an answer; how often a cut connection is taken up again, after ``wait_s``, doubled each time."""

    connect_s: float = 10.0
    answer_s: float = 60.0
    retries: int = 3
    wait_s: float = 1.0

    def pause_s(self, attempt: int) -> float:
        """Before the ``attempt``-th try again, counted from 1.

        >>> [Timing().pause_s(n) for n in (1, 2, 3)]
        [1.0, 2.0, 4.0]
        """
        return self.wait_s * 2.0 ** (attempt - 1)

    def persistently(self, work: Callable[[], T]) -> T:
        """``work`` again while the connection is cut, up to ``retries`` times. Refused: it is cut each time."""
        for attempt in range(1, self.retries + 1):
            try:
                return work()
            except Cut:
                time.sleep(self.pause_s(attempt))
        try:
            return work()
        except Cut as cut:
            raise InputRefused(
                "PACS-CUT", "the connection was cut again and again, or no answer came in time", "Run again"
            ) from cut


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: who is trusted (the system's authorities where None), and who we are (None: we show no certificate)."""

    trusted: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise UsageError("PACS-TLS", "a certificate goes with its key", "Give both tls.certificate and tls.key")
        for path in (self.trusted, self.certificate, self.key):
            if path is not None and not path.is_file():
                raise UsageError("PACS-TLS", "a TLS file is not there", "Check tls.trusted, tls.certificate and tls.key")


@dataclass(frozen=True, slots=True)
class DimsePeer:
    """An archive that speaks DIMSE. ``listen_port`` is where it may reach us, for C-MOVE and storage commitment; None: it may not.

    Objects are sent over up to ``associations`` side by side; those that the archive refuses are done without.
    ``retrieve`` None: C-GET when it is offered, else C-MOVE. ``no_delay`` False is for measuring what TCP_NODELAY and TCP_QUICKACK give.
    Refused: titles beyond 16 printable characters, ports out of range, another machine without TLS unless ``plain_text``.
    """

    host: str
    port: int
    ae_title: str
    own_ae_title: str = "HEPAFLOW"
    listen_host: str = "127.0.0.1"
    listen_port: int | None = None
    retrieve: Literal["get", "move"] | None = None
    tls: Tls | None = None
    plain_text: bool = False
    timing: Timing = Timing()
    associations: int = 4
    no_delay: bool = True

    def __post_init__(self) -> None:
        for title in (self.ae_title, self.own_ae_title):
            check_title(title)
        for port in (self.port, self.listen_port):
            if port is not None:
                check_port(port)
        if self.retrieve == "move" and self.listen_port is None:
            raise UsageError(
                "PACS-NO-PORT", "C-MOVE needs a port to receive on", "Give listen_port, and register it in the archive"
            )
        check_plain(self.host, self.tls is not None or self.plain_text)


@dataclass(frozen=True, slots=True)
class WebPeer:
    """An archive that speaks DICOMweb at ``url``; ``password`` never shows in a representation.

    Refused: a URL that is none, or holds a password; http to another machine unless ``plain_text``.
    """

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    plain_text: bool = False
    timing: Timing = Timing()

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise UsageError("PACS-URL", "the URL is not one of http or https", "Write url = 'https://host/dicom-web'")
        if parts.username or parts.password:
            raise UsageError(
                "PACS-URL", "the URL holds a user or a password", "Give user, and password_env: the variable that holds it"
            )
        if (self.user is None) != (self.password is None):
            raise UsageError("PACS-PASSWORD", "user and password go together", "Give both user and password_env")
        check_plain(parts.hostname or "", parts.scheme == "https" or self.plain_text)


Peer = DimsePeer | WebPeer


def check_title(title: str) -> None:
    """Refused: an application entity title that is empty, longer than 16 characters, or holds others than printable ASCII."""
    if not (title.strip() and len(title) <= AE_CHARACTERS and title.isascii() and title.isprintable() and "\\" not in title):
        raise UsageError("PACS-TITLE", "an application entity title is not valid", "Use 1 to 16 printable ASCII characters")


def check_port(port: int) -> None:
    """Refused: a port outside 1 to 65535."""
    if not 1 <= port <= 65535:
        raise UsageError("PACS-PORT", "a port lies outside 1 to 65535", "Check the ports of the configuration")


def check_plain(host: str, allowed: bool) -> None:
    """Refused: patients' data in plain text to another machine, unless it is asked for by name."""
    if not allowed and not is_loopback(host):
        raise UsageError(
            "PACS-PLAIN-TEXT",
            "the connection to another machine is not encrypted",
            "Give a [tls] table or https, or write plain_text = true where the network itself is protected",
        )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name.

    >>> is_loopback("localhost"), is_loopback("127.0.0.2"), is_loopback("::1"), is_loopback("pacs.example")
    (True, True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
