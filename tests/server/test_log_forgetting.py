"""Every engine: somebody has all forgotten that it wrote in a conversation."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.server.test_log import ALL, draft, edit, forget, page, seqs, texts
from trio_chat.log import Log
from trio_chat.log.database import Database
from trio_chat.model import Draft, Receipt, Trimmed
from wire import Kind


def react(nonce: int, ref: int, *, account: int = 1) -> Draft:
    return draft(nonce, "+1", account=account, kind=Kind.REACT, ref=ref)


async def test_all_of_an_account_goes_with_what_others_said_about_it(log: Log) -> None:
    await log.append(
        [
            draft(1, "a text"),
            draft(2, "an action", kind=Kind.ACTION),
            draft(3, "a topic", kind=Kind.TOPIC),
            draft(4, "of bob", account=2),
            edit(5, 1, "another text"),
            react(6, 4),
            react(7, 1, account=2),
            react(8, 4, account=2),
            draft(9, "an answer", account=2, ref=1),
            draft(10, "elsewhere", conversation=2),
        ]
    )
    await log.append([forget(11, 0)])
    assert await texts(log) == {4: "of bob", 8: "+1", 9: "an answer", 10: "11"}
    assert await texts(log, 2) == {1: "elsewhere"}


async def test_what_comes_after_a_forgetting_of_all_stays(log: Log) -> None:
    await log.append([draft(1), forget(2, 0), draft(3), react(4, 1, account=2), react(5, 3)])
    assert seqs(await page(log)) == [2, 3, 4, 5]
    assert await log.append([forget(2, 0), draft(1)]) == [Receipt(1, 2), Receipt(1, 1)]
    assert seqs(await page(log)) == [2, 3, 4, 5], "nothing more goes, or comes back, when it is sent again"


async def test_all_may_be_forgotten_again_and_again_in_one_batch(log: Log) -> None:
    await log.append([draft(0), draft(1, account=2)])
    batch = [
        forget(2, 0),
        draft(3),
        draft(4, account=2),
        react(5, 1, account=3),  # about what the batch has taken away
        react(6, 4, account=3),
        forget(7, 0),
        draft(8, account=2, kind=Kind.FORGET),
        draft(9),
        draft(10, conversation=2),
        forget(11, 0),
        draft(12),
    ]
    await log.append(batch)
    assert seqs(await page(log)) == [3, 6, 8, 9, 11, 12]
    assert await texts(log, 2) == {1: "10"}


async def test_reactions_about_what_was_gone_before_stay_until_it_is_named(log: Log) -> None:
    await log.append([draft(1), forget(2, 1), react(3, 1, account=2), react(4, 2, account=2)])
    await log.append([forget(5, 0)])
    assert seqs(await page(log)) == [2, 3, 4, 5]
    await log.append([forget(6, 1)])
    assert seqs(await page(log)) == [2, 4, 5, 6]


async def test_all_of_nothing_is_forgotten_without_an_error(log: Log) -> None:
    await log.append([draft(1), draft(2, account=2, kind=Kind.FORGET), draft(3, conversation=2, kind=Kind.FORGET)])
    assert seqs(await page(log)) == [1, 2]


@pytest.mark.parametrize("count", [300, 1500])
async def test_all_may_be_much(log: Log, count: int) -> None:
    for account in (1, 2):
        await log.append([draft(number, account=account) for number in range(count)])
    await log.append([react(count + seq, seq, account=2) for seq in range(1, count, 3)])
    await log.append([Trimmed(1, 10), forget(ALL, 0)])
    assert {(message.account, message.kind) for message in await page(log)} == {(2, Kind.TEXT), (1, Kind.FORGET)}


def test_to_forget_all_again_costs_others_nothing(tmp_path: Path) -> None:
    steps = [0]

    def counted(connection: apsw.Connection) -> None:
        connection.set_progress_handler(step, 100)

    def step() -> bool:
        steps[0] += 1
        return False

    apsw.connection_hooks.append(counted)
    try:
        database = Database(tmp_path / "chat.db", now=lambda: 1, synchronous="OFF")
    finally:
        apsw.connection_hooks.remove(counted)
    with closing(database):
        database.commit([draft(number) for number in range(3000)])
        database.commit([forget(ALL, 0)])
        costs: list[int] = []
        for count in (1, 100):
            steps[:] = [0]
            database.commit([forget(ALL + count + number, 0) for number in range(count)])
            costs += steps
    assert costs[1] < 3 * costs[0], "a batch is looked at once"


async def test_a_topic_is_forgotten_like_a_text(log: Log) -> None:
    await log.append([draft(1, "tea", kind=Kind.TOPIC), draft(2, "cups", kind=Kind.TOPIC), forget(3, 1)])
    assert await texts(log) == {2: "cups", 3: "3"}


async def test_an_edit_changes_no_topic(log: Log) -> None:
    await log.append([draft(1, "tea", kind=Kind.TOPIC), edit(2, 1, "cups")])
    assert await texts(log) == {1: "tea", 2: "cups"}
