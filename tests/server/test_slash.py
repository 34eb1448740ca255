"""Commands by name: whom each is for, what it does, what is put on the trail, and what is refused without a trace."""

from dataclasses import dataclass
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from tests.server.people import ADDRESS, NOW, SECRET, arrive, changed, facts, new_key, refused
from trio_chat.audit import MOST_OF_MEMBERS
from trio_chat.bans import MAX_BANS, of_account, of_key, of_name
from trio_chat.effects import Announce, Effect, Entered, Evict, Owned, Reply, ReplyWhenKept, Report, TakeBack, Tell
from trio_chat.entrance import Visitor, enter
from trio_chat.errors import Refusal
from trio_chat.facts import FOREVER, Ban
from trio_chat.keyring import MAX_DEVICES, fingerprint
from trio_chat.model import LOBBY
from trio_chat.moderation import role_rank
from trio_chat.people import Account
from trio_chat.rules import SERVER
from trio_chat.slash import TABLE, Asked, run
from trio_chat.slash.asked import MAX_REASON
from trio_chat.slash.others import MAX_SLOW, RAID_SLOW
from trio_chat.slash.own import MAX_BLOCKED
from trio_chat.state import State
from trio_chat.tokens import INVITES, LINKS, Purpose, make
from wire import Code, UserRole
from wire.invite import from_base32

DAY = 24 * 3600.0
OWNER, OPERATOR, MEMBER = UserRole.OWNER, UserRole.OPERATOR, UserRole.MEMBER


TOKENS: Final = {
    "INVITE": make(SECRET, Purpose.INVITE, account=4),
    "OLD-INVITE": make(SECRET, Purpose.INVITE, until=NOW - 60),
    "OWNER": make(SECRET, Purpose.OWNER),
    "OLD-OWNER": make(SECRET, Purpose.OWNER, until=NOW - 60),
    "STRANGE-OWNER": make(bytes(range(32)), Purpose.OWNER),
}
"""What stands for a token where one is typed."""


@dataclass
class Scene:
    """A server with people of each role, a room, a ban, a device and a token."""

    state: State
    people: dict[str, Account]
    linked: bytes

    def __getitem__(self, name: str) -> Account:
        return self.people[name]

    def order(self, who: str, line: str, *, access: bool = False, now: float = NOW) -> list[Effect]:
        name, *words = (TOKENS.get(word, word) for word in line.split())
        return self.run(who, wire.Command(7, name, tuple(words)), access=access, now=now)

    def run(self, who: str, command: wire.Command, *, access: bool = False, now: float = NOW) -> list[Effect]:
        account = self[who]
        return run(Asked(self.state, account, command.id, now, account.key, ADDRESS, access), command)

    def answer(self, who: str, line: str, **how: bool) -> tuple[str, ...]:
        [answer] = [one.event for one in self.order(who, line, **how) if isinstance(one, Reply | ReplyWhenKept)]
        assert isinstance(answer, wire.Answer)
        assert answer.ref == 7
        return answer.lines

    def seen(self) -> object:
        """What there is to see of it."""
        people = [(a.id, a.name, a.key, a.standing, dict(a.conversations)) for a in self.state.accounts.values()]
        return people, list(self.state.changes), list(self.state.conversations), self.state.audit.newest(1000)


def scene() -> Scene:
    state = State(secret=SECRET)
    people = {
        "olga": arrive(state, "olga", OWNER),
        "oscar": arrive(state, "oscar", OPERATOR),
        "otto": arrive(state, "otto", OPERATOR),
        "alice": arrive(state, "alice"),
        "bob": arrive(state, "bob"),
        "gus": arrive(state, "gus", guest=True),
    }
    state.enter_room(people["alice"], "#tea", wire.History.SHARED)
    state.bans.put(of_name("eve"), Ban(shown="eve", by="olga", at=NOW - 1), NOW)
    linked = new_key()
    for one in people.values():
        if not one.guest:
            state.keyring.link(one, new_key(), "", NOW)
            state.keyring.give_access(one, "old", NOW)
    state.keyring.link(people["alice"], linked, "", NOW)
    changed(state)
    return Scene(state, people, linked)


@pytest.fixture
def s() -> Scene:
    return scene()


GOOD: Final[dict[str, str]] = {
    "help": "",
    "whoami": "",
    "devices": "",
    "link": "",
    "revoke": "2",
    "token": "bot",
    "tokens": "",
    "untoken": "old",
    "invite": "",
    "uninvite": "INVITE",
    "block": "bob",
    "unblock": "@bob",
    "blocks": "",
    "report": "1:1 rude",
    "owner": "OWNER",
    "about": "alice",
    "kick": "alice too loud",
    "ban": "alice 7d --tree spam",
    "unban": "eve",
    "bans": "",
    "mute": "alice 10m be quiet",
    "unmute": "alice",
    "slow": "#tea 30",
    "lock": "#tea",
    "unlock": "#tea",
    "admit": "bob #tea",
    "approve": "alice",
    "raid": "on",
    "redact": "1:3",
    "purge": "alice 1h",
    "recover": "alice",
    "audit": "10",
    "role": "alice operator",
}
"""Words with which each command does something."""
OF_ROLE: Final = {MEMBER: "alice", OPERATOR: "oscar", OWNER: "olga"}
WHO: Final = {"owner": "alice", "uninvite": "alice"}


def who_may(name: str) -> str:
    return WHO.get(name) or OF_ROLE[TABLE[name].role]


def test_every_command_is_tried_here() -> None:
    assert GOOD.keys() == TABLE.keys()


# --- whom it is for


@pytest.mark.parametrize(
    ("name", "role"),
    [(name, role) for name, spec in TABLE.items() for role in UserRole if role_rank(role) < role_rank(spec.role)],
)
def test_it_is_refused_below_its_role_with_nothing_changed(s: Scene, name: str, role: UserRole) -> None:
    for words in ("", GOOD[name]):
        before = s.seen()
        with refused(Code.NOT_ALLOWED):
            s.order(OF_ROLE[role], f"{name} {words}")
        assert s.seen() == before


def test_what_operators_do_is_for_operators() -> None:
    """The list that a change of the table must not shorten unnoticed."""
    assert {name for name, spec in TABLE.items() if spec.role is MEMBER} == {
        *("help", "whoami", "devices", "link", "revoke", "token", "tokens", "untoken", "invite", "uninvite"),
        *("block", "unblock", "blocks", "report", "owner"),
    }
    assert {name for name, spec in TABLE.items() if spec.role is OWNER} == {"role"}


@pytest.mark.parametrize("name", TABLE)
def test_whoever_does_something_to_others_is_on_the_trail(s: Scene, name: str) -> None:
    who, spec = who_may(name), TABLE[name]
    if name == "owner":
        del s.state.accounts[s["olga"].id]
    effects = s.order(who, f"{name} {GOOD[name]}")
    trail = s.state.audit.newest(1000)
    changes = [fact for fact in changed(s.state) if getattr(fact, "id", None) != ("audit", "1")]
    assert effects
    if spec.audited:
        [entry] = trail
        assert (entry.at, entry.account, entry.name, entry.command) == (NOW, s[who].id, who, name)
        assert entry.arguments == GOOD[name]
    elif name == "owner":
        [entry] = trail
        assert (entry.command, entry.arguments) == ("owner", "alice")
    else:
        assert not trail
    if spec.role is not MEMBER and not spec.audited:
        assert not changes, "it changes something, and is not on the trail"
        assert {type(effect) for effect in effects} == {Reply}, "it does something, and is not on the trail"


@pytest.mark.parametrize("name", TABLE)
def test_what_it_promises_is_on_disk_first(s: Scene, name: str) -> None:
    if name == "owner":
        del s.state.accounts[s["olga"].id]
    effects = s.order(who_may(name), f"{name} {GOOD[name]}")
    [answered] = [one for one in effects if isinstance(one, Reply | ReplyWhenKept | TakeBack | Report)]
    assert effects[-1] is answered, "the answer comes last"
    if changed(s.state):
        assert not isinstance(answered, Reply)


def test_the_trail_holds_no_token(s: Scene) -> None:
    secrets = [s.answer("olga", line)[-1].split()[-1] for line in ("link", "token x", "invite 3 1d", "recover alice")]
    s.order("olga", f"uninvite {secrets[2]}")
    del s.state.accounts[s["olga"].id]
    s.order("alice", "owner OWNER")
    trail = repr([*s.state.audit.newest(1000), *facts(changed(s.state))])
    for secret in (*secrets, TOKENS["OWNER"]):
        assert len(secret) > 40
        assert secret.split("-", 1)[1] not in trail


def test_a_command_that_is_none(s: Scene) -> None:
    for name in ("", "HELP", "shutdown", "x" * 1000, "\x1b[31m"):
        with refused(Code.NO_SUCH_COMMAND) as caught:
            s.run("olga", wire.Command(1, name))
        assert caught.value.text.isprintable()


# --- words

WRONG: Final[dict[str, list[str]]] = {
    "help": ["x"],
    "whoami": ["x"],
    "devices": ["x"],
    "link": ["x"],
    "revoke": ["", "x", "0", "4", "-1", "1 x", "٣", "1.0"],
    "token": ["", "two words", "x" * 33],
    "tokens": ["x"],
    "untoken": ["", "nothing", "two words"],
    "invite": ["x", "0", "10001", "1 2", "1d x", "11y", "999999w"],
    "uninvite": ["", "two words"],
    "block": ["", "bob x"],
    "unblock": ["", "bob x"],
    "blocks": ["x"],
    "report": ["", "x", "1", "1:", ":1", "1:1:1", "4294967296:1", "1:4294967296", "-1:1"],
    "owner": ["", "two words"],
    "about": ["", "alice bob"],
    "kick": [""],
    "ban": ["", "alice 3 days", "192.0.2.1 1day", "--all", "--tree --all", "alice 999999w", "alice 3651d"],
    "unban": ["", "alice", "alice bob", "10.0.0.0/8"],
    "bans": ["x"],
    "mute": ["", "alice 999999d", "alice 1 hour", "alice 60min", "alice 0m"],
    "unmute": ["", "alice bob"],
    "slow": ["", "#tea", "0", "-5", "3601", "2h", "#tea x", "#tea 5 x", "off x"],
    "lock": ["x", "#tea x", "tea"],
    "unlock": ["x", "#tea x", "tea"],
    "admit": ["", "alice", "alice #tea x"],
    "approve": ["", "on x"],
    "raid": ["", "maybe", "on x"],
    "redact": ["", "x", "1:1 x"],
    "purge": ["", "alice", "alice x", "alice 1h x", "alice 0h"],
    "recover": ["", "alice x"],
    "audit": ["x", "0", "201", "1 2"],
    "role": ["", "alice", "alice king", "alice owner x"],
}


@pytest.mark.parametrize(("name", "words"), [(name, words) for name in TABLE for words in WRONG[name]])
def test_wrong_words_are_refused_with_how_it_is_written(s: Scene, name: str, words: str) -> None:
    before = s.seen()
    with refused(Code.BAD_ARGUMENT) as caught:
        s.order(who_may(name), f"{name} {words}")
    assert s.seen() == before
    own_text = {("unban", word) for word in ("alice", "10.0.0.0/8")} | {("untoken", "nothing")}
    assert TABLE[name].usage in caught.value.text or (name, words) in own_text


@pytest.mark.parametrize(
    ("line", "code"),
    [
        *((f"{name} nobody", Code.NO_SUCH_USER) for name in ("about", "kick", "mute", "unmute", "recover", "approve")),
        ("block nobody", Code.NO_SUCH_USER),
        ("unblock nobody", Code.NO_SUCH_USER),
        ("purge nobody 1h", Code.NO_SUCH_USER),
        ("role nobody owner", Code.NO_SUCH_USER),
        ("admit nobody #tea", Code.NO_SUCH_USER),
        *((f"{name} #nowhere", Code.NO_SUCH_ROOM) for name in ("lock", "unlock", "slow", "admit bob")),
        ("report 2:1", Code.NO_SUCH_ROOM),
        ("redact 99:1", Code.NO_SUCH_ROOM),
        ("ban two@names", Code.NAME_INVALID),
        ("ban 10.0.0.0/99", Code.NAME_INVALID),
        ("ban operator", Code.NAME_RESERVED),
        ("ban " + "x" * 99, Code.NAME_TOO_LONG),
        ("kick alice " + "x" * (MAX_REASON + 1), Code.TEXT_TOO_LONG),
        ("admit alice #tea", Code.NOT_ALLOWED),
        ("recover gus", Code.NOT_ALLOWED),
        ("role gus operator", Code.NOT_ALLOWED),
        ("block olga", Code.NOT_ALLOWED),
        ("uninvite invite-x", Code.INVITE_INVALID),
        ("uninvite OLD-INVITE", Code.INVITE_EXPIRED),
        ("owner owner-x", Code.OWNER_INVALID),
        ("owner STRANGE-OWNER", Code.OWNER_INVALID),
        ("owner OLD-OWNER", Code.OWNER_EXPIRED),
        ("owner INVITE", Code.OWNER_INVALID),
        ("owner OWNER", Code.OWNER_USED),
        ("audit " * 65, Code.BAD_ARGUMENT),
    ],
)
def test_what_cannot_be_done_changes_nothing(s: Scene, line: str, code: Code) -> None:
    before = s.seen()
    with refused(code):
        s.order("olga", line)
    assert s.seen() == before


_WORDS: Final = st.lists(
    st.sampled_from(
        [TOKENS.get(word, word) for words in GOOD.values() for word in words.split()]
        + ["@alice", "#lobby", "--all", "--tree", "off", "on", "0", "65536", "999999w", "1s", "::1", "1.2.3.4", "::/0"]
        + ["ff" * 32, "1:0", "0:1", "4294967295:4294967295", "owner", "#", "@", "", "\x00", "oscar", "olga", "gus"]
    )
    | st.text(max_size=8),
    max_size=6,
)


@given(st.lists(st.tuples(st.sampled_from(sorted(TABLE)), _WORDS, st.booleans()), max_size=12))
def test_any_words_give_effects_or_a_refusal(orders: list[tuple[str, list[str], bool]]) -> None:
    s = scene()
    for who in ("olga", "alice", "gus"):
        for name, words, access in orders:
            before = s.seen()
            try:
                effects = s.run(who, wire.Command(1, name, tuple(words)), access=access)
            except Refusal:
                assert s.seen() == before, "refused, and yet something changed"
            else:
                for effect in effects:
                    if isinstance(effect, Reply | ReplyWhenKept):
                        assert isinstance(effect.event, wire.Answer)
                        assert all(map(str.isprintable, effect.event.lines))
                        wire.Encoded.of(effect.event)


# --- whom it is done to


@pytest.mark.parametrize("line", ["kick {}", "ban {}", "mute {}", "unmute {}", "purge {} 1h", "recover {}"])
@pytest.mark.parametrize("who", ["olga", "oscar"])
@pytest.mark.parametrize("whom", ["olga", "oscar", "otto", "alice"])
def test_nobody_acts_on_somebody_of_the_own_rank_or_above(s: Scene, line: str, who: str, whom: str) -> None:
    order = line.format(whom)
    if role_rank(s[whom].standing.role) < role_rank(s[who].standing.role):
        assert s.order(who, order)
        return
    before = s.seen()
    with refused(Code.NOT_ALLOWED):
        s.order(who, order)
    assert s.seen() == before


def test_a_ban_by_key_is_one_of_its_user(s: Scene) -> None:
    for key in (s["olga"].key, s["otto"].key):
        with refused(Code.NOT_ALLOWED):
            s.order("oscar", f"ban {key.hex()}")
    assert Evict("you are banned from this server for ever", account=s["alice"]) in s.order(
        "oscar", f"ban {s.linked.hex().upper()}"
    )
    assert {target for target, _ in s.state.bans.all(NOW)} >= {of_account(s["alice"].id), of_key(s.linked)}


@pytest.mark.parametrize("line", ["link", "revoke 1", "token bot", "untoken old", "invite", "owner OWNER"])
@pytest.mark.parametrize(("who", "access"), [("gus", False), ("alice", True)])
def test_keys_are_given_out_by_who_holds_one(s: Scene, line: str, who: str, access: bool) -> None:
    del s.state.accounts[s["olga"].id]
    before = s.seen()
    with refused(Code.NOT_ALLOWED):
        s.order(who, line, access=access)
    assert s.seen() == before


def test_the_last_owner_stays_one(s: Scene) -> None:
    for role in (MEMBER, OPERATOR):
        with refused(Code.NOT_ALLOWED):
            s.order("olga", f"role olga {role}")
    s.order("olga", "role oscar owner")
    s.order("olga", "role olga member")
    assert (s["olga"].standing.role, s["oscar"].standing.role) == (MEMBER, OWNER)
    with refused(Code.NOT_ALLOWED):
        s.order("olga", "role olga owner")


def test_a_role_is_told_to_who_has_it_and_approves(s: Scene) -> None:
    s.state.stand(s["alice"], approved=False)
    told, _ = s.order("olga", "role alice OPERATOR")
    assert told == Tell((s["alice"],), "olga made you an operator.")
    assert (s["alice"].standing.role, s["alice"].standing.approved) == (OPERATOR, True)


# --- about oneself


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


# --- what operators do


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
