"""Sending side by side: the bytes are the library's own, and associations that an archive refuses are done without."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orthanc
import pytest
from pydicom import dcmread
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode, split_dataset
from pynetdicom.pdu import P_DATA_TF
from tiny_study import tiny, write

from hepaflow.dicom.network import archive, dimse_send
from hepaflow.dicom.network.objects import outgoing
from hepaflow.dicom.network.peer import DimsePeer, Timing
from hepaflow.errors import InputRefused

TIMING = Timing(5.0, 10.0, 1, 0.01)


def request_of(path: Path, *, decoded: bool) -> C_STORE:
    dataset = dcmread(path)
    request = C_STORE()
    request.MessageID, request.Priority = 7, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    if decoded:
        from io import BytesIO

        request.DataSet = BytesIO(encode(dataset, False, True) or b"")
    else:
        request._dataset_path = (path, split_dataset(path)[1])
    return request


@pytest.mark.parametrize("decoded", [False, True])
@pytest.mark.parametrize("largest", [0, 100, 107, 16384])
def test_the_bytes_on_the_wire_are_those_of_the_library(tmp_path: Path, largest: int, decoded: bool) -> None:
    path = sorted(write(tiny()[:1], tmp_path).rglob("*"))[-1]
    request = request_of(path, decoded=decoded)
    sent: list[bytes] = []
    link: Any = SimpleNamespace(
        dimse=SimpleNamespace(maximum_pdu_size=largest), dul=SimpleNamespace(socket=SimpleNamespace(send=sent.append))
    )
    dimse_send._whole(link, request, 5)
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    message.context_id = 5
    assert b"".join(sent) == b"".join(P_DATA_TF(data).encode() for data in message.encode_msg(5, largest))


def test_an_archive_with_room_for_one_association_gets_everything(tmp_path: Path) -> None:
    objects = outgoing(write(tiny(), tmp_path))
    came: list[str] = []
    entity = AE("ONE")
    entity.maximum_associations = 1
    entity.supported_contexts = AllStoragePresentationContexts
    entity.require_called_aet = True
    port = orthanc.free_port()

    def stored(event: Any) -> int:
        came.append(str(event.dataset.SOPInstanceUID))
        return 0

    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, stored)])
    peer = DimsePeer("127.0.0.1", port, "ONE", timing=TIMING, associations=4)
    try:
        answers = archive.store(peer, objects)
    finally:
        server.shutdown()  # type: ignore[union-attr]
    assert answers.taken == {one.identity.sop_uid for one in objects}
    assert sorted(came) == sorted(answers.taken)  # each once


def test_a_peer_that_stops_reading_is_a_cut(tmp_path: Path) -> None:
    """It says yes to the association and never reads again: the socket fills, and the wait has an end."""
    image = tiny()[0]
    image.ds.ImageComments = "x" * 10_240
    image.ds.add_new(0x00091010, "OB", bytes(16_000_000))
    image.ds.add_new(0x00090010, "LO", "TEST")
    objects = outgoing(write([image], tmp_path))
    entity = AE("DEAF")
    entity.supported_contexts = AllStoragePresentationContexts
    deaf: list[Any] = []

    def accepted(event: Any) -> None:
        deaf.append(event.assoc)
        event.assoc.dul.socket._is_connected = False  # no longer looks for data

    server = entity.start_server(
        ("127.0.0.1", port := orthanc.free_port()), block=False, evt_handlers=[(evt.EVT_ESTABLISHED, accepted)]
    )
    try:
        with pytest.raises(InputRefused, match="PACS-CUT"):
            archive.store(DimsePeer("127.0.0.1", port, "DEAF", timing=Timing(5.0, 0.5, 1, 0.01)), objects)
    finally:
        for one in deaf:
            one.dul.socket._is_connected = True
            if one.dul.socket.socket is not None:
                one.dul.socket.socket.shutdown(socket.SHUT_RDWR)
        server.shutdown()  # type: ignore[union-attr]
