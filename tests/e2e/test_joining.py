"""Joining a server as its host and its friends do: by the lines that it prints, encrypted."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from client_repl.core.address import parse
from tests.certificates import self_signed
from tests.e2e.processes import Client, Server, chatting, serving
from tests.e2e.raw import any_server
from tests.e2e.test_trust import run


@asynccontextmanager
async def hosting(folder: Path) -> AsyncIterator[tuple[Server, str, str]]:
    """A server with TLS, the invite line that it printed, and the token of its owner."""
    async with serving(folder, plaintext=False) as server:
        printed: dict[str, str] = {}
        while "owner-" not in printed:
            line = await server.lines.next()
            assert line is not None
            if found := re.search(r"(tchat://|owner-)\S+", line):
                printed.setdefault(found[1], found[0])
        yield server, printed["tchat://"], printed["owner-"]


async def answer(client: Client, line: str) -> str:
    """What the server says to a command."""
    await client.send(line)
    notice = await client.next("notice")
    return f"{notice['text']} {notice.get('copy', '')}".strip()


def word(text: str, beginning: str) -> str:
    """The word in it that begins so."""
    return next(word for word in text.split() if word.startswith(beginning))


def logged(folder: Path) -> str:
    """What the server and the clients wrote to stderr."""
    return "".join(file.read_text() for file in folder.glob("*.log"))


async def test_a_printed_line_an_invite_a_link_and_a_token_let_in(tmp_path: Path) -> None:
    async with (
        hosting(tmp_path) as (server, line, owner),
        chatting(tmp_path, line, "alice", plaintext=False) as alice,
    ):
        assert "yours" in await answer(alice, f"/owner {owner}")
        invite = word(await answer(alice, "/invite"), "tchat://")
        link = word(await answer(alice, "/link"), "link-")
        access = word(await answer(alice, "/token builds"), "access-")
        key = (await answer(alice, "/key")).rstrip(".").split()[-1]
        assert key in await answer(alice, "/whoami")
        file = tmp_path / "token"
        file.write_text(access)
        file.chmod(0o600)
        async with (
            chatting(tmp_path, invite, "bob", plaintext=False) as bob,
            chatting(tmp_path, line, "phone", "--link", link, plaintext=False) as phone,
            chatting(tmp_path, line, "bot", "--access", str(file), plaintext=False) as bot,
        ):
            assert [client.seen[-1]["name"] for client in (bob, phone, bot)] == ["bob", "alice", "alice"]
            await bob.send("hello")
            for client in (alice, bob, phone, bot):
                await client.next("message", text="hello")
        logs = logged(tmp_path)
        for secret in (owner, parse(invite).token, link, access):
            assert secret.partition("-")[2] not in logs
        assert server.where in json.loads((tmp_path / "bob" / "known-servers.json").read_text())


async def test_a_used_invite_and_a_used_link_are_told(tmp_path: Path) -> None:
    async with hosting(tmp_path) as (_, line, owner), chatting(tmp_path, line, "alice", plaintext=False) as alice:
        await answer(alice, f"/owner {owner}")
        invite = word(await answer(alice, "/invite"), "tchat://")
        link = word(await answer(alice, "/link"), "link-")

        async def say(name: str, *arguments: str) -> "tuple[int, str]":
            state = str(tmp_path / name)
            done = await run(*arguments, "--name", name, "--state", state, "send", "#lobby", "hello")
            return done.returncode, done.stderr.partition(":")[0]

        assert await say("bob", invite) == (0, "")
        assert await say("carol", invite) == (1, "invite-used")
        assert await say("bob", invite) == (0, "")  # a key that is known needs none
        assert await say("phone", line, "--link", link) == (0, "")
        assert await say("stranger", line, "--link", link) == (1, "link-used")


async def test_a_machine_between_a_client_that_trusts_it_and_the_server_has_no_proof(tmp_path: Path) -> None:
    async with (
        hosting(tmp_path) as (server, _, _),
        relaying(server, tmp_path) as where,
    ):
        done = await run(
            where, "--trust-new", "--name", "alice", "--state", str(tmp_path / "alice"), "send", "#lobby", "x"
        )
        assert done.returncode == 1
        assert done.stderr.startswith("bad-proof: ")


@asynccontextmanager
async def relaying(server: Server, folder: Path) -> AsyncIterator[str]:
    """A machine in the middle that passes everything on, over TLS on both sides."""
    context = self_signed().context(folder)

    async def relay(transport: trio.SocketStream) -> None:
        client = trio.SSLStream(transport, context, server_side=True)
        behind = trio.SSLStream(await trio.open_tcp_stream(*server.address), any_server())
        async with trio.open_nursery() as nursery:

            async def copy(source: trio.abc.Stream, sink: trio.abc.Stream) -> None:
                try:
                    while data := await source.receive_some(65536):
                        await sink.send_all(data)
                except trio.BrokenResourceError:
                    pass
                nursery.cancel_scope.cancel()

            nursery.start_soon(copy, behind, client)
            await copy(client, behind)
        await trio.aclose_forcefully(behind)
        await trio.aclose_forcefully(client)

    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, relay, [listener])
        yield f"127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()
