"""``hepaflow receive`` and ``hepaflow pacs`` as commands: stored, killed, resumed, analysed by rule, sent on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orthanc
import pytest
from pydicom import Dataset, dcmread
from tiny_study import tiny, write

from hepaflow import cli
from hepaflow.dicom.network import archive as archives
from hepaflow.dicom.network.objects import outgoing
from hepaflow.dicom.network.peer import DimsePeer, Timing
from hepaflow.errors import OutputFailed, UsageError
from hepaflow.workflow import pacs_config
from hepaflow.workflow import receive as node

HEPAFLOW = [sys.executable, "-c", "from hepaflow.cli import main; main()"]
CANARIES = ("Doe", "Jane", "1.2.3", "19500101", "20240314", "P1")
#: Of a busy machine.
PATIENCE_S = 60.0


class Node:
    """A node in a process of its own."""

    def __init__(self, folder: Path, table: str) -> None:
        self.folder, self.port, self.started = folder, orthanc.free_port(), 0
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "pacs.toml"
        self.config.write_text(f'[receive]\nport = {self.port}\nae_title = "NODE"\ncalling = ["US"]\nleast_free_gb = 0\n{table}')
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.started += 1
        with (self.folder / "log").open("ab") as log:
            command = [*HEPAFLOW, "receive", "--config", str(self.config), "--data", str(self.folder / "data")]
            self.process = subprocess.Popen(command, stderr=log, stdout=log)
        self.wait(lambda: len(self.said("listening")) == self.started)

    def end(self, how: int) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.log() if line["event"] == event]

    def wait(self, holds: Callable[[], bool], *, patience_s: float = PATIENCE_S) -> None:
        end = time.monotonic() + patience_s
        while not holds():
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.05)

    def peer(self, title: str = "US") -> DimsePeer:
        return DimsePeer("127.0.0.1", self.port, "NODE", title, timing=Timing(5.0, 20.0, 0, 0.01))

    def files(self) -> list[Path]:
        return sorted((self.folder / "data" / "incoming").rglob("*.dcm"))


@pytest.fixture
def make_node(tmp_path: Path):
    made: list[Node] = []

    def make(table: str = "") -> Node:
        made.append(Node(tmp_path / f"node{len(made)}", table))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_killed_in_the_middle_it_goes_on_and_says_what_became_of_the_study(make_node, tmp_path: Path) -> None:
    objects = outgoing(write(tiny(), tmp_path / "study"))
    receiver = make_node('quiet_s = 3600\ncomplete_at = 24\n[receive.analyze]\nworst = "fail"\n')
    receiver.start()
    archives.store(receiver.peer(), objects[:15])
    assert receiver.end(signal.SIGKILL) == -signal.SIGKILL
    arriving = receiver.folder / "data" / "arriving" / ".hepaflow-tmp-half"
    arriving.write_bytes(b"half a file")
    assert len(receiver.files()) == 15

    receiver.start()
    assert not arriving.exists()
    archives.store(receiver.peer(), objects)  # the first 15 a second time
    receiver.wait(lambda: bool(receiver.said("study-refused")))
    assert len(receiver.files()) == 24
    # too small to be a liver: the analysis is refused by name, once, and the node goes on
    assert [line["objects"] for line in receiver.said("study-complete")] == [24]
    (refused,) = receiver.said("study-refused")
    (state,) = (receiver.folder / "data" / "state").iterdir()
    assert json.loads(state.read_text())["code"] == refused["code"]
    assert receiver.end(signal.SIGTERM) == 0

    receiver.start()
    time.sleep(3 * node.LOOK_S)
    assert receiver.end(signal.SIGTERM) == 0
    assert len(receiver.said("study-complete")) == 1  # not a second time for the same content
    assert len(receiver.said("stopped")) == 2
    text = (receiver.folder / "log").read_text()
    names = " ".join(path.as_posix() for path in (receiver.folder / "data").rglob("*"))
    assert [canary for canary in CANARIES if canary in text or canary in names] == []


def test_a_study_is_complete_when_nothing_more_came_and_again_when_more_comes(make_node, tmp_path: Path) -> None:
    objects = outgoing(write(tiny(), tmp_path / "study"))
    receiver = make_node('quiet_s = 1\n[receive.analyze]\nmodality = "MR"\n')
    receiver.start()
    archives.store(receiver.peer(), objects[:3])
    receiver.wait(lambda: bool(receiver.said("study-left")))
    archives.store(receiver.peer(), objects[3:])
    receiver.wait(lambda: len(receiver.said("study-left")) == 2)
    assert [line["objects"] for line in receiver.said("study-complete")] == [3, 24]
    assert {line["code"] for line in receiver.said("study-left")} == {"RULE-MODALITY"}
    assert not (receiver.folder / "data" / "cases").exists()


def test_callers_and_contradictions_are_said_by_code(make_node, tmp_path: Path) -> None:
    receiver = make_node("quiet_s = 3600\n")
    receiver.start()
    images = tiny()[:1]
    archives.store(receiver.peer(), outgoing(write(images, tmp_path / "a")))
    images[0].ds.PatientName = "Doe^Other"
    answers = archives.store(receiver.peer(), outgoing(write(images, tmp_path / "b")))
    assert list(answers.refused.values()) == ["0xC001"]
    with suppress(Exception):
        archives.echo(receiver.peer("STRANGER"))
    receiver.wait(lambda: bool(receiver.said("caller-refused")))
    assert [line["code"] for line in receiver.said("object-refused")] == ["RECEIVE-CONTRADICTS"]
    assert receiver.said("caller-refused")[0]["code"] == "NODE-CALLER-REFUSED"
    assert "STRANGER" not in (receiver.folder / "log").read_text()


def test_a_data_folder_has_one_node(tmp_path: Path) -> None:
    config = tmp_path / "pacs.toml"
    config.write_text(f'[receive]\nport = {orthanc.free_port()}\ncalling = ["US"]\n')
    loaded = pacs_config.load(config)

    def second() -> bool:
        with pytest.raises(OutputFailed, match="RECEIVE-LOCKED"):
            node.receive(loaded, tmp_path / "data", lambda *_, **__: None)
        return True

    node.receive(loaded, tmp_path / "data", lambda *_, **__: None, stop=second)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.app([str(word) for word in words], prog_name="hepaflow")
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def configured(folder: Path, archive: orthanc.Orthanc) -> Path:
    path = folder / "archives.toml"
    path.write_text(
        f'[pacs.dimse]\nkind = "dimse"\nhost = "127.0.0.1"\nport = {archive.dimse}\nae_title = "{orthanc.TITLE}"\n'
        f'[pacs.web]\nkind = "dicomweb"\nurl = "{archive.web}"\n'
        f'[pacs.dead]\nkind = "dimse"\nhost = "127.0.0.1"\nport = {orthanc.free_port()}\nae_title = "X"\n'
    )
    return path


def test_the_commands_end_with_the_codes_of_the_contract(
    archive: orthanc.Orthanc, tmp_path: Path, command: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(pacs_config.VARIABLE, str(configured(tmp_path, archive)))
    study = write(tiny(), tmp_path / "study")
    assert command("pacs", "echo", "dimse") == (0, "the archive answers\n", "")
    code, out, _ = command("pacs", "send", "web", study, "--json")
    assert (code, json.loads(out)["sent"]) == (0, 24)
    code, out, _ = command("pacs", "find", "dimse", "--name", "Doe*", "--json")
    assert [row["study_uid"] for row in json.loads(out)["studies"]] == ["1.2.3.1"]
    assert "Doe^Jane" in command("pacs", "find", "web", "--patient-id", "P1")[1]
    assert command("pacs", "find", "web", "--patient-id", "P9") == (0, "no study matches\n", "")
    fetched = command("pacs", "fetch", "dimse", "1.2.3.1", "--out", tmp_path / "out")
    assert fetched == (0, "24 instances: 24 fetched, 0 were there\n", "")
    for words, code, said in (
        (("pacs", "echo", "dead"), 3, "PACS-UNREACHABLE"),
        (("pacs", "echo", "other"), 2, "PACS-UNKNOWN"),
        (("pacs", "find", "dimse"), 2, "FIND-ALL"),
        (("pacs", "fetch", "web", "1.2.3.77", "--out", tmp_path / "o"), 3, "PACS-NO-STUDY"),
        (("receive",), 2, "RECEIVE-MISSING"),
    ):
        ended, out, err = command(*words)
        assert (ended, out, err.split(":")[0]) == (code, "", said)
        assert err.count("\n") == 1
    monkeypatch.delenv(pacs_config.VARIABLE)
    assert command("pacs", "echo", "web")[2].startswith("PACS-NO-CONFIG")


def test_objects_that_a_node_refuses_end_the_command_with_4(make_node, tmp_path: Path, command) -> None:
    receiver = make_node("quiet_s = 3600\n")
    receiver.start()
    images = tiny()[:2]
    archives.store(receiver.peer(), outgoing(write(images[:1], tmp_path / "a")))
    images[0].ds.PatientName = "Doe^Other"
    config = tmp_path / "to.toml"
    config.write_text(
        f'[pacs.node]\nkind = "dimse"\nhost = "127.0.0.1"\nport = {receiver.port}\nae_title = "NODE"\nown_ae_title = "US"\n'
    )
    ended = command("pacs", "send", "node", write(images, tmp_path / "b"), "--config", config)
    assert ended == (4, "1 sent (not verified), 0 already there\n1 refused: 0xC001\n", "")


def use(path: Path) -> None:
    loaded = pacs_config.load(path)
    if loaded.receive is not None:
        loaded.node()
    loaded.peer("a")


def test_configurations_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pacs.toml"
    web = '[pacs.a]\nkind = "dicomweb"\nurl = "https://x"\nuser = "u"\npassword_env = "HEPAFLOW_TEST_PASSWORD"\n'
    for text, code in (
        ("[pacs", "PACS-CONFIG-UNREADABLE"),
        ('[pacs.a]\nkind = "fax"\n', "PACS-CONFIG-INVALID"),
        ('[pacs.a]\nkind = "dimse"\nhost = "h"\nport = 70000\nae_title = "A"\n', r"PACS-CONFIG-INVALID: port"),
        (web + 'password = "secret"\n', "PACS-CONFIG-INVALID: the file holds a key"),
        (web, "PACS-PASSWORD"),
        ('[pacs.a]\nkind = "dimse"\nhost = "pacs.example"\nport = 104\nae_title = "A"\n', "PACS-PLAIN-TEXT"),
        ('[receive]\nport = 1\ncalling = ["A"]\nsend_to = "nobody"\n', "PACS-UNKNOWN"),
    ):
        path.write_text(text)
        with pytest.raises(UsageError, match=code):
            use(path)
    monkeypatch.setenv("HEPAFLOW_TEST_PASSWORD", "secret")
    path.write_text(web)
    assert getattr(pacs_config.load(path).peer("a"), "password", None) == "secret"


def instances(folder: Path) -> dict[str, Dataset]:
    read = [dcmread(path) for path in folder.rglob("*.dcm")]
    return {str(ds.SOPInstanceUID): ds for ds in read}


@pytest.mark.slow
def test_study_in_analysed_results_back_in_the_archive_fetched_again_the_same_numbers(
    make_node, archive: orthanc.Orthanc, tmp_path: Path, command
) -> None:
    from hepaflow.dicom.write_ct import write_study
    from hepaflow.phantom import PhantomSpec, build

    write_study(build(PhantomSpec()).series, tmp_path / "study", patient_id="P1", patient_name="Doe^Jane", uid_seed="round trip")
    plan = 'model = "max-slope"\n[motion]\nmethod = "none"\n'
    receiver = make_node(
        'quiet_s = 2\nplan = "plan.toml"\nsend_to = "archive"\n'
        f'[pacs.archive]\nkind = "dimse"\nhost = "127.0.0.1"\nport = {archive.dimse}\nae_title = "{orthanc.TITLE}"\n'
    )
    (receiver.folder / "plan.toml").write_text(plan)
    receiver.start()
    objects = outgoing(tmp_path / "study")
    archives.store(receiver.peer(), objects)
    receiver.wait(lambda: bool(receiver.said("study-analysed")), patience_s=400.0)
    (done,) = receiver.said("study-analysed")
    assert "code" not in done, receiver.log()

    (case,) = (receiver.folder / "data" / "cases").iterdir()
    made = instances(case / "dicom")
    assert done["sent"] == len(made) == archive.rest("/statistics")["CountInstances"]
    config = configured(tmp_path, archive)
    for way in ("dimse", "web"):
        out = tmp_path / way
        assert command("pacs", "fetch", way, objects[0].identity.study_uid, "--out", out, "--config", config)[0] == 0
        assert instances(out) == made
