"""What everybody may order about themselves: keys, tokens, invites, blocks, reports."""

import pytest

import wire
from tests.server.people import ADDRESS, NOW, arrive, new_key, refused
from tests.server.slash_scene import DAY, MEMBER, OWNER, Scene, scene
from trio_chat.audit import MOST_OF_MEMBERS
from trio_chat.effects import Evict, Owned, Report
from trio_chat.entrance import Visitor, enter
from trio_chat.keyring import MAX_DEVICES
from trio_chat.model import LOBBY
from trio_chat.slash import TABLE
from trio_chat.slash.own import MAX_BLOCKED
from trio_chat.tokens import INVITES, LINKS, Purpose
from wire import Code
from wire.fingerprint import fingerprint
from wire.tokens import from_base32


@pytest.fixture
def s() -> Scene:
    return scene()


def test_help_lists_what_one_may_order(s: Scene) -> None:
    for who, names in (
        ("alice", {name for name, spec in TABLE.items() if spec.role is MEMBER}),
        ("oscar", TABLE.keys() - {"role"}),
        ("olga", TABLE.keys()),
    ):
        lines = s.answer(who, "help")
        assert {line.split()[0] for line in lines} == {f"/{name}" for name in names}
        assert all(line.split("  ")[1] for line in lines)


def test_whoami_says_what_the_server_thinks(s: Scene) -> None:
    [text] = s.answer("olga", "whoami")
    assert all(part in text for part in ("olga", "owner", ADDRESS, fingerprint(s["olga"].key)))
    assert "access token" in s.answer("alice", "whoami", access=True)[0]
    assert "guest" in s.answer("gus", "whoami")[1]
    s.state.stand(s["alice"], approved=False, muted=True, since=NOW)
    text = " ".join(s.answer("alice", "whoami"))
    assert all(word in text for word in ("looked at", "muted", "new here"))
    s.people["new"] = arrive(s.state, "new", owned=False)
    assert "first message" in s.answer("new", "whoami")[1]


def test_devices_are_listed_and_revoked_by_number(s: Scene) -> None:
    first, second, third = s.state.keyring.keys(s["alice"])
    lines = s.answer("alice", "devices")
    for number, (line, key) in enumerate(zip(lines, (first, second, third), strict=False), start=1):
        assert line.startswith(f"{number}  {fingerprint(key)}")
        assert line.endswith("(this one)") is (number == 1)
    evict, _ = s.order("alice", "revoke 2")
    assert isinstance(evict, Evict)
    assert (evict.key, evict.account) == (second, None)
    assert s.state.keyring.keys(s["alice"]) == [first, third]
    s.order("alice", "revoke 1")
    assert s["alice"].key == third
    with refused(Code.NOT_ALLOWED):
        s.order("alice", "revoke 1")


def test_a_link_is_for_who_asked_and_for_ten_minutes(s: Scene) -> None:
    code = s.answer("alice", "link")[-1].removeprefix("--link ")
    token = s.state.tokens.read(code, LINKS, NOW)
    assert (token.account, token.purpose, token.uses) == (s["alice"].id, Purpose.LINK, 1)
    s.state.tokens.read(code, LINKS, NOW + 600)
    with refused(Code.LINK_EXPIRED):
        s.state.tokens.read(code, LINKS, NOW + 660)


def test_an_access_token_is_listed_by_its_label(s: Scene) -> None:
    made = s.answer("alice", "token bot")[-1]
    assert s.state.keyring.holder(made)[0] == s["alice"].id
    with refused(Code.BAD_ARGUMENT):
        s.order("alice", "token bot")
    assert [line.split(",")[0] for line in s.answer("alice", "tokens")] == ["old", "bot"]
    digest = s.state.keyring.holder(made)[1]
    assert s.order("alice", "untoken bot")[0] == Evict("this access token was revoked", access=digest)
    for number in range(MAX_DEVICES - 1):
        s.order("alice", f"token {number}")
    with refused(Code.NOT_ALLOWED):
        s.order("alice", "token more")
    assert "no access tokens" in s.answer("gus", "tokens")[0]


def test_whoever_makes_something_for_later_is_recorded(s: Scene) -> None:
    for line in ("link", "token bot", "invite"):
        new = s.people["new"] = arrive(s.state, f"new-{line.split()[0]}", owned=False)
        s.order("new", line)
        assert new.owned


@pytest.mark.parametrize(
    ("words", "uses", "seconds"),
    [("", 1, 7 * DAY), ("5", 5, 7 * DAY), ("5 2h", 5, 7200), ("2h 5", 5, 7200), ("30m", 1, 1800)],
)
def test_an_operators_invite_is_for_as_many_and_as_long_as_said(
    s: Scene, words: str, uses: int, seconds: float
) -> None:
    token = s.state.tokens.read(s.answer("oscar", f"invite {words}")[-1], INVITES, NOW)
    assert (token.account, token.uses) == (s["oscar"].id, uses)
    assert 0 <= token.until - (NOW + seconds) < 60


def test_a_member_invites_one_at_a_time_and_not_on_the_first_day(s: Scene) -> None:
    s.order("alice", "invite 1 30d")
    with refused(Code.NOT_ALLOWED):
        s.order("alice", "invite 2")
    s.state.stand(s["alice"], since=NOW)
    with refused(Code.NOT_ALLOWED):
        s.order("alice", "invite")
    s.state.stand(s["alice"], since=0.0, approved=False)
    with refused(Code.NOT_APPROVED):
        s.order("alice", "invite")


def test_an_invite_is_ended_by_the_line_that_clients_show(s: Scene) -> None:
    made = s.answer("alice", "invite")[-1]
    token = from_base32(made.removeprefix("invite-"))
    s.order("alice", f"uninvite {wire.Invite(bytes(32), token).line('localhost', 7557)}")
    with refused(Code.INVITE_USED):
        enter(s.state, Visitor(new_key(), "new", False, made, ADDRESS), NOW)
    with refused(Code.INVITE_INVALID):
        s.order("alice", f"uninvite {wire.Invite(bytes(32)).line('localhost', 7557)}")


def test_an_invite_is_ended_by_who_made_it_or_an_operator(s: Scene) -> None:
    for who in ("alice", "oscar"):
        made = s.answer("alice", "invite")[-1]
        with refused(Code.NOT_ALLOWED):
            s.order("bob", f"uninvite {made}")
        s.order(who, f"uninvite {made}")
        with refused(Code.INVITE_USED):
            s.order(who, f"uninvite {made}")
        with refused(Code.INVITE_USED):
            enter(s.state, Visitor(new_key(), "new", False, made, ADDRESS), NOW)


def test_blocking(s: Scene) -> None:
    assert s.answer("alice", "blocks") == ("You block nobody.",)
    new = arrive(s.state, "new", owned=False)
    for whom in ("bob", "@BOB", "new"):
        s.order("alice", f"block {whom}")
    assert s["alice"].standing.blocked == (s["bob"].id, new.id)
    assert new.owned, "else the number would mean nothing after a restart"
    assert s.answer("alice", "blocks") == ("You block bob, new.",)
    for _ in range(2):
        s.order("alice", "unblock bob")
    assert s.answer("alice", "blocks") == ("You block new.",)
    del s.state.accounts[new.id]
    assert s.answer("alice", "blocks") == ("You block somebody who is gone.",)
    s.state.stand(s["alice"], blocked=tuple(range(100, 100 + MAX_BLOCKED)))
    with refused(Code.NOT_ALLOWED):
        s.order("alice", "block bob")
    with refused(Code.NOT_ALLOWED):
        s.order("alice", "block alice")


def test_whois_tells_members_what_they_could_see_and_no_room_of_others(s: Scene) -> None:
    s.state.enter_room(s["bob"], "#den", wire.History.SHARED)
    assert s.answer("alice", "whois @bob") == ("bob, member, registered: online", "in rooms of yours: #lobby")
    s.state.enter_room(s["bob"], "#tea", wire.History.SHARED)
    s.state.enter_room(s["oscar"], "#tea", wire.History.SHARED)
    assert s.answer("alice", "whois BOB")[1] == "in rooms of yours: #lobby, #tea"
    assert s.answer("gus", "whois oscar") == ("oscar, operator, registered: online", "in rooms of yours: #lobby")
    s["bob"].away = "out to\x1b lunch"
    s["bob"].active_at = NOW - 2 * 3600
    assert s.answer("alice", "whois bob")[0] == "bob, member, registered: away: out to\ufffd lunch, idle 2 h"
    assert s.answer("alice", "whois gus")[0] == "gus, member, a guest: online"
    s.people["new"] = arrive(s.state, "new", owned=False, since=NOW)
    assert s.answer("alice", "whois new") == ("new, member, not registered yet: online", "in rooms of yours: #lobby")
    assert s.answer("alice", "whois alice") == ("alice, member, registered: online",)
    with refused(Code.NO_SUCH_USER):
        s.order("alice", "whois nobody")


def test_whois_tells_days_of_who_is_not_here(s: Scene) -> None:
    bob = s["bob"]
    s.state.stand(bob, since=NOW - 30 * DAY, seen=NOW - DAY)
    assert s.answer("alice", "whois bob")[2:] == ("here since 2023-10-15",)
    s.state.disconnected(bob)
    s.state.departed(bob)
    assert s.answer("alice", "whois bob") == (
        "bob, member, registered: offline",
        "in rooms of yours: #lobby",
        "here since 2023-10-15",
        "last here 2023-11-13",
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(60, "1 min"), (3599, "59 min"), (3600, "1 h"), (DAY - 1, "23 h"), (3 * DAY, "3 d")]
)
def test_how_long_somebody_was_idle_is_one_number(s: Scene, seconds: float, text: str) -> None:
    s["bob"].active_at = NOW - seconds
    assert s.answer("alice", "whois bob")[0].endswith(f", idle {text}")


def test_a_report_needs_a_line_that_one_can_read(s: Scene) -> None:
    assert s.order("alice", "report 1:5 very  rude\x1b") == [Report(7, LOBBY, 5, "very rude\ufffd")]
    tea = s.state.conversations.named("#tea")
    assert tea is not None
    s.order("alice", f"report {tea.id}:1")
    with refused(Code.NO_SUCH_ROOM):
        s.order("bob", f"report {tea.id}:1")


def test_the_first_owner_is_made_by_the_token_and_no_second_one(s: Scene) -> None:
    with refused(Code.OWNER_USED):
        s.order("alice", "owner OWNER")
    s["olga"].standing = s["alice"].standing
    owned, _ = s.order("alice", "owner OWNER")
    assert owned == Owned()
    assert s["alice"].standing.role is OWNER
    s["alice"].standing = s["bob"].standing
    with refused(Code.OWNER_USED):
        s.order("bob", "owner OWNER")


def test_no_member_pushes_what_operators_did_off_the_trail(s: Scene) -> None:
    s.order("oscar", "kick bob")
    for _ in range(MOST_OF_MEMBERS):
        s.order("alice", "invite")
    for line in ("invite", "report 1:1"):
        with refused(Code.RATE_LIMITED) as caught:
            s.order("alice", line)
        assert caught.value.retry_after > DAY * 999
    s.order("bob", "invite")
    for _ in range(MOST_OF_MEMBERS + 1):
        s.order("oscar", "invite")
    s.order("alice", "invite", now=NOW + DAY)
