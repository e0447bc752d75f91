"""Webhooks as a user asks for them."""

import base64
import json
from typing import Any

import pytest
from pydantic import ValidationError

from backend.core.errors import Invalid
from backend.core.webhooks import WebhookChanges, WebhookRequest, new_secret, require_target


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://example.com:8443/a?b=c",
        "https://8.8.8.8/x",
        "https://bücher.example/",
        "http://x",
    ],
)
def test_a_web_address_is_a_target(url: str) -> None:
    require_target(url, allow_private=False)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://example.com", "begins with https"),
        ("example.com/hook", "begins with https"),
        ("https://", "has a host"),
        ("javascript:alert(1)", "begins with https"),
        ("https://user:secret@example.com", "without a user"),
        ("https://example.com/#there", "fragment"),
        ("https://exam ple.com/", "expected an address"),
        ("https://example.com:99999/", "expected a"),
        ("http://127.0.0.1:8000/", "not public"),
        ("http://[::1]/", "not public"),
        ("http://[::ffff:10.0.0.1]/", "not public"),
        ("http://169.254.169.254/latest/meta-data", "metadata"),
        ("http://2130706433/", "no address"),
        ("http://[fe80::1]/", "link-local"),
    ],
)
def test_what_is_no_target_is_refused_without_its_secrets(url: str, told: str) -> None:
    with pytest.raises(Invalid, match=told) as refused:
        require_target(url, allow_private=False)
    assert "secret" not in str(refused.value)
    assert [problem.path for problem in refused.value.problems] == ["url"]


def test_private_targets_can_be_allowed_but_metadata_cannot() -> None:
    require_target("http://127.0.0.1:9000/", allow_private=True)
    with pytest.raises(Invalid):
        require_target("http://169.254.169.254/", allow_private=True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"states": []}, "at least 1"),
        ({"states": ["running"]}, "'succeeded', 'failed' or 'cancelled'"),
        ({"job_types": ["nonsense"]}, "'nonsense' is none"),
        ({"job_types": []}, "at least 1"),
        ({"description": "a\0b"}, "U\\+0000"),
        ({"secret": "whsec_mine"}, "Extra inputs"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        WebhookRequest.model_validate_json(json.dumps({"url": "https://example.com", **changes}))


def test_changes_name_what_shall_be_different() -> None:
    assert WebhookChanges.model_validate_json('{"job_types": null}').values == {"job_types": None}
    assert WebhookChanges.model_validate_json('{"states": ["failed", "failed"]}').values == {"states": ("failed",)}
    with pytest.raises(Invalid, match="url must not be null"):
        _ = WebhookChanges.model_validate_json('{"url": null}').values


def test_a_secret_has_192_random_bits_and_does_not_show() -> None:
    secret = new_secret()
    prefix, _, text = secret.get_secret_value().partition("_")
    assert (prefix, len(base64.b64decode(text))) == ("whsec", 24)
    assert text not in repr(secret)
    assert new_secret() != secret
