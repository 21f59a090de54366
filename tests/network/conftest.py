"""One Orthanc for all tests of this folder, emptied before each."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orthanc
import pytest

from hepaflow.dicom.network.peer import DimsePeer, Peer, Timing, WebPeer

sys.path.insert(0, str(Path(__file__).parents[1] / "dicom"))

#: Short enough for tests, long enough for a busy machine.
TIMING = Timing(connect_s=5.0, answer_s=20.0, retries=3, wait_s=0.05)


#: pynetdicom 3.0.4 shuts a socket down before it closes it, and leaves one whose peer was first to the garbage collector.
LEFT_SOCKETS = "ignore:Exception ignored in. <(socket.socket|ssl.SSLSocket):pytest.PytestUnraisableExceptionWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings(LEFT_SOCKETS))


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """What a module leaves is collected in that module, not in tests of other rooms."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[orthanc.Orthanc]:
    archive = orthanc.start(tmp_path_factory.mktemp("orthanc"))
    yield archive
    archive.process.kill()
    archive.process.wait()


@pytest.fixture
def archive(running: orthanc.Orthanc) -> orthanc.Orthanc:
    running.clear()
    return running


@pytest.fixture
def peer_of(archive: orthanc.Orthanc) -> Callable[..., Peer]:
    """The archive as a peer: ``get``, ``move`` or ``web``, through ``port`` where a proxy stands between."""

    def make(way: str, *, port: int | None = None, timing: Timing = TIMING) -> Peer:
        if way == "web":
            return WebPeer(f"http://127.0.0.1:{port or archive.http}/dicom-web", timing=timing)
        return DimsePeer(
            "127.0.0.1",
            port or archive.dimse,
            orthanc.TITLE,
            orthanc.OWN,
            listen_port=archive.back if way == "move" else None,
            retrieve="move" if way == "move" else "get",
            timing=timing,
        )

    return make
