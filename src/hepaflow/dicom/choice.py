"""Which of the study's images make up the dynamic series, and why the others were left aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hepaflow.dicom.headers import Instance, Slice
from hepaflow.dicom.stack import POSITION_MM, levels, normal_of
from hepaflow.dicom.times import CLOCKS
from hepaflow.errors import InputRefused

ORIENTATION = 1e-3
SPACING_MM = 1e-4


@dataclass(frozen=True, slots=True)
class SeriesFound:
    """One series of the study: its number in this study (1-based), what it holds in words, whether it is used, and why not."""

    number: int
    modality: str
    files: int
    role: str  # "dynamic" | "localizer" | "other"
    positions: int
    why: str = ""
    what: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The dynamic images, one tuple a series, and every series of the study.

    Refused, whatever was chosen and how: images of more than one matrix, spacing, orientation or frame of reference.
    """

    series: tuple[tuple[Slice, ...], ...]
    found: tuple[SeriesFound, ...]
    flags: tuple[str, ...]

    def __post_init__(self) -> None:
        refuse_change([s for part in self.series for s in part])


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """CT images of one series, all original or all derived. ``positions`` in mm along the normal, sorted; ``repeats`` the most a position occurs."""

    uid: str
    slices: tuple[Slice, ...]
    positions: tuple[float, ...]
    repeats: int

    @property
    def first(self) -> Slice:
        return self.slices[0]

    @property
    def derived(self) -> bool:
        return self.first.derived


def one_patient(instances: Iterable[Instance]) -> None:
    """Refused: files of more than one study or patient (another number; where a file has none, another name or date of birth)."""
    listed = [i for i in instances if i.kind != "directory"]
    studies = {i.study_uid for i in listed}
    people = {i.patient for i in listed}
    numbers = {person.number for person in people if person.number}
    if len(studies) > 1:
        raise InputRefused("STUDY-MIXED", f"the folder holds {len(studies)} studies", "Give the folder of one study")
    if len(numbers) > 1 or any(one.is_another(other) for one in people if not one.number for other in people):
        raise InputRefused("STUDY-MIXED", "the study holds files of several patients", "Separate the patients first")


def inventory(instances: Sequence[Instance]) -> tuple[SeriesFound, ...]:
    """Every series of the study before any choice, in the order of their first file; roles are localizer or other."""
    found = []
    for number, uid in enumerate(dict.fromkeys(i.series_uid for i in instances if i.kind != "directory"), start=1):
        members = [i for i in instances if i.series_uid == uid and i.kind != "directory"]
        kinds = {i.kind for i in members}
        role, why = "other", ""
        if kinds == {"localizer"}:
            role, why = "localizer", "localizer"
        elif "slice" not in kinds:
            why = "not CT images"
        images = [image for i in members for image in i.images]
        what = "; ".join(sorted({i.what for i in members}))
        found.append(SeriesFound(number, members[0].modality, len(members), role, len(_positions(images)), why, what))
    return tuple(found)


def choose(instances: Sequence[Instance]) -> Choice:
    """The dynamic series. Refused: none, several that cannot be one, matrix or frame of reference changing within them."""
    groups = _groups(image for i in instances for image in i.images)
    if not groups:
        raise InputRefused("STUDY-NO-CT", "the study holds no CT images", "Give the dynamic CT series")
    flags: list[str] = []
    original = [g for g in groups if not g.derived]
    chosen, why = _dynamic(original)
    if not chosen:
        chosen, more = _dynamic([g for g in groups if g.derived])
        why |= more
        flags += ["series-derived"] if chosen else []
    else:
        why |= {g.uid: "derived images" for g in groups if g.derived}
        _refuse_lost_pass(groups, chosen)
    if not chosen:
        raise InputRefused(
            "SERIES-NOT-DYNAMIC", "no CT series shows the same slices more than once", "Give the dynamic (perfusion) series"
        )
    if any(s.lossy for g in chosen for s in g.slices):
        flags.append("lossy-compression")
    uids = {g.uid for g in chosen}
    unused = _unused(instances, chosen)
    if any(unused.values()) or any(_is_between(g, chosen) for g in groups if g.derived and not chosen[0].derived):
        flags.append("images-left-aside")
    order = list(dict.fromkeys(i.series_uid for i in instances if i.kind != "directory"))
    found = tuple(
        replace(series, role="dynamic", why=_said(unused[uid]), positions=max(len(g.positions) for g in chosen if g.uid == uid))
        if uid in uids
        else replace(series, why=series.why or why.get(uid, "shown once, at other places"))
        for series, uid in zip(inventory(instances), order, strict=True)
    )
    return Choice(tuple(g.slices for g in chosen), found, tuple(flags))


def _refuse_lost_pass(groups: Sequence[_Group], chosen: list[_Group]) -> None:
    """Refused: images of the dynamic series marked as derived, made at a time between its originals: leaving them aside takes a pass out."""
    uids = {g.uid for g in chosen}
    if any(g.derived and g.uid in uids and _is_between(g, chosen) for g in groups):
        raise InputRefused(
            "SERIES-DERIVED-PASS",
            "passes of the dynamic series are marked as derived, and others as original",
            "Export the original images of every pass, or take the derived ones out",
        )


def _unused(instances: Sequence[Instance], chosen: list[_Group]) -> dict[str, int]:
    """Of every chosen series, how many of its images are not used: those of the other kind, localizers, pictures without a place."""
    used = {s.key for g in chosen for s in g.slices}
    return {
        uid: sum(len([s for s in i.images if s.key not in used]) if i.images else 1 for i in instances if i.series_uid == uid)
        for uid in {g.uid for g in chosen}
    }


def _said(unused: int) -> str:
    return f"{unused} of its images left aside: derived, localizer or without a place" if unused else ""


def _groups(images: Iterable[Slice]) -> list[_Group]:
    by_series: dict[tuple[str, bool], list[Slice]] = {}
    for image in images:
        by_series.setdefault((image.series_uid, image.derived), []).append(image)
    groups = []
    for (uid, _), members in by_series.items():
        positions = _positions(members)
        index = levels([_height(s, members[0]) for s in members])[1]
        repeats = max(Counter(index).values())
        groups.append(_Group(uid, tuple(members), positions, repeats))
    return groups


def _dynamic(groups: list[_Group]) -> tuple[list[_Group], dict[str, str]]:
    """The groups that are the dynamic series (none when nothing is dynamic), and why the others are not."""
    for group in groups:
        if group.repeats > 1 and len(group.positions) > 1:
            refuse_change(group.slices)
    sets: list[list[_Group]] = []
    for group in groups:
        for known in sets:
            if _same_plane(known[0].first, group.first) and known[0].first.frame_uid == group.first.frame_uid:
                known.append(group)
                break
        else:
            sets.append([group])
    best = max((_joined(s) for s in sets), key=_weight, default=[])
    if sum(g.repeats for g in best) < 2:
        return [], {}
    why = {}
    for group in groups:
        if group in best:
            continue
        why[group.uid] = _why_not(group, best)
    return best, why


def _joined(groups: list[_Group]) -> list[_Group]:
    """Of groups in one plane, those that cover the same slices as most do."""
    several = [g for g in groups if g.repeats > 1]
    usual = Counter(len(g.positions) for g in (several or groups)).most_common()
    count = max(n for n, often in usual if often == usual[0][1])
    model = max((g for g in (several or groups) if len(g.positions) == count), key=lambda g: g.repeats)
    return [g for g in groups if (g in several and len(g.positions) > 1) or _covers(g, model)] or groups[:1]


def _covers(group: _Group, model: _Group) -> bool:
    """At most as many slices as the model, half of them at least, at the model's places (a slice may be missing)."""
    if not len(model.positions) / 2 < len(group.positions) <= len(model.positions):
        return False
    there = np.array(model.positions)
    return all(np.abs(there - p).min() <= POSITION_MM for p in group.positions)


def _is_between(group: _Group, best: list[_Group]) -> bool:
    """Some of it made after the first image of the dynamic series and before its last, and all at times that are none of theirs: a pass, and not their twin."""
    theirs = [s.clocks for g in best for s in g.slices]
    for name in CLOCKS:
        if all(name in clocks for clocks in theirs) and all(name in s.clocks for s in group.slices):
            known, own = {clocks[name] for clocks in theirs}, {s.clocks[name] for s in group.slices}
            return not own & known and any(min(known) < time < max(known) for time in own)
    return False


def _lies_in(image: Slice, model: _Group) -> bool:
    """At one of the model's places."""
    return bool(np.abs(np.array(model.positions) - _height(image, model.first)).min() <= POSITION_MM)


def _weight(groups: list[_Group]) -> tuple[bool, int]:
    passes = sum(g.repeats for g in groups)
    return passes > 1, passes * max(len(g.positions) for g in groups)


def _why_not(group: _Group, best: list[_Group]) -> str:
    model = max(best, key=lambda g: g.repeats)
    several = len(group.positions) > 1
    if several and any(_same_plane(model.first, s) and _lies_in(s, model) for s in group.slices):
        refuse_change(group.slices)  # else a pass with some odd images would be left aside without a word
    twin = several and _same_plane(model.first, group.first) and _covers(group, model)
    if group.first.frame_uid != model.first.frame_uid and (twin or (several and group.repeats > 1)):
        raise InputRefused(
            "SERIES-FRAME", "dynamic series have different frames of reference", "Give series that share one frame of reference"
        )
    if several and group.repeats > 1:
        raise InputRefused(
            "SERIES-GEOMETRY",
            "the study holds dynamic series of different matrix, spacing, orientation or coverage",
            "Give one reconstruction of the dynamic series",
        )
    if several and all(_lies_in(s, model) for s in group.slices) and _is_between(group, best):
        refuse_change([*model.slices, *group.slices])
    if group.repeats > 1:
        return "one slice followed over time (bolus monitoring)"
    return "shown once, at other places"


def refuse_change(images: Sequence[Slice]) -> None:
    """Refused: images that differ in matrix, frame of reference, spacing or orientation from the first of them."""
    first = images[0]
    if any((s.pixels.rows, s.pixels.columns) != (first.pixels.rows, first.pixels.columns) for s in images):
        raise InputRefused("SERIES-MATRIX", "the matrix changes within the dynamic series", "Give one reconstruction")
    if any(s.frame_uid != first.frame_uid for s in images):
        raise InputRefused("SERIES-FRAME", "the frame of reference changes within the dynamic series", "Give one acquisition")
    if not all(_same_plane(first, s) for s in images):
        raise InputRefused("SERIES-GEOMETRY", "spacing or orientation changes within the dynamic series", "Give one reconstruction")


def _same_plane(a: Slice, b: Slice) -> bool:
    """Same matrix, orientation, spacing, and the same line through the first pixels."""
    if (a.pixels.rows, a.pixels.columns) != (b.pixels.rows, b.pixels.columns):
        return False
    return _near(a.orientation, b.orientation, ORIENTATION) and _near(a.spacing, b.spacing, SPACING_MM)


def _near(a: Sequence[float], b: Sequence[float], most: float) -> bool:
    """No number further than ``most`` from its like; asked of every image, so without arrays."""
    return all(abs(x - y) <= most for x, y in zip(a, b, strict=True))


def _height(image: Slice, model: Slice) -> float:
    return float(np.dot(image.position, normal_of(model.orientation)))


def _positions(images: Sequence[Slice]) -> tuple[float, ...]:
    return tuple(levels([_height(s, images[0]) for s in images])[0]) if images else ()
