"""What the user orders from the server by name: what is sent, how it is answered, and for whom which commands are."""

from datetime import UTC

import msgspec
import pytest
from prompt_toolkit.formatted_text.utils import fragment_list_to_text

import wire
from client_repl.chat import Chat
from client_repl.core.items import Failure, Notice
from client_repl.look import view
from tests.client.talk import account_of, asked, chat, connected, message, sent, shown, user, welcome
from trio_chat.slash import TABLE
from wire import UserRole


def as_role(role: UserRole, *, blocked: tuple[int, ...] = ()) -> Chat:
    c = chat()
    c.welcomed(msgspec.structs.replace(welcome(), role=role, blocked=blocked))
    return c


def command(c: Chat, line: str) -> wire.Command:
    event = asked(c.submit(line))
    assert isinstance(event, wire.Command)
    return event


def test_the_words_go_to_the_server_and_what_it_answers_is_shown() -> None:
    c = as_role(UserRole.OPERATOR)
    event = command(c, "/ban mallory 7d  too loud")
    assert (event.name, event.arguments) == ("ban", ("mallory", "7d", "too", "loud"))
    assert c.backlog == 1
    assert shown(c.received(wire.Answer(event.id, ("mallory is banned", "until then")))) == [
        Notice("mallory is banned\nuntil then")
    ]
    assert c.backlog == 0


def test_what_is_refused_comes_back() -> None:
    c = connected()
    event = command(c, "/whoami")
    refused = wire.Refused(event.id, wire.Code.RATE_LIMITED, "wait")
    assert shown(c.received(refused)) == [Failure("rate-limited", "wait", "/whoami")]


@pytest.mark.parametrize("typed", ["/report #1 spam", "/report 1: spam", "/report 1 spam", "/report 1:1 spam"])
def test_a_line_is_named_by_where_it_is(typed: str) -> None:
    c = connected()
    c.received(message(1))
    assert command(c, typed).arguments == ("1:1", "spam")


def test_a_line_that_is_not_on_the_screen_is_told_and_nothing_is_sent() -> None:
    c = connected()
    effects = c.submit("/report #7 spam")
    assert not sent(effects)
    (failure,) = shown(effects)
    assert isinstance(failure, Failure)
    assert (failure.code, failure.draft) == ("no-such-message", "/report #7 spam")
    assert failure.text.startswith("There is no line #7; /history")


def test_too_many_words_are_not_sent() -> None:
    c = connected()
    for words in ("x " * 100, "ä" * 4000):
        effects = c.submit(f"/report 1:1 {words}")
        assert not sent(effects)
        assert isinstance(shown(effects)[0], Failure)


def test_who_is_offered_what_the_server_lets_them_do() -> None:
    members, operators, owners = (set(as_role(role).commands) for role in reversed(UserRole))
    assert members < operators < owners
    assert owners - operators == {"role"}
    ours = {name: spec for name, spec in as_role(UserRole.OWNER).commands.items() if name in TABLE and name != "help"}
    assert set(ours) == set(TABLE) - {"help"}
    assert {name: spec.role for name, spec in ours.items()} == {name: TABLE[name].role for name in ours}


def test_help_lists_for_each_what_they_may_do() -> None:
    (mine,), (theirs,) = (shown(as_role(role).submit("/help all")) for role in (UserRole.OPERATOR, UserRole.MEMBER))
    assert isinstance(mine, Notice)
    assert isinstance(theirs, Notice)
    assert "/purge" in mine.text
    assert "/purge" not in theirs.text


def test_a_notice_is_shown_and_may_mean_another_role() -> None:
    c = connected()
    effects = c.received(wire.Notice("bob made you operator."))
    assert shown(effects) == [Notice("bob made you operator.", unasked=True)]
    (who,) = sent(effects)
    assert isinstance(who, wire.Who)
    me = msgspec.structs.replace(user("alice"), role=UserRole.OPERATOR)
    assert shown(c.received(wire.Members(who.id, 1, (me,), 1))) == []
    assert "kick" in c.commands


def test_whoever_owns_the_server_has_its_commands_at_once() -> None:
    c = connected()
    event = command(c, "/owner owner-abc")
    c.received(wire.Answer(event.id, ("This server is yours.",)))
    assert "role" in c.commands


def test_who_is_blocked_does_not_call_the_user_by_name() -> None:
    c = as_role(UserRole.MEMBER, blocked=(account_of("eve"),))
    c.received(wire.Members(0, 1, (user("alice"), user("bob"), user("eve")), 3))
    mentions = {}
    for seq, name in enumerate(("eve", "bob"), start=1):
        (line,) = shown(c.received(message(seq, "alice!", sender=name)))
        mentions[name] = line.mention  # type: ignore[union-attr]
    assert mentions == {"eve": False, "bob": True}
    for word, mention in (("block", False), ("unblock", True)):
        event = command(c, f"/{word} bob")
        c.received(wire.Answer(event.id, ("done",)))
        seq += 1
        (line,) = shown(c.received(message(seq, "alice?", sender="bob")))
        assert line.mention is mention  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("answer", "copied"),
    [
        (("This lets one person in:", "invite-abc"), "tchat://example.org:7557/abc"),
        (("Start the client with:", "--link link-abc"), "--link link-abc"),
        (("It is shown this once:", "access-abc"), "access-abc"),
        (("You are alice.", "You are new here."), ""),
    ],
)
def test_what_will_be_copied_stands_in_a_line_of_its_own(answer: tuple[str, ...], copied: str) -> None:
    c = connected()
    c.ordering.invite = lambda token: f"tchat://example.org:7557/{token.removeprefix('invite-')}"
    event = command(c, "/invite")
    (notice,) = shown(c.received(wire.Answer(event.id, answer)))
    assert isinstance(notice, Notice)
    assert notice.to_copy == copied
    assert notice.text == "\n".join(answer[:1] if copied else answer)


def test_an_invite_to_this_computer_says_so() -> None:
    c = connected()
    c.ordering.invite, c.ordering.local = lambda _: "tchat://localhost:7557/abc", "localhost"
    invites, links = command(c, "/invite"), command(c, "/link")
    (notice,) = shown(c.received(wire.Answer(invites.id, ("This lets one person in:", "invite-abc"))))
    assert "To others localhost is their own computer" in str(notice)
    (notice,) = shown(c.received(wire.Answer(links.id, ("Start the client with:", "--link link-abc"))))
    assert "localhost" not in str(notice)


def test_a_narrow_window_does_not_break_what_is_copied() -> None:
    invite = f"tchat://[2001:db8::1]:7557/{'a2' * 48}"
    text = fragment_list_to_text(view.render(Notice("An invite:", invite), 0, 40, UTC))
    assert text.endswith(f"An invite:\n{invite}\n")
    forged = fragment_list_to_text(view.render(Notice("An invite:", "--link 12:00 bob: hi"), 0, 40, UTC))
    assert all(row.startswith("    ") for row in forged.splitlines()[1:])


@pytest.mark.parametrize("kind", ["owner-", "link-", "--link link-", "access-"])
def test_a_secret_that_is_pasted_without_its_command_is_not_said(kind: str) -> None:
    c = connected()
    line = f" {kind}{'a2' * 19}"
    effects = c.submit(line)
    (failure,) = shown(effects)
    assert isinstance(failure, Failure)
    assert (sent(effects), failure.draft) == ([], line)
    assert sent(c.submit(f"/say {line}"))
    assert sent(c.submit("owner-less, and access-ible"))
