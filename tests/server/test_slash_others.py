"""What operators order: kicks, bans, mutes, what holds in rooms, and what they are told."""

from typing import Final

import pytest

import wire
from tests.server.people import ADDRESS, NOW, arrive, new_key, refused
from tests.server.slash_scene import DAY, Scene, scene
from trio_chat.bans import MAX_BANS, of_account, of_key, of_name
from trio_chat.effects import Announce, Entered, Evict, ReplyWhenKept, TakeBack, Tell
from trio_chat.entrance import Visitor, enter
from trio_chat.facts import FOREVER, Ban
from trio_chat.model import LOBBY
from trio_chat.rules import SERVER
from trio_chat.slash.asked import MAX_ANSWER
from trio_chat.slash.others import MAX_SLOW, RAID_SLOW
from wire import Code
from wire.fingerprint import fingerprint


@pytest.fixture
def s() -> Scene:
    return scene()


def test_a_kick_ends_the_connections_with_the_reason(s: Scene) -> None:
    evict, _ = s.order("oscar", "kick @Alice too  loud")
    assert evict == Evict("an operator removed you: too loud", account=s["alice"])


BANNED: Final[list[tuple[str, set[str], float, str]]] = [
    ("203.0.113.7", {"net:203.0.113.7/32"}, FOREVER, ""),
    ("203.0.113.7/24 1h spam", {"net:203.0.113.0/24"}, NOW + 3600, "spam"),
    ("2001:db8::1/64 2w", {"net:2001:db8::/64"}, NOW + 14 * DAY, ""),
    ("Mallory 10s", {"name:mallory"}, NOW + 10, ""),
    ("ab" * 32, {"key:" + "ab" * 32}, FOREVER, ""),
]


@pytest.mark.parametrize(("words", "targets", "until", "reason"), BANNED)
def test_what_is_banned(s: Scene, words: str, targets: set[str], until: float, reason: str) -> None:
    s.order("oscar", f"ban {words}")
    made = {target: ban for target, ban in s.state.bans.all(NOW) if ban.shown != "eve"}
    assert made.keys() == targets
    assert {(ban.by, ban.at, ban.until, ban.reason) for ban in made.values()} == {("oscar", NOW, until, reason)}
    assert any(words.split(maxsplit=1)[0] in line for line in s.answer("oscar", "bans"))
    with refused(Code.BAD_ARGUMENT):
        s.order("oscar", "unban 198.51.100.1")
    s.order("oscar", f"unban {words.split(maxsplit=1)[0].swapcase()}")
    assert [ban.shown for _, ban in s.state.bans.all(NOW)] == ["eve"]


@pytest.mark.parametrize("everyone", [False, True])
def test_a_banned_network_ends_connections_from_there(s: Scene, everyone: bool) -> None:
    evict, answer = s.order("oscar", f"ban 192.0.2.0/24 1d bots{' --all' if everyone else ''}")
    assert isinstance(evict, Evict)
    assert (evict.network, evict.everyone, evict.account) == ("192.0.2.0/24", everyone, None)
    assert "bots" in evict.text
    assert isinstance(answer, ReplyWhenKept)
    assert ("everyone" in s.answer("oscar", "bans")[0]) is everyone


def test_a_user_may_be_called_as_an_address_is(s: Scene) -> None:
    odd = arrive(s.state, "10.0.0.1")
    evict, _ = s.order("oscar", "ban @10.0.0.1")
    assert evict == Evict("you are banned from this server for ever", account=odd)
    s.order("oscar", "unban @10.0.0.1")
    assert [ban.shown for _, ban in s.state.bans.all(NOW)] == ["eve"]


def test_a_ban_is_of_all_keys_and_lifted_by_name(s: Scene) -> None:
    keys = s.state.keyring.keys(s["alice"])
    s.order("oscar", "ban alice 1d")
    assert {target for target, ban in s.state.bans.all(NOW) if ban.shown == "alice"} == {
        of_account(s["alice"].id),
        *map(of_key, keys),
    }
    assert [line.split()[0] for line in s.answer("oscar", "bans")] == ["alice", "eve"]
    s.order("oscar", "unban ALICE")
    assert s.answer("oscar", "bans")[0].startswith("eve")


def test_who_was_banned_and_is_gone_by_now_is_let_in_by_name(s: Scene) -> None:
    s.order("oscar", "ban gus")
    del s.state.accounts[s["gus"].id]
    s.state._names.free(s["gus"])
    s.order("oscar", "unban Gus")
    assert [ban.shown for _, ban in s.state.bans.all(NOW)] == ["eve"]
    assert s.answer("oscar", "bans")[0].startswith("eve")
    s.order("oscar", "unban eve")
    assert s.answer("oscar", "bans") == ("Nobody is banned.",)


def test_a_tree_is_whom_they_invited_and_those_but_no_operator(s: Scene) -> None:
    children = [arrive(s.state, name, owned=False) for name in ("c1", "c2", "c3")]
    for inviter, one in zip((s["alice"], children[0], s["otto"]), children, strict=True):
        s.state.stand(one, invited_by=inviter.id)
    s.state.stand(s["otto"], invited_by=s["alice"].id)
    s.state.stand(s["oscar"], invited_by=s["alice"].id)
    s.state.stand(s["alice"], invited_by=children[1].id)
    effects = s.order("oscar", "ban alice --tree")
    assert [one.account for one in effects if isinstance(one, Evict)] == [s["alice"], *children[:2]]
    assert [line.split()[0] for line in s.answer("oscar", "bans")] == ["alice", "c1", "c2", "eve"]
    s.order("oscar", "unban c1")
    assert [line.split()[0] for line in s.answer("oscar", "bans")] == ["alice", "c2", "eve"]


def test_one_ban_too_many_is_refused(s: Scene) -> None:
    for number in range(MAX_BANS - 1):
        s.state.bans._bans[of_name(str(number))] = Ban(shown="x", by="x", at=NOW)
    with refused(Code.NOT_ALLOWED):
        s.order("oscar", "ban 192.0.2.1")
    assert s.state.audit.newest(1) == []


def test_a_mute_has_an_end_and_a_reason(s: Scene) -> None:
    told, _ = s.order("oscar", "mute alice 10m too loud")
    assert told == Tell((s["alice"],), "An operator has muted you until 2023-11-14 22:23 UTC: too loud.")
    assert (s["alice"].standing.muted, s["alice"].standing.muted_until) == (True, NOW + 600)
    s.order("oscar", "mute alice")
    assert s["alice"].standing.muted_until == FOREVER
    s.order("oscar", "unmute alice")
    assert not s["alice"].standing.muted


RULES: Final[list[tuple[str, str, dict[str, object]]]] = [
    ("slow #tea 30", "#tea", {"slow": 30}),
    ("slow #TEA 5m", "#tea", {"slow": 300}),
    ("slow 10", "", {"slow": 10}),
    (f"slow {MAX_SLOW}", "", {"slow": MAX_SLOW}),
    ("lock #tea", "#tea", {"locked": True}),
    ("lock", "", {"locked": True}),
    ("approve on", "", {"approve": True}),
    ("raid on", "", {"locked": True, "slow": RAID_SLOW}),
]
ENDS: Final = {"slow": "slow {} off", "lock": "unlock {}", "approve": "approve off", "raid": "raid off"}


@pytest.mark.parametrize(("line", "room", "rule"), RULES)
def test_what_holds_in_a_place_until_it_is_ended(s: Scene, line: str, room: str, rule: dict[str, object]) -> None:
    found = s.state.conversations.named(room)
    where = found.id if found is not None else SERVER
    other = SERVER if where else LOBBY
    s.order("oscar", line)
    assert {name: getattr(s.state.rules.of(where), name) for name in rule} == rule
    assert s.state.rules.of(other) == type(s.state.rules.of(other))()
    s.order("oscar", ENDS[line.split(maxsplit=1)[0]].format(room))
    assert s.state.rules.of(where) == type(s.state.rules.of(where))()


@pytest.mark.parametrize("here", [True, False])
def test_admitting_brings_somebody_into_a_locked_room(s: Scene, here: bool) -> None:
    s.order("oscar", "lock #tea")
    if not here:
        s.state.disconnected(s["bob"])
        s.state.departed(s["bob"])
    effects = s.order("oscar", "admit bob #tea")
    tea = s.state.conversations.named("#tea")
    assert tea is not None
    assert tea.id in s["bob"].conversations
    assert Entered(tea, (s["bob"],)) in effects
    assert any(isinstance(effect, Announce) for effect in effects) is here, "who is not here does not join"


def test_approving(s: Scene) -> None:
    s.state.stand(s["alice"], approved=False)
    told, _ = s.order("oscar", "approve @alice")
    assert told == Tell((s["alice"],), "An operator approved you: you may write now.")
    assert s["alice"].standing.approved


def test_taking_back_is_of_rooms_and_of_those_below(s: Scene) -> None:
    assert s.order("oscar", "redact 1:3") == [TakeBack(7, room=LOBBY, seq=3)]
    direct, _ = s.state.conversations.direct(s["oscar"], s["alice"])
    with refused(Code.NOT_ALLOWED):
        s.order("oscar", f"redact {direct.id}:1")
    assert s.order("oscar", "purge alice 1h") == [TakeBack(7, author=s["alice"], since=NOW - 3600)]


def test_recovering_gives_the_account_a_new_key(s: Scene) -> None:
    old = s["alice"].key
    code = s.answer("oscar", "recover alice")[-1].removeprefix("--link ")
    key = new_key()
    assert enter(s.state, Visitor(key, "alice", False, code, ADDRESS), NOW + 1).account is s["alice"]
    assert s.state.keyring.keys(s["alice"]) == [key]
    assert s.state.account_of(old) is None
    assert [entry.command for entry in s.state.audit.newest(5)] == ["recover", "recovered"]


def test_what_operators_are_told_of_somebody(s: Scene) -> None:
    s.state.stand(
        s["alice"], since=NOW, invited=True, invited_by=s["bob"].id, muted=True, muted_until=FOREVER, approved=False
    )
    text = "\n".join(s.answer("oscar", "about alice"))
    for part in ("alice", "member", "2023-11-14", "invited by bob", "muted for ever", "waits", fingerprint(s.linked)):
        assert part in text
    assert "a guest" in s.answer("oscar", "about gus")[0]
    s.state.stand(s["alice"], invited_by=0)
    assert "the host" in "\n".join(s.answer("oscar", "about alice"))


def test_the_trail_is_told(s: Scene) -> None:
    assert s.answer("oscar", "audit") == ("Nothing was done yet.",)
    s.order("oscar", "mute alice 1h")
    s.order("olga", "unmute alice")
    mute, unmute = "2023-11-14 22:13 UTC  oscar mute alice 1h", "2023-11-14 22:13 UTC  olga unmute alice"
    assert s.answer("otto", "audit") == (mute, unmute)
    assert s.answer("otto", "audit 1") == (unmute,)


@pytest.mark.parametrize("line", ["audit 200", "bans", "blocks", "ban bob --tree"])
def test_what_others_made_long_is_told_as_far_as_a_frame_holds_it(s: Scene, line: str) -> None:
    for number in range(600):
        s.state.audit.add(s["bob"], "report", f"{number} {'😀' * 390}", NOW)
        s.state.bans.put(of_name(str(number)), Ban(shown="x", by="otto", at=NOW, reason="😀" * 200), NOW)
        invited = arrive(s.state, f"{number}{'语' * 28}")
        s.state.stand(invited, invited=True, invited_by=s["bob"].id)
        s.state.stand(s["otto"], blocked=(*s["otto"].standing.blocked, invited.id))
    answer = s.answer("otto", line)
    assert len(wire.Encoded.of(wire.Answer(7, answer)).data) <= wire.MAX_FRAME_SERVER
    assert sum(len(text.encode()) for text in answer) > MAX_ANSWER // 2
    if line.startswith("audit"):
        assert " report 599 " in answer[-1], "the newest of it"
