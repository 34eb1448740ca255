"""One task waits, another wakes it: once, and only if it waits."""

import trio
import trio.testing

from trio_chat.wake import Wake


async def test_who_waits_goes_on_at_the_next_wake_and_not_before() -> None:
    wake = Wake()
    woken: list[int] = []

    async def wait(times: int) -> None:
        for number in range(times):
            await wake.wait()
            woken.append(number)

    wake.wake()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, 2)
        await trio.testing.wait_all_tasks_blocked()
        assert not woken, "a wake before it waited does not count"
        wake.wake()
        wake.wake()
        await trio.testing.wait_all_tasks_blocked()
        assert woken == [0], "two wakes at once are one"
        wake.wake()
    assert woken == [0, 1]


async def test_a_wait_that_was_cancelled_leaves_nothing_to_wake() -> None:
    wake = Wake()
    with trio.CancelScope() as scope:
        scope.cancel()
        await wake.wait()
    assert scope.cancelled_caught
    wake.wake()
    await trio.lowlevel.checkpoint()


async def test_who_is_woken_and_cancelled_at_once_was_woken() -> None:
    wake = Wake()
    went_on = False

    async def wait() -> None:
        nonlocal went_on
        await wake.wait()
        went_on = True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        wake.wake()
        nursery.cancel_scope.cancel()
    assert went_on
