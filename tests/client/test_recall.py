"""What Up brings back, what is offered, and what is in neither: secrets, and what was taken back."""

import asyncio
from pathlib import Path

import pytest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document

from client_repl.core.recallable import for_one, is_secret, says
from client_repl.disk.history_file import HistoryFile
from client_repl.terminal.recall import Offers, Recall

TOKEN = "abcdefghijklmnopqrstuvwxyz234567"


def up(recall: Recall) -> list[str]:
    """What Up brings, one after the other."""

    async def load() -> list[str]:
        return [line async for line in recall.load()]

    return asyncio.run(load())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("psst", "@bob psst"),
        ("one\n two", "@bob one\n two"),
        ("@carol hi", "@carol hi"),
        ("/msg carol hi", "/msg carol hi"),
        ("/me winks", ""),
        ("/edit psst", ""),
        (" indented", ""),
    ],
)
def test_a_line_for_one_person_says_for_whom_or_does_not_come_back(line: str, expected: str) -> None:
    assert for_one(line, "bob") == expected


@pytest.mark.parametrize(
    "line",
    [
        *("/link", "/key export ~/key", "/invite 5", "/token bot", "/untoken bot", "  /OWNER x"),
        f"owner-{TOKEN}",
        f"look: access-{TOKEN}!",
        f"/say --link link-{TOKEN}",
        f"@bob tchat://example.org:7557/{TOKEN}",
        f"/uninvite invite-{TOKEN}",
    ],
)
def test_secrets_are_not_remembered(tmp_path: Path, line: str) -> None:
    assert is_secret(line)
    file = HistoryFile(tmp_path / "history.db", "here")
    recall = Recall(file)
    recall.add(line, private=False)
    assert (up(recall), file.load()) == ([], [])


@pytest.mark.parametrize("line", ["hello", "/who", "my invite-only party", "see tchat.example.org", "/keys"])
def test_other_lines_are(line: str) -> None:
    assert not is_secret(line)


def test_a_line_for_one_person_is_brought_back_until_the_end_and_is_on_no_disk(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "history.db", "here")
    recall = Recall(file)
    for line, private in (("one", False), ("@bob psst", True), ("two", False), ("one", False), ("  ", False)):
        recall.add(line, private=private)
    assert up(recall) == ["one", "two", "@bob psst"]
    assert recall.get_strings() == up(recall)[::-1]
    assert up(Recall(file)) == ["one", "two"]
    assert recall.beginning_with("@b") is None
    assert up(Recall(None)) == []


def test_what_a_question_was_answered_is_no_line() -> None:
    recall = Recall(None)
    recall.append_string("yes")
    assert up(recall) == []


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("hello", "hello"),
        ("//x", "/x"),
        ("@bob hello", "hello"),
        ("/me waves", "waves"),
        ("/say @all", "@all"),
        ("/msg bob hello", "hello"),
        ("/edit #12 better", "better"),
        ("/reply #12 yes", "bob: yes"),
        ("one\ntwo", "one\ntwo"),
    ],
)
def test_a_line_is_known_by_what_it_said(line: str, text: str) -> None:
    assert says(line, text)
    assert not says(line, f"{text} ")


def test_what_is_taken_back_is_gone_here_and_on_disk(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "history.db", "here")
    recall = Recall(file)
    for line in ("secret", "hello", "/say secret", "no secret"):
        recall.add(line, private=False)
    recall.take_back(["secret"])
    assert up(recall) == up(Recall(file)) == ["no secret", "hello"]
    assert recall.beginning_with("sec") is None


def test_the_rest_of_the_latest_fitting_line_is_offered_behind_the_draft() -> None:
    recall = Recall(None)
    for line in ("good morning", "good evening", "good\nnight"):
        recall.add(line, private=False)
    recall.add("good day to you alone", private=True)
    recall.add("/forget #12", private=False)
    recall.add("/history since 2d", private=False)
    allowed = True
    offers = Offers(recall, lambda _: allowed)

    def offered(text: str, cursor: int | None = None) -> str | None:
        found = offers.get_suggestion(Buffer(), Document(text, cursor))
        return None if found is None else found.text

    assert offered("good m") == "orning"
    assert offered("good ") == "evening"
    assert offered("good") is None  # the latest one has two rows
    assert [offered(text) for text in ("go", "good morning", "bad", "good\ne")] == [None] * 4
    assert offered("good m", 3) is None
    assert offered("/his") == "tory since 2d"
    assert offered("/forg") is None  # it is another line by now
    allowed = False
    assert offered("good m") is None
