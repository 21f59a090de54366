"""Dates and times: what is moved, what stays, what is emptied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.dicom.deidentify_dates import moved
from hepaflow.dicom.values import date_time_us, time_us


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)),
    st.integers(-12 * 4, 14 * 4),
    st.integers(-12 * 4, 14 * 4),
    st.integers(0, 10**9),
    st.integers(365, 3650),
)
def test_instants_keep_their_interval_whatever_their_offsets(first, zone, other, apart_us, days):
    def written(instant, quarters):
        local = instant.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=15 * quarters)))
        return local.strftime("%Y%m%d%H%M%S.%f%z")

    later = first + timedelta(microseconds=apart_us)
    one, two = (date_time_us(moved(text, "DT", days)) for text in (written(first, zone), written(later, other)))
    assert two - one == apart_us
    assert date_time_us(written(first, zone)) - one == days * 86_400_000_000


@pytest.mark.parametrize(
    ("text", "vr", "found"),
    [
        ("20240314", "DA", "20240313"),
        ("2024.03.14", "DA", "20240313"),
        ("20240314", "DT", "20240313"),
        ("20240314+0100", "DT", "20240313"),
        ("2024031410", "DT", "2024031310"),
        ("2024031400+0130", "DT", "202403122230+0000"),
        ("20240314102118.123456-0500", "DT", "20240313152118.123456+0000"),
        ("2024031410211", "DT", ""),
        ("20240314102118.5+9900", "DT", ""),
        ("20240314471122", "DT", ""),
        ("20240230101010+0000", "DT", ""),
        ("00010101000000+0100", "DT", ""),
        ("102118.5", "TM", "102118.5"),
        ("10:21:18", "TM", "10:21:18"),
        ("235960", "TM", "235960"),
        ("12345678", "TM", ""),
        ("471122", "TM", ""),
        ("1021181.5", "TM", ""),
        ("\u0661\u0660", "TM", ""),
        ("Doe", "TM", ""),
    ],
)
def test_what_is_no_date_or_time_is_emptied(text, vr, found):
    assert moved(text, vr, 1) == found


@given(st.text(st.sampled_from("0123456789:.+- "), max_size=16))
def test_a_time_that_stays_is_one(text):
    found = moved(text, "TM", 400)
    assert found in ("", text)
    assert not found or time_us(found) is not None
