"""What is offered where, from a core that is real."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

import wire
from client_repl.chat import Chat
from client_repl.commands.helping import Topic
from client_repl.commands.table import CommandSpec
from client_repl.terminal.completer import MAX_OFFERED, ChatCompleter, completes_while_typing

OWNER = wire.UserRole.OWNER


class Crowd:
    """The chat of an owner with many users, and a completer on it."""

    def __init__(self) -> None:
        nonces = (number.to_bytes(16) for number in itertools.count(1))
        self.chat = Chat("alice", new_nonce=lambda: next(nonces))
        self.asked: list[str] = []
        self.rooms = ["#ops", "#dev", "#d\x1bv", "#Design"]
        """That the user is in, latest active first."""
        limits = wire.Limits(max_text=wire.MAX_TEXT)
        rooms = (wire.Conversation(1, "#lobby", 0),)
        self.chat.welcomed(wire.Welcome(1, 1, "alice", 1, "test", bytes(16), 0, limits, 65536, rooms, role=OWNER))
        commands = {**self.chat.commands, "go": CommandSpec("go", "#ROOM", "go", Topic.ROOMS, lambda *_: [])}
        self.completer = ChatCompleter(self.chat.company.complete, self.complete_rooms, commands, self.asked.append)
        names = [
            "alice",
            "alfred",
            "alina",
            "bob",
            "zo\x1be",
            "z\u202eo",
            "zoe",
            "Sally",
            *(f"user{number:05}" for number in range(10_000)),
        ]
        users = tuple(wire.User(name, number, wire.Status.ONLINE) for number, name in enumerate(names, start=1))
        self.chat.received(wire.Members(0, 1, users, len(users)))
        for seq, name in enumerate(("alfred", "alina", "bob", "alfred"), start=1):
            account = names.index(name) + 1
            self.chat.received(wire.Message(1, seq, 0, wire.Kind.TEXT, 0, name, "#lobby", bytes(16), "hi", account))

    def complete_rooms(self, prefix: str) -> list[str]:
        return [room for room in self.rooms if room.casefold().startswith("#" + prefix.removeprefix("#").casefold())]

    def offers(self, before: str, after: str = "") -> Iterator[str]:
        """The line as each offer makes it, without a blank at its end."""
        document = Document(before + after, len(before))
        for offer in self.completer.get_completions(document, CompleteEvent()):
            yield (before[: len(before) + offer.start_position] + offer.text + after).rstrip()


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return Crowd()


@pytest.mark.parametrize(
    ("before", "after", "offers"),
    [
        ("@al", "", ["@alfred", "@alina", "@Sally", "@alice"]),
        ("hi @AL", " you", ["hi @alfred you", "hi @alina you", "hi @Sally you", "hi @alice you"]),
        ("line\n@bo", "", ["line\n@bob"]),
        ("@nobody", "", []),
        ("hi @bo\n", "", []),
        ("@z", "", ["@zoe"]),
        ("mail@al", "", []),
        ("al", "", ["alfred:", "alina:", "alice:"]),  # read by everybody
        ("hi AL", " you", ["hi alfred you", "hi alina you", "hi alice you"]),
        ("two\nbo", "", ["two\nbob"]),
        ("ob", "", []),
        ("hi z", "", ["hi zoe"]),
        ("hi ", "", []),
        ("", "", []),
        ("say /q", "", []),
        ("#d", "", ["#dev", "#Design"]),
        ("see #", " there", ["see #ops there", "see #dev there", "see #Design there"]),
        ("a#d", "", []),
        # commands
        ("/qu", "", ["/quit"]),
        ("/M", "", ["/msg", "/me", "/mute", "/rooms", "/whoami", "/unmute", "/admit"]),
        ("/nothing al", "", []),
        # and what they take
        ("/msg al", "", ["/msg alfred", "/msg alina", "/msg Sally", "/msg alice"]),
        ("/msg @b", "", ["/msg @bob"]),
        ("/msg bob hi al", "", ["/msg bob hi alfred", "/msg bob hi alina", "/msg bob hi alice"]),
        ("/me hugs bo", "", ["/me hugs bob"]),
        ("/nobody bo", "", []),
        ("/msg bob hi @b", "", ["/msg bob hi @bob"]),
        ("/me hugs @b", "", ["/me hugs @bob"]),
        ("/nick al", "", []),
        ("/help wh", "", ["/help who", "/help whois", "/help whoami"]),
        ("/help /wh", "", ["/help /who", "/help /whois", "/help /whoami"]),
        ("/help roo", "", ["/help rooms"]),
        ("/help al", "", ["/help all", "/help talking"]),
        ("/go d", "", ["/go #dev", "/go #Design"]),
        ("/go #D", "", ["/go #dev", "/go #Design"]),
        ("/join #dev ", "", ["/join #dev joined"]),
        ("/switch #o", "", ["/switch #ops"]),
        ("/switch @bo", "", ["/switch @bob"]),
        ("/reply #", "", []),
        ("/reply #12 #o", "", ["/reply #12 #ops"]),
        ("/set th", "", ["/set theme"]),
        ("/set theme d", "", ["/set theme dark"]),
        ("/set zone eur", "", None),
        ("/set nothing a", "", []),
        ("/history 20 ", "", ["/history 20 since", "/history 20 before"]),
        ("/search it in #d", "", ["/search it in #dev", "/search it in #Design"]),
        ("/search it in #dev from @bo", "", ["/search it in #dev from @bob"]),
        ("/forget a", "", ["/forget all"]),
        ("/role bob o", "", ["/role bob owner", "/role bob operator"]),
        ("/raid o", "", ["/raid on", "/raid off"]),
        ("/ban bob --", "", ["/ban bob --all", "/ban bob --tree"]),
        ("/react #3 par", "", None),
        # emoji
        (":tada", "", ["\N{PARTY POPPER}"]),
        ("well :TADA", " then", ["well \N{PARTY POPPER} then"]),
        ("/react #3 :tada", "", ["/react #3 \N{PARTY POPPER}"]),
        (":t", "", []),
        ("10:30", "", []),
        ("http://tada", "", []),
        (":-D", "", []),
    ],
)
def test_offers(crowd: Crowd, before: str, after: str, offers: list[str] | None) -> None:
    """None: more than a test should list."""
    found = list(crowd.offers(before, after))
    if offers is None:
        assert len(found) > 3
    else:
        assert found == offers


def test_of_emoji_the_common_ones_come_first_and_show_their_name(crowd: Crowd) -> None:
    first, second, *_ = crowd.completer.get_completions(Document(":thu"), CompleteEvent())
    assert (first.text, first.display_text) == ("👍 ", "👍 :thumbs_up:")
    assert second.display_text == "👎 :thumbs_down:"
    assert next(crowd.offers("/react #3 ")) == "/react #3 👍"


def test_time_zones_are_found_by_what_is_in_them(crowd: Crowd) -> None:
    assert list(crowd.offers("/set zone berl")) == ["/set zone Europe/Berlin"]


def test_files_are_offered_where_a_command_takes_one(crowd: Crowd, tmp_path: Path) -> None:
    (tmp_path / "my-key.pem").touch()
    (tmp_path / "my\x1b.pem").touch()
    assert list(crowd.offers(f"/key export {tmp_path}/my")) == [f"/key export {tmp_path}/my-key.pem"]


@pytest.mark.parametrize(
    ("before", "meta"), [("@bo", "private message"), ("  @bo", "private message"), ("hi @bo", "mention")]
)
def test_who_alone_would_read_the_line_is_told_from_who_is_called(crowd: Crowd, before: str, meta: str) -> None:
    (offer,) = crowd.completer.get_completions(Document(before), CompleteEvent())
    assert offer.display_meta_text == meta


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("@bo", "", "bob "),
        ("@bo", "\nmore", "bob "),
        ("@bo", " more", "bob"),
        ("@bo", ", more", "bob"),
        ("/qu", "", "quit "),
    ],
)
def test_a_blank_follows_where_a_line_ends(crowd: Crowd, before: str, after: str, text: str) -> None:
    (offer,) = crowd.completer.get_completions(Document(before + after, len(before)), CompleteEvent())
    assert offer.text == text
    assert offer.display_text == offer.display_text.rstrip()


def test_the_latest_speakers_come_first_and_the_menu_ends(crowd: Crowd) -> None:
    offers = list(crowd.offers("@"))
    assert offers[:4] == ["@alfred", "@bob", "@alina", "@Sally"]
    assert len(offers) == MAX_OFFERED


def test_commands_show_arguments_and_help(crowd: Crowd) -> None:
    (offer,) = crowd.completer.get_completions(Document("/msg"), CompleteEvent())
    assert (offer.display_text, offer.display_meta_text) == ("/msg NAME TEXT", "send a direct message")


def test_the_server_is_asked_for_typed_names(crowd: Crowd) -> None:
    crowd.asked.clear()
    list(crowd.offers("hi @us"))
    list(crowd.offers("/msg zo"))
    list(crowd.offers("/qu"))
    list(crowd.offers("see #d"))
    assert crowd.asked == ["us", "zo", "#"]


@pytest.mark.parametrize(
    ("before", "opens"),
    [
        ("@", True),
        ("hi @a", True),
        ("hi #", True),
        ("#de", True),
        ("/reply #1", False),
        ("/reply #1 in #", True),
        ("a#b", False),
        ("/", True),
        ("/ms", True),
        ("/msg b", False),
        ("/msg @b", True),
        ("/set th", False),
        ("hi :t", False),
        ("hi :ta", True),
        (":+1", True),
        ("at 10:30", False),
        ("http://x", False),
        (":)", False),
        ("hi", False),
        ("a@b", False),
    ],
)
def test_when_the_menu_opens_by_itself(crowd: Crowd, before: str, *, opens: bool) -> None:
    assert completes_while_typing(before, crowd.chat.commands) is opens


@pytest.mark.parametrize(
    "before", ["", "@", "#", ":", "/", "/msg ", "/set ", "/set theme ", "/key export ", "/search x in "]
)
@example("~\0")
@given(text=st.text())
def test_whatever_stands_before_the_cursor_something_or_nothing_is_offered(
    crowd: Crowd, before: str, text: str
) -> None:
    assert len(list(crowd.offers(before + text))) <= MAX_OFFERED
    completes_while_typing(before + text, crowd.chat.commands)
