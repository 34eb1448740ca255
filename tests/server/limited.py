"""A server whose limits hold, with somebody who floods it and somebody who must not notice."""

from typing import Any

import trio
import trio.testing

import wire
from tests.server.rig import Client, running

FLOODER, FRIEND = "192.0.2.66", "198.51.100.7"
HOUR = 3600.0


def limited(**config: Any) -> Any:
    """A server whose limits hold for everybody, and where nobody counts as new."""
    anybody: dict[str, Any] = {"exempt": (), "newcomer_time": 0}
    return running(**anybody | config)


async def is_answered_at_once(friend: Client) -> None:
    """What others notice of a flood: nothing."""
    start = trio.current_time()
    said = friend.say("still here")
    while (await friend.until(wire.Message)).nonce != said.nonce:
        pass
    assert trio.current_time() == start
