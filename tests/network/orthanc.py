"""A real Orthanc on loopback for tests, and a proxy that cuts connections."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
PLUGINS = Path("/usr/share/orthanc/plugins")
TITLE, OWN = "ORTHANC", "HEPAFLOW"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Orthanc:
    """A running archive."""

    dimse: int
    http: int
    back: int
    process: subprocess.Popen[bytes]

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.http}/dicom-web"

    def rest(self, path: str, *, method: str = "GET") -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            data = answer.read()
        return json.loads(data) if "json" in answer.headers["Content-Type"] else data

    def clear(self) -> None:
        for study in self.rest("/studies"):
            self.rest(f"/studies/{study}", method="DELETE")


def start(folder: Path, *, modality: dict[str, bool] | None = None, **more: Any) -> Orthanc:
    if not Path(PROGRAM).exists() or not (PLUGINS / "libOrthancDicomWeb.so").exists():
        pytest.skip("Orthanc is not installed (Debian: orthanc orthanc-dicomweb)")
    dimse, http, back = free_port(), free_port(), free_port()
    settings = {
        "Name": "test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": http,
        "DicomPort": dimse,
        "DicomAet": TITLE,
        "DicomCheckCalledAet": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": False,
        "DicomAlwaysAllowEcho": False,
        "SynchronousCMove": True,
        "Plugins": [str(PLUGINS / "libOrthancDicomWeb.so")],
        "DicomModalities": {
            "self": {
                "AET": OWN,
                "Host": "127.0.0.1",
                "Port": back,
                "AllowEcho": True,
                "AllowStore": True,
                "AllowFind": True,
                "AllowGet": True,
                "AllowMove": True,
                "AllowStorageCommitment": True,
            }
            | (modality or {})
        },
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    } | more
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "orthanc.json"
    file.write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, str(file)], stdout=log, stderr=log)
    running = Orthanc(dimse, http, back, process)
    for _ in range(200):
        try:
            running.rest("/system")
            return running
        except urllib.error.HTTPError:  # it runs, and asks for a password
            return running
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    process.kill()
    raise AssertionError((folder / "log").read_text())


class Cutter:
    """A TCP proxy: ``cuts`` connections end, each after ``after`` bytes towards the archive or from it; the others are let through."""

    def __init__(self, port: int, *, after: int, cuts: int = 1, way: str = "up") -> None:
        self.target, self.after, self.left, self.way = port, after, cuts, way
        self.lock = threading.Lock()
        self.connections = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            archive = socket.create_connection(("127.0.0.1", self.target))
            for source, sink, way in ((client, archive, "up"), (archive, client, "down")):
                threading.Thread(target=self._pump, args=(source, sink, way == self.way), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, limited: bool) -> None:
        passed = 0
        try:
            while data := source.recv(65536):
                passed += len(data)
                if limited and passed > self.after and self._take_a_cut():
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _take_a_cut(self) -> bool:
        with self.lock:
            cut = self.left > 0
            self.left -= cut
            return cut

    def close(self) -> None:
        self.server.close()
