"""Who comes back after a long time sees a screenful, how much there is, and finds the rest."""

from pathlib import Path

import trio

import wire
from tests.client.terminal_harness import TerminalProcess, python
from tests.e2e.processes import ENVIRONMENT, serving
from tests.e2e.raw import Raw

ROOMS = [f"#r{number}" for number in range(10)]
EACH = 1000


def sitting(folder: Path, where: str) -> TerminalProcess:
    command = python("-m", "client_repl", "--plaintext", where, "--name", "alice", "--state", str(folder / "alice"))
    return TerminalProcess(command, env=ENVIRONMENT, rows=150, columns=200)


async def test_after_ten_thousand_lines_in_ten_rooms(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        with sitting(tmp_path, server.where) as terminal:
            await trio.to_thread.run_sync(terminal.until_shown, "you are alice")
            for room in ROOMS:
                terminal.send(f"/join {room}\r")
                await trio.to_thread.run_sync(terminal.until_shown, f"── {room} ──")
            terminal.send("/quit\r")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
        for number, room in enumerate(ROOMS):
            await bob.send(wire.Join(1000 + number, room))
            await bob.next(wire.Joined)
            await bob.say(*(f"{room} {line}" for line in range(EACH)), to=room)
            await bob.take(wire.Message, EACH)
        with sitting(tmp_path, server.where) as terminal:
            others = ", ".join(f"{room} {EACH}" for room in reversed(ROOMS[:-1]))
            await trio.to_thread.run_sync(terminal.until_shown, f"unread: {others}")
            printed = [row for row in terminal.rows if row]
            assert len(printed) <= 60
            assert f"bob: {ROOMS[-1]} {EACH - 1}" in "\n".join(printed), "where she was, the last lines are there"
            terminal.send("/switch #r3\r")
            await trio.to_thread.run_sync(terminal.until_shown, f"bob: #r3 {EACH - 1}")
            assert "── new ──" in terminal.rows
            terminal.send("/search 17 in #r3\r")
            await trio.to_thread.run_sync(terminal.until_shown, "»        bob: #r3 17")
            terminal.send("/quit\r")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
