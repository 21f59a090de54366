"""Pictures over HTTP: octets, how long a browser may keep them, and one shape for everything that is not there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from room_for_tests import opened
from shown_study import acquired, maps, save, write
from starlette.testclient import TestClient

from hepaflow.web.room import Room

STUDY = "0123456789ab"
AT = f"/api/studies/{STUDY}"


@pytest.fixture(scope="module")
def seated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Room]]:
    with opened(tmp_path_factory.mktemp("images") / "data") as (client, room):
        write(room.data / "studies" / STUDY)
        yield client, room


@pytest.fixture
def client(seated: tuple[TestClient, Room]) -> TestClient:
    return seated[0]


def test_a_picture_is_octets(client: TestClient) -> None:
    told = client.get(f"{AT}/images").json()
    plane = told["planes"]["axial"]
    answer = client.get(f"{AT}/images/acquired/axial/2/4")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    picture = np.frombuffer(answer.content, "<i2").reshape(plane["rows"], plane["columns"])
    assert np.array_equal(picture, acquired().voxels[2, 4][:, ::-1])
    found = client.get(f"{AT}/maps/bf_sd/axial/4")
    values = np.frombuffer(found.content, "<f4").reshape(plane["rows"], plane["columns"])
    assert np.array_equal(values, maps().maps["bf"].sd[4][:, ::-1], equal_nan=True)


@pytest.mark.parametrize(
    ("path", "listed", "key"),
    [
        ("images/acquired/coronal/0/3", "images", lambda told: told["keys"]["acquired"]),
        ("images/corrected/sagittal/mean/3", "images", lambda told: told["keys"]["corrected"]),
        ("maps/mtt/axial/3", "maps", lambda told: told["key"]),
    ],
)
def test_a_picture_of_a_known_content_is_kept_for_good(client: TestClient, path: str, listed: str, key: object) -> None:
    v = key(client.get(f"{AT}/{listed}").json())  # type: ignore[operator]
    kept = client.get(f"{AT}/{path}", params={"v": v})
    assert kept.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert kept.headers["etag"] == f'"{v}"'
    for asked in ({}, {"v": "0" * 16}):
        fresh = client.get(f"{AT}/{path}", params=asked)
        assert fresh.content == kept.content
        assert fresh.headers["cache-control"] == "private, no-cache"
    for tag in (f'"{v}"', f'W/"{v}"', f'"x", "{v}"'):
        again = client.get(f"{AT}/{path}", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == f'"{v}"'
    assert client.get(f"{AT}/{path}", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_new_analysis_has_new_pictures(seated: tuple[TestClient, Room]) -> None:
    client, room = seated
    home = room.data / "studies" / "00000000000a"
    write(home)
    at = "/api/studies/00000000000a"
    before = client.get(f"{at}/maps/bf/axial/3")
    shutil.rmtree(home / "case" / "steps" / "maps")
    assert client.get(f"{at}/maps/bf/axial/3").status_code == 404
    save(maps(2), home / "case" / "steps" / "maps")
    after = client.get(f"{at}/maps/bf/axial/3", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.content != before.content


def test_points(client: TestClient) -> None:
    curve = client.get(f"{AT}/curve", params={"at": "4,7,9", "set": "acquired"}).json()
    assert curve["hu"] == acquired().voxels[:, 4, 7, 9].tolist()
    voxel = client.get(f"{AT}/voxel", params={"at": "3,8,9", "pass": "1", "set": "acquired"}).json()
    assert voxel["hu"] == acquired().voxels[1, 3, 8, 9]
    assert voxel["maps"]["bf"] == {"value": None, "sd": None}
    assert voxel["reasons"] == ["voxel-no-enhancement", "voxel-not-finite"]


def test_words_and_palettes(client: TestClient) -> None:
    assert client.get("/api/words", params={"language": "fr"}).json()["parts"]["core"] == "centre"
    assert len(client.get("/api/palettes").json()["lipari"]) == 256


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{AT}/images/acquired/axial/6/0", 404),
        (f"{AT}/images/acquired/axial/0/8", 404),
        (f"{AT}/images/acquired/axial/0/-1", 404),
        (f"{AT}/images/acquired/axial/0/1.0", 404),
        (f"{AT}/images/acquired/axial/0/{'9' * 300}", 404),
        (f"{AT}/images/raw/axial/0/0", 404),
        (f"{AT}/images/%2e%2e/axial/0/0", 400),
        (f"{AT}/images/..%2f..%2facquired/axial/0/0", 400),
        (f"{AT}/images/acquired/..%5caxial/0/0", 400),
        (f"{AT}/images/acquired/axial/0/%00", 400),
        (f"{AT}/maps/..%2fmotion/axial/0", 400),
        (f"{AT}/maps/flags/axial/0", 404),
        (f"{AT}/maps/bf/axial/99", 404),
        ("/api/studies/..%2f..%2fetc/images", 400),
        ("/api/studies/%2e%2e/images", 400),
        ("/api/studies/ffffffffffff/images", 404),
        ("/api/studies/ffffffffffff/maps", 404),
        (f"{AT}/curve?at=1,2", 400),
        (f"{AT}/curve", 400),
        (f"{AT}/curve?at=1,2,3&radius_mm=wide", 400),
        (f"{AT}/curve?at=1,2,3&radius_mm=1e9", 400),
        (f"{AT}/curve?at=1,2,3&radius_mm=nan", 400),
        (f"{AT}/curve?at=99,2,3", 404),
        (f"{AT}/curve?at=1,2,3&set=../acquired", 404),
        (f"{AT}/voxel?at=1,2,3&pass=99", 404),
        (f"{AT}/voxel?at=1,2,<script>", 400),
        ("/api/words?language=de", 400),
        ("/api/words?language=../en", 400),
    ],
)
def test_what_is_not_there_has_one_shape(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    told = answer.json()
    assert set(told) == {"error"}
    assert set(told["error"]) == {"code", "what", "advice"}
    assert "<" not in told["error"]["what"]


def test_nobody_sees_pictures_without_a_session(seated: tuple[TestClient, Room]) -> None:
    client, _ = seated
    stranger = TestClient(client.app, base_url=str(client.base_url), headers={"X-Hepaflow": "1"})
    for path in ("images", "images/acquired/axial/0/0", "maps/bf/axial/0", "curve?at=1,2,3", "voxel?at=1,2,3"):
        answer = stranger.get(f"{AT}/{path}")
        assert answer.status_code in {401, 403}
        assert set(answer.json()) == {"error"}
