"""A server that says on the network where it is, and a client that finds it. On loopback: no other host hears of it."""

import socket

import trio

from client_repl.connection import lan as finding
from trio_chat import lan

HERE = "127.0.0.1"


async def test_a_server_that_is_announced_is_found_with_its_port() -> None:
    names = f"tea. at {socket.gethostname()[:20]}"
    found: list[finding.Found] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lan.announce, names, 7601, [HERE])
        with trio.fail_after(30):
            while not any(one.address.port == 7601 for one in found):
                found = await trio.to_thread.run_sync(finding.find, 1.0, [HERE])
        nursery.cancel_scope.cancel()
    [ours] = [one for one in found if one.address.port == 7601]
    assert (ours.name, ours.address.host) == (names.replace(".", " "), HERE)


async def test_where_it_cannot_be_announced_the_server_goes_on() -> None:
    with trio.fail_after(30):
        await lan.announce("no such port", 1 << 20, [HERE])
