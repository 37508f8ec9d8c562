"""The cookie of a browser."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockatuh.web.cookies import cookie_name, delete_cookie, find_token_untrusted, hash_of, make_token, set_cookie


@given(st.binary(min_size=32, max_size=32), st.booleans())
def test_a_token_is_found_among_other_cookies(random: bytes, secure: bool) -> None:
    token = make_token(random)
    header = f"a=b; {set_cookie(token, secure=secure).partition(';')[0]}; c"
    assert find_token_untrusted(header, secure=secure) == token


@given(st.text())
def test_any_header_is_read(header: str) -> None:
    token = find_token_untrusted(header, secure=True)
    assert token is None or len(hash_of(token)) == 64


def test_one_that_was_set_over_plain_http_is_not_taken_over_tls() -> None:
    plain = set_cookie(make_token(bytes(32)), secure=False)
    assert find_token_untrusted(plain, secure=True) is None
    assert cookie_name(secure=True).startswith("__Host-")


def test_its_attributes_keep_it_from_scripts_and_other_sites() -> None:
    for cookie in (set_cookie("t", secure=True), delete_cookie(secure=True)):
        assert {"HttpOnly", "SameSite=Strict", "Path=/", "Secure"} <= {*cookie.split("; ")}
    assert "Secure" not in set_cookie("t", secure=False)
