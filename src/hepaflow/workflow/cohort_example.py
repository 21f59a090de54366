"""Studies that come with the program: the thesis of Nancy 2019, from what it prints, and a synthetic cohort of its shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

from hepaflow.cohort.nancy2019 import accuracy, counts, printed, values
from hepaflow.cohort.nancy2019.check import Check
from hepaflow.cohort.nancy2019.synthetic import cohort
from hepaflow.cohort.study import Study
from hepaflow.errors import UsageError
from hepaflow.report import study_reproduction
from hepaflow.workflow.cohort_config import (
    AboutPart,
    ColumnPart,
    ExcludedPart,
    FlowPart,
    NextPart,
    ReadersPart,
    SizePart,
    StudyConfig,
    SurvivalPart,
    TestPart,
)
from hepaflow.workflow.cohort_run import Watch, run
from hepaflow.workflow.cohort_table import typed
from hepaflow.workflow.cohort_write import write

Made = Callable[[Path, Study], None]

SOURCE = "Thesis, University Hospital of Nancy, 2019: CT perfusion of colorectal liver metastases after chemotherapy"
_FLOW = FlowPart(
    eligible=printed.ELIGIBLE,
    excluded=tuple(ExcludedPart(reason=reason, count=count) for reason, count in printed.EXCLUDED),
    included=printed.INCLUDED,
    lesions=printed.LESIONS,
)
_ABOUT = AboutPart(
    reference_standard="histology of the resected lesion by Blazer (residual viable cells) and TRG",
    index_test="CT perfusion of 160 mm, lesion / healthy-liver ratios",
    setting="one centre, Nancy, December 2015 to October 2018",
)


def nancy2019(folder: Path, *, watch: Watch | None = None, made: Made | None = None) -> Study:
    """The printed data in ``folder``, the synthetic cohort in ``folder/synthetic``. Returns the study of the printed data.

    ``made`` is told of each study and its folder once that is written.
    """
    checks = all_checks()
    config = printed_config()
    rows = printed.table6()
    columns: dict[str, Sequence[object]] = {
        "lesion": [f"table-6-{k}" for k in range(1, len(rows) + 1)],
        "response": [response for response, _, _ in rows],
        "size_change_percent": [change for _, change, _ in rows],
        "class_printed": [kind for _, _, kind in rows],
    }
    table, found = typed(*as_cells(columns), config)
    study = run(table, config, found=found, watch=watch)
    more = {"reproduction": [asdict(one) for one in checks], "source": SOURCE}
    write(
        study,
        config,
        folder,
        first=(study_reproduction.section(checks),),
        more=more,
        tables={"reproduction": study_reproduction.table(checks)},
    )
    made_up = synthetic_config()
    table, found = typed(*as_cells(cohort()), made_up)
    invented = run(table, made_up, found=found, watch=watch)
    write(invented, made_up, folder / "synthetic")
    if made is not None:
        made(folder, study)
        made(folder / "synthetic", invented)
    return study


def all_checks() -> list[Check]:
    """Every printed figure that is recomputed."""
    return [*counts.checks(), *accuracy.checks(), *values.checks()]


def printed_config() -> StudyConfig:
    """Table 6 as a study: the change of size of 57 lesions against histology."""
    later = ExcludedPart(reason="no CT before chemotherapy", count=printed.WITHOUT_BASELINE)
    return StudyConfig(
        independent=True,
        title="Nancy 2019 from its printed data: size change of 57 lesions against histology",
        columns={
            "size_change_percent": ColumnPart(direction="lower", label="Change of size", unit="%"),
            "class_printed": ColumnPart(kind="category", values=("PD", "SD", "PR"), label="Class printed in Table 6"),
        },
        tests={"partial": TestPart(column="class_printed", positive=("PR",), label="Partial response in size (lesion)")},
        size=SizePart(change_percent="size_change_percent"),
        flow=_FLOW.model_copy(update={"lesions_excluded": (later,)}),
        describe_lesions=("size_change_percent", "class_printed"),
        about=_ABOUT,
    )


def synthetic_config() -> StudyConfig:
    """The synthetic cohort as a study with everything that a study can ask for."""
    columns = {
        name: ColumnPart(direction=ratio.direction, label=f"{ratio.label}, lesion / healthy liver")
        for name, ratio in printed.RATIOS.items()
    }
    columns["bf_ratio"] = columns["bf_ratio"].model_copy(update={"threshold": printed.CUT})
    for name in ("bv_ratio", "hpbf_ratio"):
        columns[name] = columns[name].model_copy(update={"tolerance": 0.1})
    columns |= {
        "probability_major": ColumnPart(label="Probability of major response", range=(0.0, 1.0)),
        "size_before_mm": ColumnPart(label="Size before", unit="mm"),
        "size_after_mm": ColumnPart(label="Size after", unit="mm"),
        "age": ColumnPart(label="Age", unit="years"),
        "sex": ColumnPart(label="Sex", kind="category"),
        "t_stage": ColumnPart(label="T stage", kind="category"),
        "regimen": ColumnPart(label="Chemotherapy", kind="category"),
    }
    return StudyConfig(
        title="Synthetic cohort of the shape of Nancy 2019",
        synthetic=True,
        columns=columns,
        probability=("probability_major",),
        combine=tuple(printed.RATIOS),
        describe_patients=("age", "sex", "t_stage", "regimen"),
        describe_lesions=(*printed.RATIOS, "size_before_mm", "size_after_mm"),
        flow=_FLOW,
        size=SizePart(before="size_before_mm", after="size_after_mm"),
        tests={"size": TestPart(column="size_category", positive=("smaller",), label="Size smaller by 30 % (lesion)")},
        readers=(ReadersPart(first="bf_ratio", second="bf_ratio_reader_2", log=True, label="BF ratio, two readers"),),
        survival=(
            SurvivalPart(
                time="dfs_days",
                event="dfs_event",
                label="Disease-free survival (invented)",
                groups="response_of_patient",
                covariates=("share_major",),
            ),
        ),
        next_study=NextPart(auc=0.9, comparator_auc=0.78, sensitivity=0.9, specificity=0.9),
        prevalence=0.3,
        about=_ABOUT,
    )


def as_cells(columns: Mapping[str, Sequence[object]]) -> tuple[list[str], list[list[str]]]:
    """Columns of any values as head and rows of text; None is an empty cell."""
    rows = zip(*columns.values(), strict=True)
    return list(columns), [["" if cell is None else str(cell) for cell in row] for row in rows]


EXAMPLES: Mapping[str, Callable[..., Study]] = MappingProxyType({"nancy2019": nancy2019})


def example(key: str) -> Callable[..., Study]:
    """The example of a key. Refused: an unknown one (STUDY-EXAMPLE), with the list."""
    if key not in EXAMPLES:
        raise UsageError("STUDY-EXAMPLE", f"no example {key!r}", f"Use one of: {', '.join(EXAMPLES)}")
    return EXAMPLES[key]
