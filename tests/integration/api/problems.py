"""What every error answer must look like."""

import httpx

REQUIRED = {"type", "title", "status", "detail", "code", "instance"}


def problem(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, object]:
    """Return the problem document of an answer, after checking that it is a proper one."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, object] = answer.json()
    assert document.keys() >= REQUIRED
    assert document.keys() <= REQUIRED | {"errors"}
    assert document["status"] == status
    assert document["type"] == f"urn:aitrader:problem:{document['code']}"
    assert document["instance"] == answer.request.url.path
    assert all(document[name] for name in ("title", "detail"))
    assert code is None or document["code"] == code, document
    assert len(answer.content) < 20_000, "an error answer stays small, whatever was sent"
    return document
