"""A long text that came at once, as from a paste: its first lines and its last one are shown, and how many are not."""

from typing import Final

from prompt_toolkit.data_structures import Point
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.controls import BufferControl, UIContent

MOST: Final = 5
"""Lines that come at once and are shown whole: what somebody reads over before Enter."""
_FIRST: Final = 3
"""Lines that are shown of more: enough to see what it is."""


class Fold:
    """Whether a text is shown as a preview: from when it grew by MOST lines or more at once, and has more, as long as
    the cursor stays in its last line."""

    def __init__(self) -> None:
        self._lines = 1
        self._closed = False

    def closed(self, document: Document) -> bool:
        """Whether it is one now; to be asked whenever it is drawn."""
        before, self._lines = self._lines, document.line_count
        at_once = self._lines - before >= MOST
        self._closed = (at_once or self._closed) and self._lines > MOST and document.on_last_line
        return self._closed


class PreviewControl(BufferControl):
    """The same as `whole`, but for long texts that came at once. The text and the cursor are those of the buffer in any
    case."""

    def __init__(self, whole: BufferControl) -> None:
        super().__init__(
            whole.buffer,
            whole.input_processors,
            whole.include_default_input_processors,
            whole.lexer,
            whole.preview_search,
            search_buffer_control=whole._search_buffer_control,
        )
        self._fold = Fold()

    def create_content(self, width: int, height: int, preview_search: bool = False) -> UIContent:
        """What is drawn of the text."""
        whole = super().create_content(width, height, preview_search)
        closed = self._fold.closed(self.buffer.document)
        return _shortened(whole) if closed and whole.line_count > MOST else whole


def _shortened(whole: UIContent) -> UIContent:
    last = whole.line_count - 1
    note: StyleAndTextTuples = [("class:dim", _note(last - _FIRST))]

    def line(number: int) -> StyleAndTextTuples:
        if number < _FIRST:
            return whole.get_line(number)
        return note if number == _FIRST else whole.get_line(last)

    cursor = whole.cursor_position
    at = Point(cursor.x, _FIRST + 1)
    return UIContent(line, _FIRST + 2, cursor_position=at, menu_position=at, show_cursor=whole.show_cursor)


def _note(hidden: int) -> str:
    return f"… {hidden} more lines; Enter sends all, Ctrl-X Ctrl-E edits, Up shows them"
