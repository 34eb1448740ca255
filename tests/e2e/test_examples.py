"""The programs of examples/ against a real server, as anybody starts them; and what docs/library.md shows."""

import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

import wire
from tests.e2e.processes import ROOT, Program, running
from tests.e2e.raw import PATIENCE, Raw, any_server
from tests.e2e.test_joining import hosting

SNIPPET = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@asynccontextmanager
async def example(folder: Path, name: str, *arguments: str) -> AsyncIterator[Program]:
    """One of them, started in `folder`."""
    command = ["env", "-C", str(folder), sys.executable, str(ROOT / "examples" / name), *arguments]
    async with running(command, folder / f"{name}.log") as process:
        yield Program(process, folder / f"{name}.log")


async def stop(program: Program, number: signal.Signals) -> None:
    """By a signal, after which it says nothing."""
    program.process.send_signal(number)
    assert await program.exit() == 0
    assert program.stderr.read_text() == ""


async def written(follower: Program, count: int) -> list[dict[str, Any]]:
    """The next entries that it writes."""
    entries: list[dict[str, Any]] = []
    with trio.fail_after(PATIENCE):
        while len(entries) < count:
            entries.append(json.loads(str(await follower.lines.next())))
    return entries


async def test_the_bot_answers_and_the_follower_writes_and_the_relay_says(tmp_path: Path) -> None:
    async with hosting(tmp_path) as (server, line, _), await Raw.join(server.address, "bob", tls=any_server()) as bob:
        await bob.say(*(f"before {number}" for number in range(60)))  # more than a newcomer is sent
        await bob.messages(60)
        async with (
            example(tmp_path, "follow.py", line, "/dev/stdout") as follower,
            example(tmp_path, "bot.py", line) as bot,
        ):
            texts = [entry["text"] for entry in await written(follower, 60)]
            assert texts == [f"before {number}" for number in range(60)]
            await bob.change(wire.Change.JOINED, "dice")
            await bob.say("!time")
            _, answer = await bob.messages(2)
            assert re.fullmatch(r"bob: \d\d:\d\d UTC", answer.text)
            await bob.say("!roll", to="@dice")
            _, answer = await bob.messages(2)
            assert (answer.sender, answer.to) == ("dice", "@bob")
            assert answer.text in "123456"
            await stop(bot, signal.SIGINT)
            assert [entry["from"] for entry in await written(follower, 2)] == ["bob", "dice"]  # nothing private
            await stop(follower, signal.SIGINT)
        async with example(tmp_path, "relay.py", line, "#lobby") as relay:
            await relay.send("one", "", "two")
            await relay.end_of_input()
            assert await relay.exit() == 0
            assert [message.text for message in await bob.messages(2)] == ["one", "two"]
        async with example(tmp_path, "follow.py", line, "/dev/stdout") as follower:
            one, *_ = [entry for entry in await written(follower, 1) if entry["seq"] > 62] or await written(follower, 1)
            (two,) = await written(follower, 1)  # the last one before might have come again: the signal was so quick
            assert [(entry["text"], entry["seq"]) for entry in (one, two)] == [("one", 63), ("two", 64)]
            await stop(follower, signal.SIGINT)
            assert await follower.lines.next() is None


async def test_what_the_page_shows_does_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    snippets = SNIPPET.findall((ROOT / "docs" / "library.md").read_text())
    async with hosting(tmp_path) as (_, line, _):
        for snippet in snippets:
            scope: dict[str, Any] = {}
            exec(snippet, scope)
            (name,) = re.findall(r"^async def (\w+)\(server: str\)", snippet, re.MULTILINE)
            run: Callable[[str], Awaitable[None]] = scope[name]
            with trio.fail_after(PATIENCE):
                await run(line)
        assert capsys.readouterr().out.splitlines() == [
            "I said hello",
            "{'greeter': 1}",
            "no-such-user there is no user nobody; /who shows who is here",
        ]
