"""Archives and the receiving node, from a TOML file: a table ``[pacs.NAME]`` an archive, and ``[receive]``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, TypeAdapter

from hepaflow.dicom.network.node import Node
from hepaflow.dicom.network.peer import DimsePeer, Peer, Timing, Tls, WebPeer
from hepaflow.errors import UsageError
from hepaflow.workflow.typed import Part, checked_toml

#: Names the file where --config does not.
VARIABLE = "HEPAFLOW_PACS"

Seconds = Annotated[float, Field(gt=0, le=3600)]
Port = Annotated[int, Field(ge=1, le=65535)]


class _Tls(Part):
    trusted: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class _Timing(Part):
    connect_s: Seconds = 10.0
    answer_s: Seconds = 60.0
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    wait_s: Annotated[float, Field(ge=0, le=600)] = 1.0


class _Dimse(Part):
    kind: Literal["dimse"]
    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Port
    ae_title: str
    own_ae_title: str = "HEPAFLOW"
    listen_host: str = "127.0.0.1"
    listen_port: Port | None = None
    retrieve: Literal["get", "move"] | None = None
    associations: Annotated[int, Field(ge=1, le=16)] = 4
    tls: _Tls | None = None
    plain_text: bool = False
    timing: _Timing = _Timing()


class _Web(Part):
    kind: Literal["dicomweb"]
    url: str
    user: str | None = None
    password_env: str | None = None
    tls: _Tls | None = None
    plain_text: bool = False
    timing: _Timing = _Timing()


class Rule(Part):
    """Which studies are analysed: those that hold a series of ``modality`` and whose protocol check gives nothing worse than ``worst``."""

    modality: Annotated[str, Field(pattern=r"^[A-Z]{2,16}$")] = "CT"
    worst: Literal["pass", "warn", "fail"] = "warn"


class Receive(Part):
    """The node: who may send, when a study is complete, what is done with it then.

    A study is complete when nothing of it came for ``quiet_s``, or at once when it holds ``complete_at`` objects. ``plan`` is a file as
    of ``hepaflow analyze --config``; ``send_to`` the archive that gets the results; ``least_free_gb`` the room on disk below which objects are refused.
    """

    port: Port
    calling: tuple[str, ...]
    peers: tuple[str, ...] = ("127.0.0.1",)
    host: str = "127.0.0.1"
    ae_title: str = "HEPAFLOW"
    idle_s: Seconds = 60.0
    tls: _Tls | None = None
    plain_text: bool = False
    quiet_s: Seconds = 60.0
    complete_at: Annotated[int, Field(ge=1)] | None = None
    least_free_gb: Annotated[float, Field(ge=0)] = 5.0
    analyze: Rule | None = Rule()
    plan: Path | None = None
    send_to: str | None = None


class Config(Part):
    """All of the file; paths in it are relative to where it lies."""

    pacs: dict[str, Annotated[_Dimse | _Web, Field(discriminator="kind")]] = Field(default_factory=dict)
    receive: Receive | None = None
    _folder: Path = PrivateAttr(default=Path())

    def peer(self, name: str) -> Peer:
        """The archive of that name, its password taken from the variable that the file names. Refused: no such archive, no such variable."""
        found = self.pacs.get(name)
        if found is None:
            raise UsageError("PACS-UNKNOWN", "the configuration has no archive of that name", "Give one of its [pacs.NAME] tables")
        timing, tls = Timing(**found.timing.model_dump()), self._tls(found.tls)
        if isinstance(found, _Dimse):
            return DimsePeer(
                **found.model_dump(exclude={"kind", "tls", "timing"}),
                tls=tls,
                timing=timing,
            )
        password = None if found.password_env is None else os.environ.get(found.password_env)
        if found.password_env is not None and not password:
            raise UsageError("PACS-PASSWORD", "the variable of password_env is not set", "Set it in the environment")
        return WebPeer(found.url, found.user, password, tls=tls, plain_text=found.plain_text, timing=timing)

    def node(self) -> tuple[Node, Receive]:
        """The receiving node and its settings. Refused: a file without [receive], results to an archive that is not there."""
        found = self.receive
        if found is None:
            raise UsageError("RECEIVE-MISSING", "the configuration has no [receive] table", "Write one: see the page on archives")
        if found.send_to is not None:
            self.peer(found.send_to)
        node = Node(
            found.ae_title,
            found.port,
            found.calling,
            found.peers,
            found.host,
            self._tls(found.tls),
            found.plain_text,
            found.idle_s,
        )
        return node, found

    def path(self, given: Path | None) -> Path | None:
        """A path of the file, from where the file lies."""
        return None if given is None else self._folder / given

    def _tls(self, given: _Tls | None) -> Tls | None:
        return None if given is None else Tls(self.path(given.trusted), self.path(given.certificate), self.path(given.key))


def load(given: Path | None) -> Config:
    """The file at ``given``, else at ``HEPAFLOW_PACS``. Refused: neither, a file that is not readable TOML, unknown keys, values out of range."""
    named = os.environ.get(VARIABLE)
    if given is None and not named:
        raise UsageError("PACS-NO-CONFIG", "no configuration of archives is given", f"Give --config FILE or set {VARIABLE}")
    path = given if given is not None else Path(str(named))
    config: Config = checked_toml(
        TypeAdapter(Config),
        path,
        code="PACS-CONFIG",
        advice="Check the keys of [pacs.NAME] and [receive]: see the page on archives",
    )
    config._folder = path.absolute().parent
    return config
