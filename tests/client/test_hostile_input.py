"""Whatever is typed or pasted, with a connection and without one: it is done, or refused with a reason."""

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

import wire
from client_repl.chat import Chat
from client_repl.commands.table import COMMANDS
from client_repl.core.effects import Send
from client_repl.core.recallable import for_one, is_secret, may_be_offered, says
from client_repl.core.settings import SPECS
from client_repl.look import plain, view
from client_repl.look.paper import Paper
from client_repl.look.spoken import words
from client_repl.terminal.completer import ChatCompleter, completes_while_typing
from client_repl.terminal.entering import direct_target, objection, taken_back
from tests.client.any_item import HOSTILE
from tests.client.talk import message, nonces, rooms, shown, welcome

_PIECES = st.sampled_from(
    [
        *("#1", "1", "#2", "12", "all", "#lobby", "@bob", "bob", "since", "before", "2d", "in", "from", "list", "on"),
        *("off", "-", "export", "/x", f"{'0' * 30}{'9' * 30}", "٣", "²", "①", "1" * 5000, "default", "%", "%s"),
        *("../../etc/passwd", "~root", "~nobody/x", "\x00", "\ud800", "👍", ":tea:", "joined", "{", "a" * 17_000),
    ]
)
ARGUMENTS = st.one_of(HOSTILE, st.lists(st.one_of(_PIECES, st.text(max_size=6)), max_size=5).map(" ".join))
LINES = st.one_of(
    st.builds("/{} {}".format, st.sampled_from(sorted(COMMANDS)), ARGUMENTS),
    st.builds("/set {} {}".format, st.sampled_from(sorted(SPECS)), ARGUMENTS),
    st.builds("/set {} {}".format, st.sampled_from(sorted(SPECS)), _PIECES),
    st.builds("@{} {}".format, _PIECES, ARGUMENTS),
    ARGUMENTS,
)
PLACES = st.sampled_from(["", "#dev", "@bob", "@", "nonsense", "\x1b"])


def begun(place: str, role: wire.UserRole, *, connected: bool) -> Chat:
    c = Chat("alice", new_nonce=nonces(), screen=True)
    c.restore((), c.progress, place)
    if connected:
        c.welcomed(msgspec.structs.replace(welcome(conversations=rooms("#dev")), role=role))
        c.received(message(1, "hi alice"))
        c.received(message(2, "mine", sender="alice"))
    return c


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(LINES, min_size=1, max_size=5),
    place=PLACES,
    role=st.sampled_from(wire.UserRole),
    connected=st.booleans(),
)
@example(lines=["@\ud800 hi"], place="", role=wire.UserRole.MEMBER, connected=False)
@example(lines=[f"/set fold {'0' * 30}{'9' * 30}"], place="", role=wire.UserRole.MEMBER, connected=True)
def test_no_line_makes_the_client_fail(lines: list[str], place: str, role: wire.UserRole, connected: bool) -> None:
    c = begun(place, role, connected=connected)
    completer = ChatCompleter(c.company.complete, c.complete_rooms, c.commands, lambda _: None)
    for line in lines:
        [*completer.get_completions(Document(line), CompleteEvent())]
        completes_while_typing(line, c.commands)
        taken_back(c, line)
        says(line, "hi"), is_secret(line), may_be_offered(line)
        whom, refused = direct_target(c, line), objection(c, line)
        again = "" if whom is None else for_one(line, whom)
        assert not again or direct_target(c, again) == whom
        effects = c.submit(line)
        assert refused is None or not any(isinstance(effect, Send) for effect in effects)
        for item in [*shown(effects), *shown(c.received(message(3, "long\n" * 50)))]:
            view.render(item, 0, 60, home="#lobby", settings=c.settings, me="alice")
            words(item, Paper(0, 60, None, "#lobby", c.settings))
            plain.message(item, "#lobby")
            plain.remark(item)
        for effect in effects:
            if isinstance(effect, Send):
                wire.Encoded.of(effect.event)
        c.tick()
