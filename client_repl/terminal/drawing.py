"""Drawing above a live prompt: each batch of lines is one write, so that neither they nor the draft ever break."""

from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples, fragment_list_to_text
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import BaseStyle

from client_repl.look.wrapping import width
from client_repl.terminal.device import TerminalGoneError


class Scrollback:
    """What is above the prompt of `app`, and above the screen. `style` is that of the fragments."""

    def __init__(self, app: Application[Any], style: BaseStyle) -> None:
        self._app = app
        self._style = style
        self._rows_since_asked = 0

    def print(self, fragments: StyleAndTextTuples) -> None:
        """Print whole lines above the prompt; where it is not on the screen, at the cursor.

        Erasing the prompt, the text and the prompt again are one write(2): a terminal that shows what it got so far
        never shows less, and never leaves raw mode. It uses private attributes of prompt_toolkit 3.0, which
        `test_terminal.py` holds. Raises TerminalGoneError.
        """
        app = self._app
        try:
            if app._is_running and not app._running_in_terminal:
                self._print_above(fragments)
            else:
                print_formatted_text(app.output, fragments, self._style, color_depth=app.color_depth)
        except OSError as exc:
            raise TerminalGoneError from exc

    def clear(self) -> None:
        """Empty the screen and draw the prompt at its top; nothing without a prompt. Raises TerminalGoneError."""
        if not self._app._is_running:
            return
        try:
            self._app.renderer.clear()
        except OSError as exc:
            raise TerminalGoneError from exc
        self._app.invalidate()

    def prompt_was_at(self, row: int) -> None:
        """The terminal answered where the prompt began when it was asked; `row` counts from 1."""
        renderer = self._app.renderer
        renderer.report_absolute_cursor_row(row)
        renderer._min_available_height = max(1, renderer._min_available_height - self._rows_since_asked)
        if not renderer.waiting_for_cpr:
            self._rows_since_asked = 0

    def _print_above(self, fragments: StyleAndTextTuples) -> None:
        app, renderer, output = self._app, self._app.renderer, self._app.output
        drawn = renderer.last_rendered_screen
        below = max(renderer._min_available_height, 0 if drawn is None else drawn.height)
        members = vars(output)
        members["flush"] = lambda: None
        try:
            # The paste mode stays on: a paste that comes just now must not be taken for typing.
            renderer._bracketed_paste_enabled = False
            renderer.erase()
            renderer._bracketed_paste_enabled = True
            print_formatted_text(output, fragments, self._style, color_depth=app.color_depth)
            # Where the prompt begins now is known without asking, so the toolbar stays at the bottom.
            rows = _rows(fragments, max(1, output.get_size().columns))
            if renderer.waiting_for_cpr:
                self._rows_since_asked += rows
            renderer._min_available_height = max(1, below - rows)
            app._redraw()
        finally:
            del members["flush"]  # uncovers the method of the class
            output.flush()


def _rows(fragments: StyleAndTextTuples, columns: int) -> int:
    lines = fragment_list_to_text(fragments).split("\n")[:-1]
    return sum(max(1, -(-width(line) // columns)) for line in lines)
