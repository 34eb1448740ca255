"""Whose a server is: the token of its first start, the roles that its owner gives, and what they are good for."""

import os
import stat
import sys
from pathlib import Path

import pytest
import trio

from tests.e2e.processes import ENVIRONMENT, Server, all_chatting, chatting, serving
from tests.e2e.raw import PATIENCE

OWNER_LINE = "/owner owner-"


async def owner_token(server: Server) -> str:
    """The token in the line that the server shows on its start."""
    with trio.fail_after(PATIENCE):
        while (line := await server.lines.next()) is not None:
            if line.strip().startswith(OWNER_LINE):
                return line.split()[1]
    raise AssertionError("the server showed no owner token")


async def rest_of_stdout(server: Server) -> str:
    """All that the server shows until it has ended."""
    server.process.terminate()
    lines: list[str] = []
    with trio.fail_after(PATIENCE):
        while (line := await server.lines.next()) is not None:
            lines.append(line)
    assert await server.exit() == 0
    return "\n".join(lines)


async def test_a_server_is_owned_by_the_token_of_its_first_start(tmp_path: Path) -> None:
    file = tmp_path / "data" / "owner-token"
    async with serving(tmp_path) as server, chatting(tmp_path, server.where, "olga"):
        token = await owner_token(server)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.with_name("secret").stat().st_mode) == 0o600
        assert file.read_text() == token + "\n"
    async with serving(tmp_path) as server:
        assert await owner_token(server) == token, "it is good until it is used"
        async with all_chatting(tmp_path, server.where, "olga", "oscar", "eve") as (olga, oscar, eve):
            await olga.send("/role olga owner")
            await olga.next("error", code="not-allowed")
            await olga.send(f"/owner {token}")
            assert "yours" in (await olga.next("notice"))["text"]
            assert not file.exists()
            await oscar.send(f"/owner {token}")
            await oscar.next("error", code="owner-used")
            await olga.send("/role oscar operator")
            await oscar.next("notice", text="olga made you an operator.")
            await eve.send("buy my stuff")
            await oscar.next("message", text="buy my stuff")
            await oscar.send("/ban eve 2h spam")
            assert "eve is banned until" in (await oscar.next("notice"))["text"]
            assert await eve.exit() == 1
            assert "spam" in str(await eve.end())
    async with serving(tmp_path) as server:
        async with chatting(tmp_path, server.where, "eve", until=None) as eve:
            error = await eve.next("error", code="banned")
            assert "spam" in error["text"]
            assert await eve.exit() == 1
        async with all_chatting(tmp_path, server.where, "olga", "oscar") as (olga, oscar):
            await oscar.send("/unban eve")
            await oscar.next("notice", text="eve may come in again.")
            await olga.send("/role oscar member")
            await oscar.next("notice", text="olga made you a member.")
        async with chatting(tmp_path, server.where, "eve"):
            pass
        assert "/owner" not in await rest_of_stdout(server)
    assert token.removeprefix("owner-") not in (tmp_path / "server.log").read_text()


async def test_whoever_has_the_machine_can_own_the_server(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trio_chat", "owner", "--data", str(tmp_path / "data")]
    async with serving(tmp_path) as server:
        async with chatting(tmp_path, server.where, "olga") as olga:
            await olga.send("hello")
            await olga.next("message", text="hello")
        made = await trio.run_process([*command, "olga"], env=ENVIRONMENT, capture_stdout=True)
        assert b"--link link-" in made.stdout
        none = await trio.run_process(
            [*command, "nobody"], env=ENVIRONMENT, capture_stdout=True, capture_stderr=True, check=False
        )
        assert (none.returncode, none.stdout) == (1, b"")
        assert b"nobody" in none.stderr


@pytest.mark.skipif(os.name != "posix", reason="a file's mode")
async def test_a_secret_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, chatting(tmp_path, server.where, "olga"):
        token = await owner_token(server)
    secret = tmp_path / "data" / "secret"
    command = [sys.executable, "-m", "trio_chat", "--host", "127.0.0.1", "--port", "0", "--data", str(secret.parent)]
    for mode in (0o644, 0o640, 0o604):
        secret.chmod(mode)
        done = await trio.run_process(command, env=ENVIRONMENT, capture_stdout=True, capture_stderr=True, check=False)
        assert (done.returncode, done.stdout) == (1, b"")
        [line] = done.stderr.decode().splitlines()
        assert f"others can read {secret}" in line
        assert "chmod 600" in line
    secret.chmod(0o600)
    async with serving(tmp_path) as server, chatting(tmp_path, server.where, "olga"):
        assert await owner_token(server) == token


async def test_a_new_secret_makes_a_new_owner_token(tmp_path: Path) -> None:
    """What the old one signed is worth nothing, and it would be shown at each start."""
    async with serving(tmp_path) as server, chatting(tmp_path, server.where, "olga"):
        old = await owner_token(server)
    (tmp_path / "data" / "secret").unlink()
    async with serving(tmp_path) as server:
        token = await owner_token(server)
        assert token != old
        async with chatting(tmp_path, server.where, "olga") as olga:
            await olga.send(f"/owner {old}")
            await olga.next("error", code="owner-invalid")
            await olga.send(f"/owner {token}")
            assert "yours" in (await olga.next("notice"))["text"]
