"""What a client keeps on disk: killed at any moment, it has lost nothing, and the next one goes on where it was."""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

import wire
from tests.client.terminal_harness import TerminalProcess, python, shows
from tests.e2e.processes import ENVIRONMENT, Client, chatting, running, serving
from tests.e2e.proxy import proxying
from tests.e2e.raw import Raw


@asynccontextmanager
async def sitting(folder: Path, where: str) -> AsyncIterator[TerminalProcess]:
    """A terminal with alice's client, connected or not."""
    command = python("-m", "client_repl", "--plaintext", where, "--name", "alice", "--state", str(folder / "alice"))
    with TerminalProcess(command, env=ENVIRONMENT) as terminal:
        yield terminal


async def until(terminal: TerminalProcess, condition: Callable[[], object]) -> None:
    """Read the terminal until it is so, beside everything else."""
    await trio.to_thread.run_sync(terminal.until, condition)


async def until_shown(terminal: TerminalProcess, text: str) -> None:
    await until(terminal, lambda: any(text in row for row in terminal.rows))


async def kill(client: Client) -> list[dict[str, object]]:
    """kill -9; what the client had printed that was not read yet."""
    client.process.kill()
    return [event for event in await client.end() if event["type"] == "message"]


async def heard(bob: Raw, count: int) -> dict[str, list[str]]:
    """What others say, in each conversation; no more than so many messages come."""
    texts: dict[str, list[str]] = {}
    for message in await bob.messages(count):
        texts.setdefault(message.to, []).append(message.text)
    assert not [event for event in await bob.settle() if isinstance(event, wire.Message)]
    return texts


async def test_lines_of_a_killed_client_are_sent_once_by_the_next_one_of_any_kind(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        await Raw.join(server.address, "bob") as bob,
        proxying(server.address) as proxy,
    ):
        async with chatting(tmp_path, proxy.where, "alice") as alice:
            await alice.send("stored")
            await alice.next("message", text="stored")
            proxy.accepting = False
            proxy.links[-1].freeze()
            await alice.send("one", "@bob two", "three", "/no-such-command")
            await alice.next("error", code="unknown-command")  # so the lines before it have been taken
            await kill(alice)
        proxy.accepting = True
        log = tmp_path / "send.log"
        send = python(
            "-m",
            "client_repl",
            "--plaintext",
            proxy.where,
            "send",
            "#lobby",
            "four",
            "--state",
            str(tmp_path / "alice"),
        )
        async with running(send, log) as process:
            assert await process.wait() == 0
        assert log.read_bytes() == b""
        async with chatting(tmp_path, proxy.where, "alice") as alice:
            await alice.next("message", text="four")
            texts = [event["text"] for event in alice.seen if event["type"] == "message" and event["to"] == "#lobby"]
            assert texts[-3:] == ["one", "three", "four"]
            assert texts[:-3] in (["stored"], [])  # its position may not have been saved before the kill
            await alice.next("message", text="two", to="@bob")
            await alice.send("five")
            await alice.next("message", text="five")
        assert await heard(bob, 6) == {"#lobby": ["stored", "one", "three", "four", "five"], "@bob": ["two"]}


async def test_a_terminal_comes_back_with_its_draft_and_pending_lines_after_a_kill_and_after_quit(
    tmp_path: Path,
) -> None:
    async with (
        serving(tmp_path) as server,
        await Raw.join(server.address, "bob") as bob,
        proxying(server.address) as proxy,
    ):
        async with sitting(tmp_path, proxy.where) as terminal:
            await until_shown(terminal, "you are alice")
            proxy.accepting = False
            proxy.links[-1].freeze()
            terminal.send("one\r@bob two\rhalf a 日本 li")
            await until_shown(terminal, "… one")
            await until_shown(terminal, "… you → bob (private): two")
            await until(terminal, lambda: shows_draft(terminal, "half a 日本 li"))
            await until(terminal, lambda: is_kept(tmp_path, "half a 日本 li"))
            terminal.process.kill()
            terminal.process.wait()
        async with sitting(tmp_path, proxy.where) as terminal:
            await until(terminal, lambda: shows_draft(terminal, "half a 日本 li"))
            await until_shown(terminal, "… not sent yet: one")
            await until_shown(terminal, "… not sent yet: you → bob (private): two")
            await until_shown(terminal, "reconnecting")
            terminal.send("ne\r/quit\r/quit\r")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 1
            assert any("3 of your lines are not sent yet, and will be sent" in row for row in terminal.rows)
        proxy.accepting = True
        async with sitting(tmp_path, proxy.where) as terminal:
            await until_shown(terminal, " alice: one")
            await until_shown(terminal, "> you → bob (private): two")
            await until_shown(terminal, " alice: half a 日本 line")
            await until(terminal, lambda: shows(terminal, ""))
        assert await heard(bob, 3) == {"#lobby": ["one", "half a 日本 line"], "@bob": ["two"]}


async def test_a_draft_for_one_person_is_still_for_that_one_after_a_kill(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        async with sitting(tmp_path, server.where) as terminal:
            await until_shown(terminal, "you are alice")
            terminal.send("/switch @bob\r")
            await until(terminal, lambda: "→ bob (private)>" in terminal.rows)
            terminal.send("for your eyes")
            await until(terminal, lambda: is_kept(tmp_path, "for your eyes"))
            terminal.process.kill()
            terminal.process.wait()
        async with sitting(tmp_path, server.where) as terminal:
            await until(terminal, lambda: "→ bob (private)> for your eyes" in terminal.rows)
            await until_shown(terminal, "you are alice")
            terminal.send("\x1b1for all")  # Alt-1
            await until(terminal, lambda: "#lobby> for all" in terminal.rows)
            await until(terminal, lambda: is_kept(tmp_path, "for all"))
            terminal.process.kill()
            terminal.process.wait()
        async with sitting(tmp_path, server.where) as terminal:
            await until(terminal, lambda: "#lobby> for all" in terminal.rows)
            await until(terminal, lambda: terminal.rows[-1].endswith("draft: @bob"))
            await until_shown(terminal, "you are alice")
            terminal.send("\x03/switch @bob\r")
            await until(terminal, lambda: "→ bob (private)> for your eyes" in terminal.rows)
            terminal.send("\r")
            await until_shown(terminal, "> you → bob (private): for your eyes")
            terminal.send("/quit\r")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
        assert await heard(bob, 1) == {"@bob": ["for your eyes"]}
        assert not is_kept(tmp_path, "for your eyes")


def is_kept(folder: Path, text: str) -> bool:
    """Whether Alice's terminal has it on disk."""
    files = (folder / "alice" / "slots").glob("terminal-0.db*")
    return any(text.encode() in file.read_bytes() for file in files)


def shows_draft(terminal: TerminalProcess, draft: str) -> bool:
    return any(row == f"#lobby> {draft}" for row in (row.replace("日 本 ", "日本 ") for row in terminal.rows))


async def test_clients_side_by_side_share_a_state_and_see_everything_once(tmp_path: Path) -> None:
    state = tmp_path / "alice"
    async with (
        serving(tmp_path) as server,
        chatting(tmp_path, server.where, "alice", "--follow") as json,
        sitting(tmp_path, server.where) as one,
        sitting(tmp_path, server.where) as two,
    ):
        pipe = python("-m", "client_repl", "--plaintext", server.where, "--name", "alice", "--state", str(state))
        async with running(pipe, tmp_path / "pipe.log") as process:
            assert process.stdin is not None
            await until_shown(one, "you are alice")
            await until_shown(two, "you are alice")
            one.send("from one\r")
            await until_shown(two, " alice: from one")
            two.send("from two\r")
            await until_shown(one, " alice: from two")
            await process.stdin.send_all(b"from the pipe\n")
            await until_shown(one, " alice: from the pipe")
            await until_shown(two, " alice: from the pipe")
            slots = {path.name for path in (state / "slots").glob("*.db")}
            assert slots == {"json-0.db", "terminal-0.db", "terminal-1.db", "pipe-0.db"}
        texts = [event["text"] for event in await json.messages(3)]
        assert texts == ["from one", "from two", "from the pipe"]
        for terminal in (one, two):
            assert [sum(f"alice: {text}" in row for row in terminal.rows) for text in texts] == [1, 1, 1]


async def test_a_client_that_starts_again_goes_on_where_it_was(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        async with chatting(tmp_path, server.where, "alice") as alice, trio.open_nursery() as nursery:
            await alice.send("an account that never wrote would be forgotten")
            nursery.start_soon(_say, bob, range(1, 300))
            seen = await alice.messages(100)
            seen += await kill(alice)
        first = [event["seq"] for event in seen]
        assert first == [*range(1, len(first) + 1)]
        async with chatting(tmp_path, server.where, "alice") as alice:
            second = [(await alice.next("message"))["seq"]]
            while second[-1] < 300:
                second.append((await alice.next("message"))["seq"])
            await alice.end_of_input()
            assert await alice.exit() == 0
        assert second == [*range(second[0], 301)]
        assert 1 <= second[0] <= len(first) + 1
        await bob.say("while you were away", to="@alice")
        await _say(bob, range(301, 401))
        async with chatting(tmp_path, server.where, "alice") as alice:
            await alice.next("notice", text="1 from bob while you were away")
            third = [event["seq"] for event in alice.seen if event["type"] == "message" and event["to"] == "#lobby"]
            while len(third) < 100:
                third.append((await alice.next("message"))["seq"])
            assert third == [*range(301, 401)]
            alice.process.send_signal(signal.SIGTERM)
            assert await alice.exit() == 143
        async with chatting(tmp_path, server.where, "alice") as alice:
            await bob.say("the end")
            await alice.next("message")
            assert [event["type"] for event in alice.seen].count("message") == 1


async def _say(bob: Raw, numbers: range) -> None:
    for number in numbers:
        await bob.say(f"line {number}")


async def test_whom_one_ignores_and_what_one_follows_lasts_and_somebody_can_be_asked_about(tmp_path: Path) -> None:
    async def told(client: Client, line: str) -> str:
        await client.send(line)
        return str((await client.next("notice"))["text"])

    async with serving(tmp_path) as server, chatting(tmp_path, server.where, "bob") as bob:
        async with chatting(tmp_path, server.where, "alice") as alice:
            await bob.send("hello")
            await alice.next("message", text="hello")
            assert "from now on" in await told(alice, "/ignore bob")
            assert "from now on" in await told(alice, "/follow #lobby")
            await alice.end_of_input()
            await alice.end()
            assert await alice.exit() == 0
        await bob.send("unheard")
        await bob.next("message", text="unheard")
        async with chatting(tmp_path, server.where, "alice") as alice:
            await alice.send("/list")
            [place] = (await alice.next("list"))["conversations"]
            assert (place["where"], place["followed"]) == ("#lobby", True)
            assert await told(alice, "/ignore") == "You ignore bob."
            assert "bob, member, registered" in (about := await told(alice, "/whois bob"))
            assert "in rooms of yours: #lobby" in about
            assert (await told(alice, "/ignore bob")).startswith("You hear bob again")
            await bob.send("heard")
            await alice.next("message", text="heard")
            assert not any(event.get("text") == "unheard" for event in alice.seen)
    assert (tmp_path / "alice" / "lists.json").stat().st_mode & 0o777 == 0o600
