"""A connection that comes back: others who are here again never left, others who are not are told to have left."""

import wire
from client_repl.chat import Chat
from client_repl.core import returning
from client_repl.core.items import PresenceLine
from tests.client.talk import LOBBY, LOG, account_of, changed, chat, shown, user, welcome
from wire import Change


def told(effects: object) -> list[tuple[str, str]]:
    items = shown(effects)  # type: ignore[arg-type]
    return [(str(item.change.change), item.change.name) for item in items if isinstance(item, PresenceLine)]


def members(c: Chat, *users: wire.User, more: bool = False) -> None:
    c.received(wire.Members(0, LOBBY, (user("alice"), *users), len(users) + 1, more))


def here(*names: str, screen: bool = True) -> Chat:
    c = chat(screen=screen)
    c.welcomed(welcome())
    members(c, *map(user, names))
    return c


def come_back(c: Chat, *users: wire.User, log_id: bytes = LOG, more: bool = False) -> None:
    c.disconnected()
    c.welcomed(welcome(log_id=log_id))
    members(c, *users, more=more)


def wait(c: Chat) -> list[tuple[str, str]]:
    return [one for _ in range(returning.PATIENCE) for one in told(c.tick())]


def test_whoever_comes_back_never_left() -> None:
    c = here("bob", "carol", "dave")
    come_back(c, user("bob"))
    assert told(c.received(changed(Change.JOINED, "carol"))) == []
    assert told(c.received(changed(Change.JOINED, "erin"))) == [("joined", "erin")]
    assert told(c.received(changed(Change.LEFT, "carol"))) == [("left", "carol")]
    assert told(c.received(changed(Change.JOINED, "carol"))) == [("joined", "carol")], "it is news now"
    assert wait(c) == [("left", "dave")]
    assert wait(c) == []
    assert told(c.received(changed(Change.JOINED, "dave"))) == [("joined", "dave")]


def test_who_leaves_at_once_is_told_once() -> None:
    c = here("bob")
    come_back(c)
    assert told(c.received(changed(Change.LEFT, "bob"))) == [("left", "bob")]
    assert wait(c) == []


def test_who_has_another_account_has_the_same_name_and_the_other_way_round() -> None:
    c = here("bob", "carol", "dave")
    come_back(c, user("dave", 4200), user("carola", account_of("carol")))
    assert told(c.received(changed(Change.JOINED, "Bob", 4201))) == []
    assert wait(c) == []
    come_back(c)
    assert told(c.received(changed(Change.JOINED, "bobby", 4201))) == []
    assert wait(c) == [("left", "dave"), ("left", "carola")]


def test_several_connections_may_be_lost_until_all_are_back() -> None:
    c = here("bob", "carol")
    come_back(c, user("bob"))
    come_back(c, user("bob"))
    c.disconnected()
    c.disconnected()
    come_back(c)
    assert told(c.received(changed(Change.JOINED, "carol"))) == []
    assert wait(c) == [("left", "bob")]


def test_a_big_room_and_another_log_know_nothing_of_it() -> None:
    c = here("bob")
    come_back(c, more=True)
    assert wait(c) == []
    c = here("bob")
    come_back(c, log_id=b"other log".ljust(16))
    assert wait(c) == []


def test_a_script_gets_what_the_server_says() -> None:
    c = here("bob", screen=False)
    come_back(c)
    assert told(c.received(changed(Change.JOINED, "bob"))) == [("joined", "bob")]
    assert wait(c) == []
