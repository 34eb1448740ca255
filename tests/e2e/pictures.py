"""The pictures of the README: a real server, people on real terminals, and what some of them see.

    python -m tests.e2e.pictures [FOLDER]

Writes dark.svg, light.svg, completion.svg, back.svg and tmux.svg into FOLDER, by default docs/pictures; the last one
needs tmux. What people type is a script, and the clock of their clients is set to stand still; all else is as it comes.
"""

import os
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Any, Final

import pyte
import trio

from tests.client.terminal_harness import TerminalProcess, python
from tests.e2e.processes import ENVIRONMENT, ROOT, serving
from tests.e2e.svg import DARK, LIGHT, Look, svg

COLUMNS: Final = 92
ROWS: Final = 21
CLOCK: Final = "09:41"
"""What every line has: strftime leaves it as it is."""
PASTE: Final = "\x1b[200~{}\x1b[201~"
CODE: Final = """\
here is what changed:
```python
async def greet(names: list[str]) -> None:
    for name in names:
        await chat.say(f"hello {name}")  # one line each
```"""


class _Screen(pyte.Screen):
    """It knows dim, which pyte does not: as blinking, which nothing of ours does. And it answers when asked."""

    def __init__(self, window: "Window", columns: int, rows: int) -> None:
        super().__init__(columns, rows)
        self._window = window

    def write_process_input(self, data: str) -> None:
        self._window.send(data)

    def select_graphic_rendition(self, *attrs: int, **more: Any) -> None:
        """The numbers behind 38 and 48 are colours, not attributes."""
        known: list[int] = []
        rest = iter(attrs)
        for number in rest:
            known.append(5 if number == 2 else number)
            if number in {38, 48}:
                kind = next(rest, 5)
                known += [kind, *(next(rest, 0) for _ in range(3 if kind == 2 else 1))]
        super().select_graphic_rendition(*known, **more)


def client(folder: Path, where: str, name: str, theme: str = "dark") -> list[str]:
    """The command line of somebody's client."""
    state = folder / name
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "settings.toml").write_text(f'theme = "{theme}"\nclock = "{CLOCK}"\n')
    return python("-m", "client_repl", "--plaintext", where, "--name", name, "--state", str(state))


class Window(TerminalProcess):
    """Somebody's terminal."""

    def __init__(self, command: Sequence[str], *, rows: int = ROWS, columns: int = COLUMNS) -> None:
        colours = {"COLORTERM": "truecolor", "PROMPT_TOOLKIT_COLOR_DEPTH": "DEPTH_24_BIT", "NO_COLOR": ""}
        super().__init__(command, rows=rows, columns=columns, env=ENVIRONMENT | colours)
        self.screen = _Screen(self, columns, rows)
        self._stream = pyte.ByteStream(self.screen)

    def picture(self, look: Look, title: str = "") -> str:
        """What is to be seen now."""
        return svg(self.screen, look, title or self.screen.title)

    def enter(self, text: str) -> None:
        """Type a line, or paste several."""
        self.send((PASTE.format(text) if "\n" in text else text) + "\r")

    def read_all(self) -> None:
        """Look at what is there by now."""
        while select.select([self.master], [], [], 0)[0]:
            self._read()


class Scene:
    """Who is there. After each line all terminals are read until it is on those that it is for."""

    def __init__(self, *windows: Window) -> None:
        self._windows = windows

    def says(self, who: Window, text: str, hear: Sequence[Window] | None = None, shown: str = "") -> None:
        """`hear` see `shown` of it: all of them, the last word."""
        who.enter(text)
        for window in self._windows if hear is None else hear:
            window.until_shown(shown or text.rsplit(maxsplit=1)[-1])
        self.rest()

    def rest(self) -> None:
        """Read what there is: who is not read stands still."""
        for window in self._windows:
            window.read_all()


def play(folder: Path, where: str) -> Iterator[tuple[str, str]]:
    """The name and the text of each picture."""
    with ExitStack() as stack:

        def comes(name: str, theme: str = "dark", rows: int = ROWS) -> Window:
            window = stack.enter_context(Window(client(folder, where, name, theme), rows=rows))
            window.until_shown("online")
            return window

        cleo, dan = comes("cleo"), comes("dan")
        anna, bob = comes("anna"), comes("bob", "light")
        scene = Scene(anna, bob, cleo, dan)
        yield from _talk(scene, anna, bob, cleo, dan)
        cleo.enter("/quit")
        cleo.exit_code()
        scene = Scene(anna, bob, dan)
        scene.says(dan, "shall we meet at four, with cake?", [dan], shown="with cake?")
        scene.says(dan, "cleo: yours was the lemon one, was it not?", [dan], shown="was it not?")
        cleo = comes("cleo", rows=11)
        cleo.until_shown("was it not?")
        scene.says(dan, "there you are!", [dan, cleo], shown="there you are!")
        cleo.send("lemon, of course: ")
        cleo.until_shown("of course:")
        yield "back", cleo.picture(DARK)


def side_by_side(folder: Path, where: str) -> str:
    """Two people beside each other in one tmux."""
    tmux = shutil.which("tmux")
    if tmux is None:
        raise SystemExit("pictures need tmux")
    panes = [shlex.join(client(folder, where, name)) for name in ("erin", "finn")]
    socket = [tmux, "-L", f"pictures-{os.getpid()}", "-f", "/dev/null"]
    command = [*socket, "new-session", panes[0], ";", "split-window", "-h", panes[1], ";", "set", "status", "off"]
    command += [";", "set", "assume-paste-time", "0"]  # keys that come at once are keys
    with Window(command, rows=16, columns=140) as window:
        other = "\x02o"  # the key of tmux that goes to the other pane

        def until_shown(text: str, times: int = 2) -> None:
            window.until(lambda: sum(row.count(text) for row in window.rows) == times)

        until_shown("2 online")
        window.enter("hello erin, can you read me?")
        until_shown("can you read me?")
        window.send(other)
        window.enter("loud and clear! It is *late* here")
        until_shown("*late* here")
        window.enter("@finn this is for you alone")
        until_shown("you alone")
        window.send(f"meanwhile I am typing thi{other}")
        window.enter("/me looks at the clock")
        until_shown("at the clock")
        window.send("@erin so it is")
        until_shown("@erin so it is", 1)
        picture = window.picture(DARK, "tmux: erin and finn")
        subprocess.run([*socket, "kill-server"], check=True)
        window.exit_code()
    return picture


def _talk(scene: Scene, anna: Window, bob: Window, cleo: Window, dan: Window) -> Iterator[tuple[str, str]]:
    for window in (anna, bob, dan, cleo):
        scene.says(window, "/join #tea", [window], shown="#tea>")
        if window in {anna, bob}:
            scene.says(window, "/switch #lobby", [window], shown="#lobby>")
    for window in (anna, bob):
        window.enter("/clear")
    scene.rest()
    lobby = [anna, bob]
    scene.says(dan, "/switch #lobby", [dan], shown="#lobby>")
    scene.says(dan, "good morning! the nightly build is *green* again", [*lobby, dan], shown="again")
    scene.says(bob, "nice. Notes are at https://chat.example.org/notes", [*lobby, dan], shown="/notes")
    scene.says(dan, CODE, [*lobby, dan], shown="one line each")
    scene.says(dan, "anna: can you look at it before lunch?", [*lobby, dan], shown="before lunch?")
    scene.says(anna, "on it. `greet` reads well, I would say _hello_ in one line", [*lobby, dan], shown="in one line")
    scene.says(dan, "/me puts the kettle on", [*lobby, dan], shown="kettle on")
    scene.says(dan, "/switch #tea", [dan], shown="#tea>")
    scene.says(cleo, "who wants Earl Grey?", [cleo, dan], shown="Grey?")
    scene.says(dan, "me, and bob surely", [cleo, dan], shown="surely")
    scene.says(cleo, "and anna, I hope", [anna, cleo, dan], shown="I hope")
    scene.says(bob, "@anna lunch at one? There is a new place by the river", [anna, bob], shown="river")
    bob.send("@dan what do you think of お茶")
    bob.until_shown("お茶")
    anna.send("@bob sure! See you there at one, I bring")
    anna.until_shown("I bring")
    scene.rest()
    yield "dark", anna.picture(DARK)
    yield "light", bob.picture(LIGHT)
    anna.send("\x15/s")
    anna.until_shown("/search")
    scene.rest()
    yield "completion", anna.picture(DARK)


async def draw(target: Path) -> list[str]:
    """Write the pictures; their names."""
    names = []
    with tempfile.TemporaryDirectory(prefix="pictures-") as name:
        folder = Path(name)
        async with serving(folder) as server:
            pictures = dict(await trio.to_thread.run_sync(lambda: list(play(folder, server.where))))
            pictures["tmux"] = await trio.to_thread.run_sync(side_by_side, folder, server.where)
            for title, picture in pictures.items():
                (target / f"{title}.svg").write_text(picture)
                names.append(f"{title}.svg")
    return names


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures"
    target.mkdir(exist_ok=True)
    with redirect_stdout(sys.stderr):  # what the server says at its end
        names = trio.run(draw, target)
    print(*(target / name for name in names), sep="\n")


if __name__ == "__main__":
    main()
