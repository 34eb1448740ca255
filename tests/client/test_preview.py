"""When a text is shown as a preview: it came at once, it is long, and nobody went back into it."""

from prompt_toolkit.document import Document

from client_repl.terminal.preview import MOST, Fold

LONG = "\n".join(f"row {number}" for number in range(MOST + 1))


def test_a_long_text_that_comes_at_once_is_a_preview_and_one_that_is_typed_is_not() -> None:
    assert Fold().closed(Document(LONG))
    assert not Fold().closed(Document(LONG.rpartition("\n")[0]))
    typed = Fold()
    assert not any(typed.closed(Document(LONG[:size])) for size in range(len(LONG) + 1))


def test_it_stays_one_while_the_last_line_is_written_and_until_somebody_goes_up() -> None:
    fold = Fold()
    assert [fold.closed(Document(text)) for text in (LONG, LONG, LONG + " and", LONG + " and\nmore")] == [True] * 4
    assert not fold.closed(Document(LONG, 0))
    assert not fold.closed(Document(LONG))
    assert not fold.closed(Document(""))
    assert fold.closed(Document(LONG))
