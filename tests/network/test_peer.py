"""Peers, nodes, searches and UIDs: what is accepted and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from hepaflow.dicom.network.node import Node
from hepaflow.dicom.network.objects import is_uid
from hepaflow.dicom.network.peer import Cut, DimsePeer, Timing, Tls, WebPeer, is_loopback
from hepaflow.dicom.network.studies import StudyQuery, row
from hepaflow.errors import InputRefused, UsageError


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ae_title": ""}, "PACS-TITLE"),
        ({"ae_title": " "}, "PACS-TITLE"),
        ({"ae_title": "A" * 17}, "PACS-TITLE"),
        ({"ae_title": "A\\B"}, "PACS-TITLE"),
        ({"own_ae_title": "Ä"}, "PACS-TITLE"),
        ({"own_ae_title": "A\n"}, "PACS-TITLE"),
        ({"port": 0}, "PACS-PORT"),
        ({"port": 65536}, "PACS-PORT"),
        ({"listen_port": 0}, "PACS-PORT"),
        ({"retrieve": "move"}, "PACS-NO-PORT"),
        ({"host": "pacs.example"}, "PACS-PLAIN-TEXT"),
        ({"host": "10.0.0.1"}, "PACS-PLAIN-TEXT"),
    ],
)
def test_a_dimse_peer_that_is_refused(change, code):
    with pytest.raises(UsageError, match=code):
        DimsePeer(**({"host": "127.0.0.1", "port": 104, "ae_title": "A"} | change))


@pytest.mark.parametrize("change", [{"ae_title": "A" * 16}, {"port": 65535}, {"retrieve": "move", "listen_port": 1}])
def test_a_dimse_peer_at_its_limits(change):
    DimsePeer(**({"host": "127.0.0.1", "port": 1, "ae_title": "A"} | change))
    DimsePeer("pacs.example", 104, "A", plain_text=True)
    DimsePeer("pacs.example", 104, "A", tls=Tls())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"url": "ftp://localhost"}, "PACS-URL"),
        ({"url": "localhost/dicom-web"}, "PACS-URL"),
        ({"url": "http://"}, "PACS-URL"),
        ({"url": "http://[::1"}, "PACS-URL"),
        ({"url": "http://u:p@localhost"}, "PACS-URL"),
        ({"url": "http://pacs.example"}, "PACS-PLAIN-TEXT"),
        ({"user": "u"}, "PACS-PASSWORD"),
        ({"password": "p"}, "PACS-PASSWORD"),
    ],
)
def test_a_web_peer_that_is_refused(change, code):
    with pytest.raises(UsageError, match=code):
        WebPeer(**({"url": "http://localhost/dicom-web"} | change))


def test_https_and_plain_text_by_name_are_taken():
    WebPeer("https://pacs.example/dicom-web")
    WebPeer("http://pacs.example/dicom-web", plain_text=True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"calling": ()}, "NODE-NOBODY"),
        ({"peers": ()}, "NODE-NOBODY"),
        ({"calling": ("A" * 17,)}, "PACS-TITLE"),
        ({"port": 0}, "PACS-PORT"),
        ({"host": "0.0.0.0"}, "PACS-PLAIN-TEXT"),
        ({"tls": Tls()}, "PACS-TLS"),
    ],
)
def test_a_node_that_is_refused(change, code):
    with pytest.raises(UsageError, match=code):
        Node(**({"ae_title": "N", "port": 104, "calling": ("A",)} | change))


def test_tls_files_are_there_and_go_together(tmp_path: Path):
    pem = tmp_path / "a.pem"
    pem.write_text("-")
    for given_files in (Tls, lambda: Tls(pem), lambda: Tls(pem, pem, pem)):
        given_files()
    with pytest.raises(UsageError, match=r"PACS-TLS.*its key"):
        Tls(certificate=pem)
    with pytest.raises(UsageError, match=r"PACS-TLS.*not there"):
        Tls(tmp_path / "b.pem")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example", "127.0.0.1.example", "0.0.0.0", "::", "10.0.0.1", "", "128.0.0.1"])
def test_not_loopback(host):
    assert not is_loopback(host)


@given(st.integers(0, 5), st.integers(0, 8))
def test_work_is_tried_again_as_often_as_said(retries, cuts):
    tried = []

    def work():
        tried.append(1)
        if len(tried) <= cuts:
            raise Cut
        return "done"

    timing = Timing(retries=retries, wait_s=0.0)
    if cuts <= retries:
        assert timing.persistently(work) == "done"
    else:
        with pytest.raises(InputRefused, match="PACS-CUT"):
            timing.persistently(work)
    assert len(tried) == min(cuts, retries) + 1


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=4))
def test_dotted_numbers_are_uids(numbers):
    assert is_uid(".".join(map(str, numbers)))


@given(st.text(max_size=70))
def test_what_is_a_uid_is_a_safe_word(text):
    if is_uid(text):
        assert set(text) <= set("0123456789.")
        assert not text.startswith(".")
        assert ".." not in text
        assert len(text) <= 64


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "FIND-ALL"),
        ({"patient_id": "*"}, "FIND-ALL"),
        ({"patient_id": "", "patient_name": "?*"}, "FIND-ALL"),
        ({"patient_id": "A\\B"}, "FIND-VALUE"),
        ({"patient_id": "A" * 65}, "FIND-VALUE"),
        ({"patient_name": "A\x1bB"}, "FIND-VALUE"),
        ({"date": "2024-03-14"}, "FIND-DATE"),
        ({"date": "-"}, "FIND-DATE"),
        ({"date": "202403"}, "FIND-DATE"),
    ],
)
def test_a_search_that_is_refused(asked, code):
    with pytest.raises(UsageError, match=code):
        StudyQuery(**asked)


@pytest.mark.parametrize("date", ["20240314", "20240314-", "-20240314", "20240301-20240314"])
def test_dates_of_a_search(date):
    assert StudyQuery(date=date).keys() == {"StudyDate": date}


def test_a_row_holds_no_control_characters_and_no_guess():
    answer = Dataset()
    answer.StudyInstanceUID, answer.PatientID = "1.2.3", "P\x1b[31m1"
    answer.ModalitiesInStudy = ["CT", "SR"]
    found = row(answer)
    assert (found.patient_id, found.modalities, found.series, found.instances, found.patient_name) == (
        "P[31m1",
        ("CT", "SR"),
        None,
        None,
        "",
    )
