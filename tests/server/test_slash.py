"""Commands by name: whom each is for, what it does, what is put on the trail, and what is refused without a trace."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from tests.server.people import NOW, changed, facts, refused
from tests.server.slash_scene import MEMBER, OPERATOR, OWNER, TOKENS, Scene, scene
from trio_chat.bans import of_account, of_key
from trio_chat.effects import Evict, Reply, ReplyWhenKept, Report, TakeBack, Tell
from trio_chat.errors import Refusal
from trio_chat.moderation import role_rank
from trio_chat.slash import TABLE
from trio_chat.slash.asked import MAX_REASON
from wire import Code, UserRole


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
    "whois": "@bob",
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
        *("whois", "block", "unblock", "blocks", "report", "owner"),
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
    "whois": ["", "bob x"],
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
    "approve": ["on x"],
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
