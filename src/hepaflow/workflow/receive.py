"""A node that keeps what a scanner or an archive sends, analyses a study when it is complete, and may send the results on."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hepaflow.dicom.network.node import listening
from hepaflow.dicom.network.peer import Peer
from hepaflow.errors import HepaflowError, OutputFailed
from hepaflow.store import atomic
from hepaflow.store.case import Case
from hepaflow.workflow import pacs, plan
from hepaflow.workflow.pacs_config import Config, Receive, Rule
from hepaflow.workflow.receive_inbox import Inbox, Log, Outcome, content

#: How often the node looks whether a study is complete.
LOOK_S = 0.5
#: When what failed for want of room or of an archive is tried again.
AGAIN_S = 300.0
_ORDER = ("pass", "unknown", "warn", "fail")
#: Raised by the caller's signal handler, or by a test: ends the node.
Stop = Callable[[], bool]


def receive(config: Config, data: Path, log: Log, *, stop: Stop = lambda: False) -> None:
    """Runs until ``stop`` or an interrupt. Objects go to ``data/incoming``, cases to ``data/cases``, what became of a study to ``data/state``.

    Refused: a configuration without [receive] or with a plan that does not hold, a port in use, a data folder that another node uses.
    """
    node, settings = config.node()
    work = _Work(
        settings,
        plan.load(config.path(settings.plan)),
        None if settings.send_to is None else config.peer(settings.send_to),
        data,
        log,
    )
    with _alone(data):
        inbox = Inbox(data, least_free_gb=settings.least_free_gb, log=log)
        with listening(node, inbox.take, lambda code: log("caller-refused", code=code)):
            log("listening", port=node.port)
            while not stop():
                for study in inbox.studies():
                    work.look(inbox, study)
                time.sleep(LOOK_S)


@dataclass(slots=True)
class _Work:
    """One study at a time. State: studies with nothing left to do until they change, and when to try again."""

    settings: Receive
    plan: plan.Plan
    archive: Peer | None
    data: Path
    log: Log
    done: dict[str, int] = field(default_factory=dict)
    again: dict[str, float] = field(default_factory=dict)

    def look(self, inbox: Inbox, study: Path) -> None:
        """Works on the study if it is complete and not done."""
        changed = study.stat()
        if self.done.get(study.name) == changed.st_mtime_ns or time.monotonic() < self.again.get(study.name, 0.0):
            return
        digest, objects = content(study)
        before = inbox.outcome(study)
        if before is not None and before.content == digest and before.final:
            self.done[study.name] = changed.st_mtime_ns
            return
        quiet = abs(time.time() - changed.st_mtime) >= self.settings.quiet_s
        if not (quiet or objects == self.settings.complete_at):
            return
        self.log("study-complete", study=study.name, objects=objects)
        outcome = self._outcome(study, digest, objects)
        try:
            inbox.record(study, outcome)
            recorded = True
        except OutputFailed as failed:
            self.log("record-failed", study=study.name, code=failed.code)
            recorded = False
        # told once it is on record: who reads the log finds it there
        self.log(f"study-{outcome.outcome}", study=study.name, code=outcome.code, sent=outcome.sent)
        if outcome.final and recorded:
            self.done[study.name] = changed.st_mtime_ns
        else:
            self.again[study.name] = time.monotonic() + AGAIN_S

    def _outcome(self, study: Path, digest: str, objects: int) -> Outcome:
        """The outcome, whatever happens: one study that fails does not end the node."""
        rule = self.settings.analyze
        if rule is None:
            return Outcome(digest, objects, "kept")
        try:
            why = _against(rule, study)
            if why is not None:
                return Outcome(digest, objects, "left", why)
            self._analyze(study)
        except HepaflowError as error:
            return Outcome(digest, objects, "refused", error.code, final=not isinstance(error, OutputFailed))
        except MemoryError:
            return Outcome(digest, objects, "refused", "OUT-OF-MEMORY")
        except Exception:  # its message may hold a header's value
            return Outcome(digest, objects, "refused", "INTERNAL-ERROR")
        if self.archive is None:
            return Outcome(digest, objects, "analysed")
        return self._send(self.archive, study, digest, objects)

    def _analyze(self, study: Path) -> None:
        from hepaflow.workflow import one

        with Case(self.data / "cases" / study.name) as case:
            one.analyze(self.plan, study, case)

    def _send(self, archive: Peer, study: Path, digest: str, objects: int) -> Outcome:
        try:
            sent = pacs.send(archive, self.data / "cases" / study.name)
        except HepaflowError as error:
            return Outcome(digest, objects, "analysed", error.code, final=False)
        except Exception:  # as above
            return Outcome(digest, objects, "analysed", "INTERNAL-ERROR", final=False)
        for status, count in sorted(sent.refused.items()):
            self.log("results-refused", study=study.name, code=status, objects=count)
        code = "SEND-REFUSED" if sent.refused else "SEND-MISSING" if sent.missing else None
        return Outcome(digest, objects, "analysed", code, sent.sent + sent.already, final=code is None)


def _against(rule: Rule, study: Path) -> str | None:
    """Why the rule leaves a study alone, as a code; None when it does not. Refused: a study that cannot be assembled."""
    from hepaflow.dicom.survey import survey
    from hepaflow.workflow.protocol_check import check_study

    found = survey(study)
    if not any(one.modality == rule.modality for one in found.series):
        return "RULE-MODALITY"
    if found.refusal is not None:
        raise found.refusal
    if found.dynamic is not None and rule.worst != "fail":
        worst = max((_ORDER.index(one.verdict) for one in check_study(found.dynamic)), default=0)
        if worst > _ORDER.index(rule.worst):
            return "RULE-PROTOCOL"
    return None


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """The data folder for this process only; the kernel gives it back however the process ends."""
    with atomic.reporting("the data folder"):
        data.mkdir(parents=True, exist_ok=True)
        handle = (data / "receive.lock").open("w")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutputFailed("RECEIVE-LOCKED", "another node uses this data folder", "Give another --data") from None
        yield
