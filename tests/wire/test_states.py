"""Every state × every event, sent and received, for both roles, against a table that is written out here."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from tests.wire.samples import CHALLENGE, HELLO, LOGIN, PROOF, SAMPLES, WELCOME, play
from wire import Role, State
from wire.frame import encode

ALLOWED: Final = {
    (Role.CLIENT, State.SEND_HELLO): "Hello Bye",
    (Role.CLIENT, State.SEND_PROOF): "Proof Bye",
    (Role.CLIENT, State.WAIT): "Bye",
    (Role.CLIENT, State.OPEN): (
        "Ping Pong Bye Resume Say Who Nick SetStatus Join Leave Rooms Fetch Search MarkRead Command"
    ),
    (Role.CLIENT, State.CLOSED): "",
    (Role.CLIENT, State.ERROR): "",
    (Role.SERVER, State.WAIT): "Refused Bye",
    (Role.SERVER, State.SEND_CHALLENGE): "Refused Challenge Bye",
    (Role.SERVER, State.SEND_WELCOME): "Refused Welcome Bye",
    (Role.SERVER, State.OPEN): (
        "Ping Pong Bye Refused Done Stored Message Gap Presence Members Page Joined Left RoomList ReadMark "
        "Answer Notice"
    ),
    (Role.SERVER, State.CLOSED): "",
    (Role.SERVER, State.ERROR): "",
}
"""What the page says that a side may send; the names of the classes."""

MOVES: Final = {
    "Hello": (State.WAIT, State.SEND_CHALLENGE),
    "Challenge": (State.WAIT, State.SEND_PROOF),
    "Proof": (State.WAIT, State.SEND_WELCOME),
    "Welcome": (State.OPEN, State.OPEN),
}
"""Next state of the sender, and of the receiver where it waits."""

_BYE: Final = wire.Bye(wire.ByeReason.QUIT)
_C_BYE: Final = (Role.CLIENT, _BYE)
_S_BYE: Final = (Role.SERVER, _BYE)
PHASES: Final = {
    "new": ((), State.SEND_HELLO, State.WAIT),
    "after Hello": (LOGIN[:1], State.WAIT, State.SEND_CHALLENGE),
    "after Challenge": (LOGIN[:2], State.SEND_PROOF, State.WAIT),
    "after Proof": (LOGIN[:3], State.WAIT, State.SEND_WELCOME),
    "open": (LOGIN, State.OPEN, State.OPEN),
    "client left before Hello": ((_C_BYE,), State.CLOSED, State.WAIT),
    "client left after Hello": ((*LOGIN[:1], _C_BYE), State.CLOSED, State.SEND_CHALLENGE),
    "client left before Proof": ((*LOGIN[:2], _C_BYE), State.CLOSED, State.WAIT),
    "client left after Proof": ((*LOGIN[:3], _C_BYE), State.CLOSED, State.SEND_WELCOME),
    "client left": ((*LOGIN, _C_BYE), State.CLOSED, State.OPEN),
    "server left before Hello": ((_S_BYE,), State.SEND_HELLO, State.CLOSED),
    "server left after Hello": ((*LOGIN[:1], _S_BYE), State.WAIT, State.CLOSED),
    "server left after Challenge": ((*LOGIN[:2], _S_BYE), State.SEND_PROOF, State.CLOSED),
    "server left after Proof": ((*LOGIN[:3], _S_BYE), State.WAIT, State.CLOSED),
    "server left": ((*LOGIN, _S_BYE), State.OPEN, State.CLOSED),
    "both left": ((*LOGIN, _C_BYE, _S_BYE), State.CLOSED, State.CLOSED),
    "Bye crossed Hello": ((_S_BYE, LOGIN[0]), State.WAIT, State.CLOSED),
    "Bye crossed Challenge": ((LOGIN[0], _C_BYE, LOGIN[1]), State.CLOSED, State.WAIT),
    "Bye crossed Proof": ((*LOGIN[:2], _S_BYE, LOGIN[2]), State.WAIT, State.CLOSED),
    "Bye crossed Welcome": ((*LOGIN[:3], _C_BYE, LOGIN[3]), State.CLOSED, State.OPEN),
}
"""Name -> (who sent what, the client's state, the server's)."""

NAMES: Final = {role: {type(event).__name__ for event in SAMPLES[role]} for role in Role}
EVENTS: Final = {type(event).__name__: event for event in SAMPLES[Role.CLIENT] + SAMPLES[Role.SERVER]}


def states(connection: wire.Connection) -> dict[Role, State]:
    return {connection.role: connection.our_state, connection.role.peer: connection.their_state}


def expected(sender: Role, name: str, now: dict[Role, State]) -> dict[Role, State] | None:
    """The states after `sender` has sent the event; None where it may not."""
    if name not in ALLOWED[sender, now[sender]].split():
        return None
    if name == "Bye":
        return now | {sender: State.CLOSED}
    if name not in MOVES:
        return now
    mine, theirs = MOVES[name]
    return {sender: mine, sender.peer: theirs if now[sender.peer] is State.WAIT else now[sender.peer]}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_is_where_it_says(role: Role, phase: str) -> None:
    script, client, server = PHASES[phase]
    assert states(play(role, script)) == {Role.CLIENT: client, Role.SERVER: server}


def test_the_phases_reach_every_state() -> None:
    reached = {(role, play(role, script).our_state) for role in Role for script, _, _ in PHASES.values()}
    assert reached == {(role, state) for role, state in ALLOWED if state is not State.ERROR}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("phase", PHASES)
def test_sending_every_event(role: Role, phase: str) -> None:
    for name, event in EVENTS.items():
        connection = play(role, PHASES[phase][0])
        now = states(connection)
        after = expected(role, name, now)
        if after is None:
            with pytest.raises(wire.LocalProtocolError):
                connection.send(event)
        else:
            assert connection.send(event) == encode(event)
        assert states(connection) == (after or now), name


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("phase", PHASES)
def test_receiving_every_event(role: Role, phase: str) -> None:
    for name, event in EVENTS.items():
        connection = play(role, PHASES[phase][0])
        now = states(connection)
        after = expected(role.peer, name, now)
        connection.receive_data(encode(event))
        if after is not None:
            assert connection.next_event() == event
            assert states(connection) == after, name
        elif name not in NAMES[role.peer] and now[role.peer] is not State.CLOSED:  # a number the peer does not have
            found = connection.next_event()
            assert isinstance(found, wire.Unknown) if role is Role.SERVER else found is wire.NEED_DATA
            assert states(connection) == now, name
        else:
            with pytest.raises(wire.RemoteProtocolError) as caught:
                connection.next_event()
            assert caught.value.code is wire.Code.WRONG_STATE
            assert states(connection) == now | {role.peer: State.ERROR}, name


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("phase", PHASES)
def test_every_event_after_the_peer_broke_off(role: Role, phase: str) -> None:
    for name, event in EVENTS.items():
        connection = play(role, PHASES[phase][0])
        connection.receive_data(b"GET / HTTP/1.1\r\n")
        with pytest.raises(wire.RemoteProtocolError) as first:
            connection.next_event()
        connection.receive_data(encode(event))
        with pytest.raises(wire.RemoteProtocolError) as second:
            connection.next_event()
        assert (second.value.code, second.value.text) == (first.value.code, first.value.text)
        now = states(connection)
        assert now[role.peer] is State.ERROR
        after = expected(role, name, now)
        if after is None:
            with pytest.raises(wire.LocalProtocolError):
                connection.send(event)
        else:
            connection.send(event)
        assert states(connection) == (after or now), name


@pytest.mark.parametrize("phase", [name for name, (_, _, server) in PHASES.items() if server is not State.CLOSED])
def test_a_server_that_has_not_said_bye_can_say_why_and_go(phase: str) -> None:
    connection = play(Role.SERVER, PHASES[phase][0])
    connection.send(wire.Refused(0, wire.Code.SERVER_FULL))
    connection.send(wire.Bye(wire.ByeReason.REFUSED))
    assert connection.our_state is State.CLOSED


@given(st.data())
def test_both_sides_agree_whatever_crosses_on_the_way(data: st.DataObject) -> None:
    """Two connections, each with bytes under way to the other; whoever may send something does so at any time."""
    sides = {role: wire.Connection(role) for role in Role}
    under_way: dict[Role, list[bytes]] = {role: [] for role in Role}
    login: list[wire.Event] = [HELLO, CHALLENGE, PROOF, WELCOME, wire.Ping(1), _BYE]
    for role, read in data.draw(st.lists(st.tuples(st.sampled_from(Role), st.booleans()), max_size=30)):
        side, inbox = sides[role], under_way[role.peer]
        may = [event for event in login if type(event).__name__ in ALLOWED[role, side.our_state].split()]
        if inbox and read:
            side.receive_data(inbox.pop(0))
            assert side.next_event() is not wire.NEED_DATA
        elif may:
            under_way[role].append(side.send(data.draw(st.sampled_from(may))))
    for role in Role:
        for chunk in under_way[role.peer]:
            sides[role].receive_data(chunk)
            assert sides[role].next_event() is not wire.NEED_DATA
    assert states(sides[Role.CLIENT]) == states(sides[Role.SERVER])
