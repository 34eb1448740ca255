"""The keys of the prompt, beyond those of any line editor; what they do is the editor's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer, CompletionState
from prompt_toolkit.completion import CompleteEvent, Completer
from prompt_toolkit.filters import Condition, has_completions, is_searching
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.search import stop_search

NUMBERED: Final = 9
"""Conversations that have a key of their own."""


@dataclass(frozen=True, slots=True)
class Actions:
    """What happens at a key. `is_free`: nothing is asked, so that the user may go elsewhere."""

    is_free: Callable[[], bool]
    leave: Callable[[], None]
    interrupt: Callable[[], None]
    go_to: Callable[[int], None]
    """The conversation with this number, from 1."""
    go_by: Callable[[int], None]
    """So many conversations on."""
    go_to_news: Callable[[], None]
    """What waits elsewhere."""
    compose: Callable[[], None]
    cursor_was_at: Callable[[int], None]
    """The terminal told the row, from 1, that the prompt begins in."""


def chat_keys(buffer: Buffer, actions: Actions) -> KeyBindings:
    """Leaving, going elsewhere, and drafts of several lines."""
    keys = KeyBindings()
    is_empty, is_free = Condition(lambda: not buffer.text), Condition(actions.is_free)

    @keys.add("escape", "enter")
    def _newline(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add(Keys.CPRResponse, save_before=lambda _: False)
    def _cursor_is_known(event: KeyPressEvent) -> None:
        row, _column = event.data[2:-1].split(";")  # ESC [ row ; column R
        actions.cursor_was_at(int(row))

    @keys.add("c-d", filter=is_empty & ~is_searching)
    def _leave(_: KeyPressEvent) -> None:
        actions.leave()

    @keys.add("c-c")
    @keys.add("<sigint>")
    def _interrupt(_: KeyPressEvent) -> None:
        actions.interrupt()

    @keys.add("c-c", filter=is_searching)
    @keys.add("<sigint>", filter=is_searching)
    def _end_search(_: KeyPressEvent) -> None:
        stop_search()

    @keys.add("c-x", "c-e", filter=is_free)
    def _compose(_: KeyPressEvent) -> None:
        actions.compose()

    for number in range(1, NUMBERED + 1):

        @keys.add("escape", str(number), filter=is_free)
        def _go_to(_: KeyPressEvent, number: int = number) -> None:
            actions.go_to(number)

    @keys.add("escape", "a", filter=is_free)
    def _go_to_news(_: KeyPressEvent) -> None:
        actions.go_to_news()

    @keys.add("escape", "left", filter=is_free)
    @keys.add("escape", "up", filter=is_free)
    def _previous(_: KeyPressEvent) -> None:
        actions.go_by(-1)

    @keys.add("escape", "right", filter=is_free)
    @keys.add("escape", "down", filter=is_free)
    def _next(_: KeyPressEvent) -> None:
        actions.go_by(1)

    return keys


def completion_keys(completer: Completer, is_last_key: Callable[[], bool]) -> KeyBindings:
    """The menu of what `completer` offers. `is_last_key`: no more keys came with this one."""
    keys = KeyBindings()

    @keys.add("tab")
    def _complete(event: KeyPressEvent) -> None:
        """The first offer, then the next ones. Asked for now: the open menu may be older than the last speaker,
        and keys that come with this one must find it done."""
        buffer = event.current_buffer
        state = buffer.complete_state
        if state is not None and state.complete_index is not None:
            buffer.complete_next()
            return
        asked = CompleteEvent(completion_requested=True)
        offers = [*completer.get_completions(buffer.document, asked)]
        if offers:
            buffer.complete_state = CompletionState(buffer.document, offers)
            buffer.go_to_completion(0)

    @keys.add(" ", filter=Condition(_blank_was_added))
    def _blank_is_there(event: KeyPressEvent) -> None:
        """Who types the blank that came with an offer means this one."""
        event.current_buffer.complete_state = None

    @keys.add("escape", filter=has_completions & Condition(is_last_key), eager=True)
    def _close_menu(event: KeyPressEvent) -> None:
        """At once; but an Escape that more keys came with is theirs, as in Alt-Enter."""
        event.current_buffer.complete_state = None

    return keys


def _blank_was_added() -> bool:
    state = get_app().current_buffer.complete_state
    offer = None if state is None else state.current_completion
    return offer is not None and offer.text.endswith(" ")
