"""A draft in the user's own editor: which one it is, the file it gets, and what is private about it."""

import asyncio
import os
import tempfile
from pathlib import Path

import pytest
from prompt_toolkit import PromptSession
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from client_repl.terminal.composing import ComposeError, Composer, edited, editor


def script(folder: Path, text: str) -> str:
    path = folder / "editor"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.delenv("VISUAL", raising=False)
    return folder


def test_the_editor_is_the_users(tmp_path: Path) -> None:
    path = {"PATH": str(tmp_path)}
    assert editor({"VISUAL": "code --wait", "EDITOR": "ed"}) == ["code", "--wait"]
    assert editor({"VISUAL": "", "EDITOR": "ed -p '> '"}) == ["ed", "-p", "> "]
    for unusable in (path, {"EDITOR": " ", **path}, {"EDITOR": "'", **path}):
        with pytest.raises(ComposeError, match="EDITOR"):
            editor(unusable)
    (tmp_path / "vi").touch(0o700)
    assert editor(path) == ["vi"]


def test_the_text_goes_there_and_back_and_nobody_else_sees_it(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    monkeypatch.setenv(
        "EDITOR", script(tmp_path, f'(cat "$1"; stat -c %a "$1" "${{1%/*}}") > {seen}; touch "$1~"; echo below >> "$1"')
    )
    assert asyncio.run(edited("one\n日本\udce9")) == "one\n日本?\nbelow"
    assert seen.read_text() == "one\n日本?\n600\n700\n"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("does", "why"), [("exit 3", "ended with 3"), ('rm "$1"', "No such file"), ("kill -9 $$", "ended with -9")]
)
def test_an_editor_that_fails(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, does: str, why: str
) -> None:
    monkeypatch.setenv("EDITOR", script(tmp_path, does))
    with pytest.raises(ComposeError, match=why):
        asyncio.run(edited("draft"))
    assert list(temporary.iterdir()) == []


def test_an_editor_that_is_not_there_and_a_disk_that_takes_nothing(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", str(temporary / "none"))
    with pytest.raises(ComposeError, match="cannot be started: No such file"):
        asyncio.run(edited("draft"))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "gone"))
    with pytest.raises(ComposeError, match="cannot be written"):
        asyncio.run(edited("draft"))


def test_when_the_client_ends_the_editor_does_and_its_file_is_gone(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    monkeypatch.setenv("EDITOR", script(tmp_path, f"trap '' TERM; echo $$ > {fifo}; while :; do read x < {fifo}; done"))

    async def test() -> int:
        task = asyncio.create_task(edited("draft"))
        number = int(await asyncio.to_thread(fifo.read_text))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return number

    with pytest.raises(ProcessLookupError):
        os.kill(asyncio.run(test()), 0)
    assert list(temporary.iterdir()) == []


def test_the_private_attributes_are_there() -> None:
    async def test() -> None:
        with create_pipe_input() as keys:
            app = PromptSession[str](input=keys, output=DummyOutput()).app
            assert app._running_in_terminal is False
            resized: list[bool] = []
            vars(app)["_on_resize"] = lambda: resized.append(app._running_in_terminal)
            Composer(app, lambda _: None)
            app._on_resize()
            app._running_in_terminal = True
            app._on_resize()
            assert resized == [False]

    asyncio.run(test())
