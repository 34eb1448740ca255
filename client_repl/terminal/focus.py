"""Whether somebody looks at this terminal: it says so itself, where it can (xterm's mode 1004).

Its words come between the keys, and prompt_toolkit 3.0 knows no key for them: they are taken out where it parses the
keys, behind its own handling of pastes and of halves of sequences, so that neither is seen as a key or disturbs one.
The mode is on exactly as long as that of bracketed pastes, thus off at any end and while the client is stopped.
"""

from collections.abc import Callable
from typing import Final, TextIO

from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.keys import Keys
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.utils import get_bell_environment_variable, get_term_environment_variable

from client_repl.look.background import QUESTION, AnswerParser, Background, answers, told

_IN: Final = "\x1b[I"
_OUT: Final = "\x1b[O"
_ON: Final = "\x1b[?1004h"
_OFF: Final = "\x1b[?1004l"


class FocusParser(AnswerParser):
    """Hands on the keys that `parser` would; `focused` is told what the terminal says, and, as one who types looks at
    it, True with every key; `background` what it answers. It uses private methods of prompt_toolkit 3.0, which
    `test_focus.py` holds."""

    def __init__(
        self, parser: Vt100Parser, focused: Callable[[bool], None], background: Callable[[Background], None]
    ) -> None:
        super().__init__(parser.feed_key_callback)
        self._focused = focused
        self._background = background

    def answered(self, answer: str) -> None:
        """The terminal says what is behind the text."""
        self._background(told(answer))

    def _get_match(self, prefix: str) -> Keys | tuple[Keys, ...] | None:
        return Keys.Ignore if prefix in {_IN, _OUT} else super()._get_match(prefix)

    def _call_handler(self, key: str | Keys | tuple[Keys, ...], insert_text: str) -> None:
        if key is Keys.Ignore and insert_text in {_IN, _OUT}:
            self._focused(insert_text == _IN)
            return
        if key is not Keys.CPRResponse:  # it is no key, either
            self._focused(True)
        super()._call_handler(key, insert_text)


class FocusInput(Vt100Input):
    """Keys from a terminal. `focused` is told whether somebody looks at it, whenever there is a sign of it;
    `background`, what is behind the text."""

    def __init__(
        self, stdin: TextIO, focused: Callable[[bool], None], background: Callable[[Background], None]
    ) -> None:
        super().__init__(stdin)
        self.vt100_parser = FocusParser(self.vt100_parser, focused, background)


class FocusOutput(Vt100_Output):
    """A terminal that is asked to say whether it has the focus as long as it is edited on, and what is
    behind the text."""

    @classmethod
    def on(cls, stdout: TextIO) -> Vt100_Output:
        """The terminal `stdout`, as the environment describes it."""
        return cls.from_pty(
            stdout,
            term=get_term_environment_variable(),
            default_color_depth=ColorDepth.from_env(),
            enable_bell=get_bell_environment_variable(),
        )

    def ask_for_cpr(self) -> None:
        """Where the cursor is; and before it, what is behind the text. Whoever waits for the answer to the former has
        that to the latter too, so that none is left to the shell that comes next."""
        if answers(self.term):
            self.write_raw(QUESTION)
        super().ask_for_cpr()

    def erase_down(self) -> None:
        """From here on, which is in the first column. Not all in one: where the prompt is the first row, tmux takes it
        for a screen that is cleared, and would put the prompt into its history at each line that comes."""
        self.write_raw("\x1b[C\x1b[J\x1b[D\x1b[K")

    def enable_bracketed_paste(self) -> None:
        """Pastes and the focus."""
        super().enable_bracketed_paste()
        self.write_raw(_ON)

    def disable_bracketed_paste(self) -> None:
        """Neither."""
        self.write_raw(_OFF)
        super().disable_bracketed_paste()
