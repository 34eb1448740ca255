"""A draft in the user's own editor: the terminal is lent to it, and comes back as it was."""

import asyncio
import contextlib
import os
import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from prompt_toolkit.application import Application
from prompt_toolkit.application.run_in_terminal import in_terminal

from client_repl.disk.state_dir import make_private

MOST: Final = 1 << 20
"""Characters that are taken of the file: a server takes a hundredth of it, and the rest would be drawn at each key."""
_USUAL: Final = ("editor", "nano", "vi", "notepad")
"""What is looked for where the environment names none."""
_END_SECONDS: Final = 1.0
"""That an editor has to end, when the client must, before it is killed."""


class ComposeError(Exception):
    """There is no text from the editor; the text says why."""


class Composer:
    """Lends the terminal of `app`. `hold` is told True before, and False when it is back: nothing else may write to it
    meanwhile. It uses private attributes of prompt_toolkit 3.0, which `test_composing.py` holds."""

    def __init__(self, app: Application[Any], hold: Callable[[bool], None]) -> None:
        self._app = app
        self._hold = hold
        self._work: asyncio.Task[None] | None = None
        resized = app._on_resize

        def on_resize() -> None:  # which draws
            if not app._running_in_terminal:
                resized()

        vars(app)["_on_resize"] = on_resize

    @property
    def busy(self) -> bool:
        """Whether the editor has the terminal, or is about to."""
        return self._work is not None

    def begin(self, draft: Callable[[], str], done: Callable[[str | ComposeError], None]) -> None:
        """Have what `draft` is by then edited, and `done` told what became of it. To be called by a key."""
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._compose(draft, done))

    async def stop(self) -> None:
        """The client ends: the editor as well, and its text is gone. Takes at most two seconds."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    async def _compose(self, draft: Callable[[], str], done: Callable[[str | ComposeError], None]) -> None:
        result: str | ComposeError
        try:
            async with self._lent():
                try:
                    result = await edited(draft())
                except ComposeError as exc:
                    result = exc
        except OSError:  # the terminal is gone, which whoever reads it learns as well
            return
        finally:
            self._work = None
        done(result)

    @contextlib.asynccontextmanager
    async def _lent(self) -> AsyncIterator[None]:
        self._hold(True)
        try:
            async with in_terminal():
                yield
        finally:
            self._hold(False)


async def edited(draft: str) -> str:
    """`draft` after an editor was used on a file of it, which is for its owner only and gone when this returns. Where
    it is cancelled the editor ends. Raises ComposeError."""
    command = editor(os.environ)
    with _folder() as folder:
        path = folder / "draft.txt"
        try:
            make_private(path)
            path.write_text(f"{draft}\n" if draft else "", "utf-8", "replace")  # as editors leave it
        except OSError as exc:
            raise ComposeError(f"the draft cannot be written to a file: {exc.strerror or exc}") from exc
        code = await _run([*command, str(path)])
        if code:
            raise ComposeError(f"{command[0]} ended with {code}")
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                return file.read(MOST).removesuffix("\n")
        except OSError as exc:
            raise ComposeError(f"the file cannot be read: {exc.strerror or exc}") from exc


def editor(environment: Mapping[str, str]) -> Sequence[str]:
    """The command line of the user's editor. Raises ComposeError where there is none."""
    said = environment.get("VISUAL") or environment.get("EDITOR") or ""
    try:
        words = shlex.split(said)
    except ValueError as exc:
        raise ComposeError(f"VISUAL or EDITOR is no command line: {exc}") from exc
    words = words or [name for name in _USUAL if shutil.which(name, path=environment.get("PATH"))][:1]
    if not words:
        raise ComposeError("there is none; name one in the environment, as EDITOR=nano")
    return words


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Of its own, as editors put copies beside what they edit."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="trio-chat-", ignore_cleanup_errors=True)
    except OSError as exc:
        raise ComposeError(f"the draft cannot be written to a file: {exc.strerror or exc}") from exc
    with folder as path:
        yield Path(path)


async def _run(command: Sequence[str]) -> int:
    try:
        child = await asyncio.create_subprocess_exec(*command)
    except OSError as exc:
        raise ComposeError(f"{command[0]} cannot be started: {exc.strerror or exc}") from exc
    try:
        return await child.wait()
    except asyncio.CancelledError:
        await _end(child)
        raise


async def _end(child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await child.wait()
                return
        child.kill()
        await child.wait()
