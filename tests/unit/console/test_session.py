"""Sessions of the console: who is let in, for how long, and what a forged cookie is worth."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from adapter.console.session import COOKIE, IDLE_S, LONGEST_S, Session, derive, new_session, renewed
from adapter.model import Secret

NOW_S = 1_764_000_000.0
KEY = derive(Secret("an-admin-token-of-tests"))
OTHER = derive(Secret("another-admin-token"))


def test_what_was_signed_is_verified_until_it_expires() -> None:
    """And not at the instant of its end."""
    session = new_session(NOW_S)
    cookie = KEY.sign(session)
    assert KEY.verify(cookie, now_s=NOW_S) == session
    assert KEY.verify(cookie, now_s=NOW_S + IDLE_S - 1) == session
    assert KEY.verify(cookie, now_s=NOW_S + IDLE_S) is None


def test_another_token_ends_every_session() -> None:
    """And gives the cookie another name, so that two adapters on one host do not sign each other out."""
    assert OTHER.verify(KEY.sign(new_session(NOW_S)), now_s=NOW_S) is None
    assert KEY.cookie != OTHER.cookie
    assert derive(Secret("an-admin-token-of-tests")) == KEY
    assert KEY.cookie.startswith(f"{COOKIE}-")


def test_a_session_is_renewed_for_a_week_at_most() -> None:
    """Each use adds 12 hours, counted from the use."""
    session = new_session(NOW_S)
    assert renewed(session, NOW_S + 3600) == Session(int(NOW_S), int(NOW_S) + 3600 + IDLE_S)
    assert renewed(session, NOW_S + LONGEST_S - 60).expires_s == int(NOW_S) + LONGEST_S


def test_two_cookies_of_one_instant_differ() -> None:
    """So that one that leaked cannot be told from its time."""
    assert KEY.sign(new_session(NOW_S)) != KEY.sign(new_session(NOW_S))


@pytest.mark.parametrize("index", range(0, 56, 5))
def test_any_changed_byte_makes_it_worthless(index: int) -> None:
    """Of the instants, of the nonce and of the signature."""
    signed = bytearray(urlsafe_b64decode(KEY.sign(new_session(NOW_S))))
    assert len(signed) == 56
    signed[index] ^= 1
    assert KEY.verify(urlsafe_b64encode(signed).decode(), now_s=NOW_S) is None


@pytest.mark.parametrize("value", ["", "x", "é", "====", "A" * 75, "A" * 76, "A" * 80, "A" * 100_000, "\ud800"])
def test_what_is_no_cookie_of_ours_is_refused(value: str) -> None:
    """Whatever a browser or an attacker sends in its place."""
    assert KEY.verify(value, now_s=NOW_S) is None
