"""Requests that are wrong before their body matters: no token, too large, no such place."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.api.problems import problem
from tests.integration.api.test_jobs import BODY
from tests.platform import Platform

PROTECTED = [
    ("GET", "/jobs"),
    ("POST", "/jobs"),
    ("GET", "/jobs/01890a5d-ac96-774b-bcce-b302099a8057"),
    ("POST", "/jobs/01890a5d-ac96-774b-bcce-b302099a8057/cancel"),
    ("GET", "/catalogue"),
    ("GET", "/api/market/symbols"),
    ("POST", "/api/market/import?timeframe=1d"),
]
FOREIGN_TOKENS = [
    "",
    "Bearer",
    "Bearer nonsense",
    "Bearer ait_0123456789abcdef_wrong",
    "Bearer ait_0123456789abcdef_",
    "Bearer ait_0123456789ABCDEF_x",
    "Bearer AIT_0123456789abcdef_x",
    "Bearer ait_' OR 1=1 --_x",
    "Basic YWRtaW46YWRtaW4=",
    "Token abc",
    "Bearer " + "x" * 5_000,
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_without_a_token_nothing_is_told(idle_platform: Platform, method: str, path: str) -> None:
    answer = httpx.request(method, idle_platform.url + path, json=BODY)
    problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", FOREIGN_TOKENS)
def test_foreign_token_is_refused(idle_platform: Platform, header: str) -> None:
    answer = httpx.get(f"{idle_platform.url}/jobs", headers={"Authorization": header})
    problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_token_with_another_secret_is_refused(idle_platform: Platform) -> None:
    mine, yours = idle_platform.token("mallory"), idle_platform.token("victim")
    mixed = yours.rpartition("_")[0] + "_" + mine.rpartition("_")[2]
    problem(httpx.get(f"{idle_platform.url}/jobs", headers={"Authorization": f"Bearer {mixed}"}), 401)
    latin = {b"Authorization": b"Bearer ait_0123456789abcdef_\xff"}
    problem(httpx.get(f"{idle_platform.url}/jobs", headers=latin), 401)  # type: ignore[arg-type]


def test_revoked_token_is_worthless_at_once(idle_platform: Platform, idle_user: httpx.Client) -> None:
    assert idle_user.get("/jobs").status_code == 200
    token_id = idle_user.headers["Authorization"].split("_")[1]
    idle_platform.rows("DELETE FROM user_tokens WHERE id = %s", token_id)
    problem(idle_user.get("/jobs"), 401, "unauthenticated")


def test_revoked_token_starts_no_job_though_it_was_used_just_now(idle_platform: Platform) -> None:
    client, body = idle_platform.client("admin"), {"job_type": "probe", "payload": {}}
    for _ in range(2):  # by the book, then from memory
        assert client.post("/jobs", json=body).status_code == 202
    token_id = client.headers["Authorization"].split("_")[1]
    (owner,) = idle_platform.rows("DELETE FROM user_tokens WHERE id = %s RETURNING user_id", token_id)
    problem(client.post("/jobs", json=body), 401, "unauthenticated")
    problem(client.post("/jobs", json={"job_type": "probe", "payload": {"steps": "x"}}), 401, "unauthenticated")
    (counted,) = idle_platform.rows("SELECT count(*) AS jobs FROM jobs WHERE user_id = %s", owner["user_id"])
    assert counted["jobs"] == 2
    client.close()


def test_role_that_was_taken_away_counts_at_once(idle_platform: Platform) -> None:
    body = {"job_type": "signal_outcomes", "payload": {}}
    with idle_platform.client("admin", user="demoted") as client:
        for _ in range(2):
            assert client.post("/jobs", json=body).status_code == 202
        idle_platform.rows("UPDATE users SET role = 'free' WHERE name = 'demoted'")
        problem(client.post("/jobs", json=body), 403, "forbidden")
        idle_platform.rows("UPDATE users SET role = 'admin' WHERE name = 'demoted'")
        assert client.post("/jobs", json=body).status_code == 202


def test_one_key_means_one_job_also_from_memory(idle_platform: Platform) -> None:
    client = idle_platform.client("admin")

    def answer(payload: dict[str, int]) -> httpx.Response:
        headers = {"Idempotency-Key": "same"}
        return client.post("/jobs", json={"job_type": "probe", "payload": payload}, headers=headers)

    assert len({answer({}).json()["id"] for _ in range(3)}) == 1
    problem(answer({"steps": 2}), 422, "idempotency_key_reused")
    client.close()


def test_no_token_and_no_secret_is_in_the_log(idle_platform: Platform) -> None:
    secret = "s3cr3tQueryThing"
    token = idle_platform.token("careful")
    with httpx.Client(base_url=idle_platform.url, headers={"Authorization": f"Bearer {token}"}) as client:
        assert client.get("/jobs").status_code == 200
        client.get("/jobs", params={"token": secret})
        client.post("/jobs", json={"job_type": secret})
        client.get("/jobs", headers={"Authorization": f"Bearer ait_0123456789abcdef_{secret}"})
    logs = "".join(path.read_text() for path in idle_platform.data_dir.glob("backend-*.log"))
    assert '"path": "/jobs"' in logs, "requests are logged, so this test looks at something"
    for hidden in (token, token.rpartition("_")[2], secret, *passwords(idle_platform)):
        assert hidden not in logs


def passwords(platform: Platform) -> Iterator[str]:
    for url in (platform.database_url, platform.redis_url):
        password = urlsplit(url).password
        if password:
            yield password


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/jobs", {"GET", "POST"}),
        ("PUT", "/jobs", {"GET", "POST"}),
        ("GET", "/api/market/import", {"POST"}),
        ("POST", "/livez", {"GET"}),
    ],
)
def test_wrong_method_is_told_the_right_one(idle_user: httpx.Client, method: str, path: str, allowed: set[str]) -> None:
    answer = idle_user.request(method, path)
    problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("path", ["/nothing", "/jobs/1/2/3", "/api", "/%00", "/é", "/api/market/symbols/A/B/bars"])
def test_unknown_place_is_not_found(idle_user: httpx.Client, path: str) -> None:
    assert idle_user.get(path).status_code == 404
    problem(idle_user.get(path), 404, "not_found")


@pytest.mark.parametrize("job_id", ["1", "latest", "01890a5d-ac96-774b-bcce-b302099a805", "%00"])
def test_id_that_is_none_is_refused(idle_user: httpx.Client, job_id: str) -> None:
    assert idle_user.get(f"/jobs/{job_id}").status_code in {404, 422}


def test_body_of_twenty_megabytes_is_too_large(user: httpx.Client) -> None:
    answer = user.post("/jobs", content=b'{"job_type": "' + b"x" * 20_000_000 + b'"}')
    problem(answer, 413, "too_large")
    assert user.get("/jobs").json()["jobs"] == []


@pytest.mark.parametrize("path", ["/jobs", "/api/market/import?timeframe=1d"])
def test_body_without_a_declared_length_is_too_large_when_it_grows(idle_user: httpx.Client, path: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 20_000

    answer = idle_user.post(path, content=chunks(), headers={"Content-Type": "text/csv"})
    problem(answer, 413, "too_large")


def test_declared_length_alone_is_enough_to_refuse(idle_platform: Platform) -> None:
    address = urlsplit(idle_platform.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert connection.recv(4_000).startswith(b"HTTP/1.1 413 ")
