"""A bug, a flood or a lost log is the trouble of one; everybody else talks on."""

import json
import re
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

import wire
from tests.e2e.processes import ENVIRONMENT, Server, all_chatting, chatting, serving
from tests.e2e.raw import LOBBY, PATIENCE, Raw, new_nonce

NEVER = 600.0


async def test_a_bug_in_a_handler_ends_one_connection_and_is_logged(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, module="tests.e2e.faulty_server", faults=1, leave_grace=NEVER) as server,
        await Raw.join(server.address, "bystander") as bystander,
        all_chatting(tmp_path, server.where, "alice", "mallory") as (alice, mallory),
    ):
        await bystander.settle()  # it knows that both are there
        await mallory.send("/nick malory")
        assert (await mallory.next("error"))["draft"] == "/nick malory"
        await mallory.next("connection", state="reconnecting")
        assert (await mallory.next("welcome"))["name"] == "mallory"
        await alice.send("what was that?")
        await mallory.next("message", text="what was that?")
        await mallory.send("nothing, I hope")
        await alice.next("message", text="nothing, I hope")
        assert [type(event) for event in await bystander.settle()] == [wire.Message, wire.Message]
    [fault] = server.faults()
    assert json.loads(fault)["event"] == "session failed"
    for word in ("ZeroDivisionError", "a bug in a handler", "faulty_server.py"):
        assert word in fault


async def test_what_a_bug_leaves_in_the_log_holds_no_text(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, module="tests.e2e.faulty_server", faults=1) as server,
        await Raw.join(server.address, "alice") as alice,
    ):
        # In one write, so that the server has read the text when it meets its bug.
        await alice.send(wire.Say(10, new_nonce(), LOBBY, "meet me at the old mill"), wire.Nick(11, "bob"))
        await alice.end()
    assert "old mill" not in server.stderr.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the server's memory in /proc")
async def test_a_flood_from_one_client_keeps_nobody_from_talking_and_fills_no_memory(tmp_path: Path) -> None:
    if (yes := shutil.which("yes")) is None:
        pytest.skip("there is no `yes` here")
    lines, length, rounds = 5000, 4000, 20
    async with (
        serving(tmp_path, tail_bytes=1 << 20) as server,
        await Raw.join(server.address, "alice") as alice,
        await Raw.join(server.address, "bob") as bob,
    ):
        before = memory(server)
        command = [
            sys.executable,
            "-m",
            "client_repl",
            "--plaintext",
            server.where,
            "--name",
            "yes",
            "--state",
            str(tmp_path / "yes"),
        ]
        flood = f'"$1" {"y" * length} | head -n {lines} | {{ shift; exec "$@"; }}'
        heard: dict[Raw, list[wire.Message]] = {alice: [], bob: []}

        async def hear(client: Raw, said: wire.Say) -> None:
            """Read until this line is back."""
            while not heard[client] or heard[client][-1].nonce != said.nonce:
                heard[client].append(await client.next(wire.Message))

        async with trio.open_nursery() as nursery:
            with (tmp_path / "yes.out").open("wb") as out:
                run = partial(trio.run_process, ["sh", "-c", flood, "sh", yes, *command], stdout=out, stderr=out)
                process = await nursery.start(partial(run, env=ENVIRONMENT))
            heard[alice].append(await alice.next(wire.Message))  # it has begun
            for number in range(rounds):
                speaker, other = (alice, bob) if number % 2 else (bob, alice)
                [said] = await speaker.say(f"round {number}")
                async with trio.open_nursery() as both:
                    both.start_soon(hear, speaker, said)
                    both.start_soon(hear, other, said)
            with trio.fail_after(PATIENCE):
                while sum(message.sender == "yes" for message in heard[alice]) < lines:
                    heard[alice].append(await alice.next(wire.Message))
            assert await process.wait() == 0
        assert [message.seq for message in heard[alice]] == list(range(1, lines + rounds + 1))
        in_log = lines * length
        assert memory(server) < before + in_log + (16 << 20)


async def test_the_chat_goes_on_when_nobody_reads_the_log_any_more(tmp_path: Path) -> None:
    code = "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 2); os.execv(sys.argv[1], sys.argv[1:])"
    async with serving(tmp_path, prefix=[sys.executable, "-c", code]) as server:
        for number in range(3):  # each login and each refusal would be a line of the log
            async with await Raw.connect(server.address) as stranger:
                await stranger.send_bytes(b"HEAD / HTTP/1.1\r\n\r\n")
                await stranger.end()
            async with chatting(tmp_path, server.where, f"guest{number}") as client:
                await client.send("anybody here?", "/quit")
                await client.next("message", text="anybody here?")
                assert await client.exit() == 0


def memory(server: Server) -> int:
    """Bytes that the server holds in memory."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
