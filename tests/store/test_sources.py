from __future__ import annotations

import os
from pathlib import Path

import pytest

from hepaflow.errors import InputRefused
from hepaflow.store.sources import identify


def test_names_places_and_order_do_not_matter_but_content_does(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    (two / "deep" / "er").mkdir(parents=True)
    one.mkdir()
    for n in range(5):
        (one / f"IM{n}").write_text(f"content {n}")
        (two / "deep" / ("er" if n % 2 else "") / f"{9 - n}.dcm").write_text(f"content {n}")
    assert identify(one) == identify(two)
    assert identify(one).files == 5
    (two / "deep" / "9.dcm").write_text("content 0 ")
    assert identify(one).digest != identify(two).digest


@pytest.mark.parametrize("name", ["/dev/zero", "pipe"])
def test_what_is_no_file_on_a_disk_is_not_read(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputRefused, match="SOURCE-UNREADABLE"):
        identify(tmp_path / name)


def test_a_repeated_file_is_another_study(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    before = identify(tmp_path).digest
    (tmp_path / "b").write_text("x")
    assert identify(tmp_path).digest != before


def test_the_json_beside_a_nifti_file_belongs_to_it(tmp_path: Path) -> None:
    (tmp_path / "s.nii.gz").write_text("image")
    alone = identify(tmp_path / "s.nii.gz")
    (tmp_path / "s.json").write_text("{}")
    assert identify(tmp_path / "s.nii.gz").digest != alone.digest


@pytest.mark.parametrize(("name", "code"), [("absent", "SOURCE-MISSING"), ("empty", "SOURCE-EMPTY")])
def test_nothing_there_is_refused(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputRefused, match=f"^{code}"):
        identify(tmp_path / name)
