"""How one task waits until another one has something for it."""

from collections.abc import Awaitable

import trio


class Wake:
    """One task waits on it at a time; with a `trio.Event` it takes 540 bytes more for as long as it waits."""

    __slots__ = ("_task",)

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None

    def wait(self) -> Awaitable[object]:
        """Wait for the next `wake`; one that came before does not count. To be awaited at once: a coroutine of its own
        would take some of those. Cancelled, it has no effect."""
        self._task = trio.lowlevel.current_task()
        return trio.lowlevel.wait_task_rescheduled(self._leave)  # noqa: ASYNC105  it is awaited by the caller

    def wake(self) -> None:
        """Have the task go on that waits, if one does."""
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None

    def _leave(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED
