"""What is offered where, from a core that is real."""

import itertools
from collections.abc import Iterator

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

import wire
from client_repl.chat import Chat
from client_repl.commands import CommandSpec, Completes
from client_repl.completer import MAX_OFFERED, ChatCompleter, completes_while_typing


class Crowd:
    """A chat with many users, and a completer on it."""

    def __init__(self) -> None:
        nonces = (number.to_bytes(16) for number in itertools.count(1))
        self.chat = Chat("alice", new_nonce=lambda: next(nonces))
        self.asked: list[str] = []
        self.rooms = ["#ops", "#dev", "#d\x1bv", "#Design"]
        """That the user is in, latest active first."""
        commands = {**self.chat.commands, "go": CommandSpec("go", "#ROOM", "go", Completes.ROOM, lambda *_: [])}
        self.completer = ChatCompleter(self.chat.complete_names, self.complete_rooms, commands, self.asked.append)
        limits = wire.Limits(max_text=wire.MAX_TEXT)
        rooms = (wire.Conversation(1, "#lobby", 0),)
        self.chat.welcomed(wire.Welcome(1, 1, "alice", 1, "test", bytes(16), 0, limits, 65536, rooms))
        names = [
            "alice",
            "alfred",
            "alina",
            "bob",
            "zo\x1be",
            "z\u202eo",
            "zoe",
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
        ("@al", "", ["@alfred", "@alina", "@alice"]),
        ("hi @AL", " you", ["hi @alfred you", "hi @alina you", "hi @alice you"]),
        ("line\n@bo", "", ["line\n@bob"]),
        ("@nobody", "", []),
        ("hi @bo\n", "", []),
        ("@z", "", ["@zoe"]),
        ("mail@al", "", []),
        ("al", "", []),
        ("", "", []),
        ("/q", "", ["/quit"]),
        ("/M", "", ["/msg", "/me"]),
        ("/msg al", "", ["/msg alfred", "/msg alina", "/msg alice"]),
        ("/msg @b", "", ["/msg @bob"]),
        ("/msg bob hi al", "", []),
        ("/me hugs @b", "", ["/me hugs @bob"]),
        ("/help wh", "", ["/help who", "/help whois", "/help whoami"]),
        ("/nick al", "", []),
        ("/nothing al", "", []),
        ("say /q", "", []),
        ("#d", "", ["#dev", "#Design"]),
        ("see #", " there", ["see #ops there", "see #dev there", "see #Design there"]),
        ("/reply #12 #o", "", ["/reply #12 #ops"]),
        ("/reply #", "", []),
        ("a#d", "", []),
        ("/go d", "", ["/go #dev", "/go #Design"]),
        ("/go #D", "", ["/go #dev", "/go #Design"]),
    ],
)
def test_offers(crowd: Crowd, before: str, after: str, offers: list[str]) -> None:
    assert list(crowd.offers(before, after)) == offers


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("@bo", "", "bob "),
        ("@bo", "\nmore", "bob "),
        ("@bo", " more", "bob"),
        ("@bo", ", more", "bob"),
        ("/q", "", "quit "),
    ],
)
def test_a_blank_follows_where_a_line_ends(crowd: Crowd, before: str, after: str, text: str) -> None:
    (offer,) = crowd.completer.get_completions(Document(before + after, len(before)), CompleteEvent())
    assert offer.text == text
    assert offer.display_text == offer.display_text.rstrip()


def test_the_latest_speakers_come_first_and_the_menu_ends(crowd: Crowd) -> None:
    offers = list(crowd.offers("@"))
    assert offers[:4] == ["@alfred", "@bob", "@alina", "@alice"]
    assert len(offers) == MAX_OFFERED


def test_commands_show_arguments_and_help(crowd: Crowd) -> None:
    (offer,) = crowd.completer.get_completions(Document("/ms"), CompleteEvent())
    assert (offer.display_text, offer.display_meta_text) == ("/msg NAME TEXT", "send a direct message")


def test_the_server_is_asked_for_typed_names(crowd: Crowd) -> None:
    crowd.asked.clear()
    list(crowd.offers("hi @us"))
    list(crowd.offers("/msg zo"))
    list(crowd.offers("/qu"))
    assert crowd.asked == ["us", "zo"]


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
        ("hi", False),
        ("a@b", False),
    ],
)
def test_when_the_menu_opens_by_itself(crowd: Crowd, before: str, *, opens: bool) -> None:
    assert completes_while_typing(before, crowd.chat.commands) is opens
