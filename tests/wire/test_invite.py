"""Invite lines: what a server makes of a pin and a token, a client finds again; a damaged one is told so."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from wire.tokens import TOKEN_BYTES

PIN = bytes(range(32))
TOKEN = bytes(range(100, 100 + TOKEN_BYTES))

invites = st.builds(
    wire.Invite,
    st.binary(min_size=32, max_size=32),
    st.just(b"") | st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES),
)


@given(invites)
def test_a_blob_gives_back_its_pin_and_token(invite: wire.Invite) -> None:
    assert wire.Invite.of_blob(invite.blob) == invite
    assert wire.Invite.of_blob(invite.blob.upper()) == invite


@given(invites)
def test_no_shell_and_no_messenger_finds_a_special_character(invite: wire.Invite) -> None:
    assert re.fullmatch(r"tchat://chat\.example:7557/[a-z2-7]+", invite.line("chat.example", 7557))


def test_a_line_has_a_v6_address_in_brackets() -> None:
    assert wire.Invite(PIN).line("2001:db8::1", 7557).startswith("tchat://[2001:db8::1]:7557/")


@given(invites, st.data())
def test_a_blob_that_lost_or_changed_a_character_is_refused(invite: wire.Invite, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(invite.blob) - 1))
    other = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
    for damaged in (
        invite.blob[:place] + invite.blob[place + 1 :],
        invite.blob[:place] + other + invite.blob[place + 1 :],
    ):
        if damaged != invite.blob and wire.tokens.from_base32(damaged) != wire.tokens.from_base32(invite.blob):
            with pytest.raises(ValueError, match="not whole"):
                wire.Invite.of_blob(damaged)


@pytest.mark.parametrize("blob", ["", "a", "ä", "0189", "a" * 57, "=" * 58, "a" * 1000])
def test_what_is_no_blob_is_refused(blob: str) -> None:
    with pytest.raises(ValueError, match="not whole"):
        wire.Invite.of_blob(blob)


def test_the_token_of_a_hello() -> None:
    assert wire.Invite(PIN).hello_token == ""
    assert wire.Invite(PIN, TOKEN).hello_token.startswith("invite-mrswm")
    assert len(wire.Invite(PIN, TOKEN).blob) == 96
    assert len(wire.Invite(PIN).blob) == 58
