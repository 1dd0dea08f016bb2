"""Whether mappings may be changed over HTTP: by the setting, the replicas, the address and the connection."""

import pytest

from adapter.console.editing import EditPolicy, EditSetting, is_loopback


@pytest.mark.parametrize(
    ("setting", "has_replicas", "is_public", "scheme", "said"),
    [
        ("off", False, False, "https", "`console.edit` is off"),
        ("on", True, True, "http", None),
        ("auto", False, False, "http", None),
        ("auto", False, True, "https", None),
        ("auto", False, True, "http", "not HTTPS"),
        ("auto", True, False, "https", "several replicas run"),
        ("auto", True, True, "http", "several replicas run"),
    ],
)
def test_why_not(setting: EditSetting, has_replicas: bool, is_public: bool, scheme: str, said: str | None) -> None:
    """`on` is the operator's word; `auto` is careful."""
    why_not = EditPolicy(setting=setting, has_replicas=has_replicas, is_public=is_public).why_not(scheme=scheme)
    assert (why_not is None) == (said is None)
    assert (said or "") in (why_not or "")


ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - nothing is bound


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("localhost", True),
        ("[::1]", True),
        ("::1", True),
        (ALL_ADDRESSES, False),
        ("[::]", False),
        ("10.0.0.1", False),
        ("adapter.example", False),
        ("127.0.0.1.example", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    """A name that is looked up may be any machine."""
    assert is_loopback(host) is expected
