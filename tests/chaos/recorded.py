"""The history checker on a history that was recorded: all runs as values, put in the order in which it all happened."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from tests.chaos.findings import Asked, Event, Finding, Recorded, Said, Skipped, first_screen
from tests.chaos.history import FIRST_SCREEN, History
from tests.chaos.runs import Run


def check(
    runs: Sequence[Recorded],
    *,
    marks: Iterable[str] = (),
    authorised: Callable[[Skipped], bool] = first_screen,
    screen: int = FIRST_SCREEN,
) -> list[Finding]:
    """What is wrong with a whole history; nothing: []. The runs of one reader come in their order."""
    history = History(authorised, screen=screen)
    opened: dict[int, Run] = {}
    steps = [step for number, run in enumerate(runs) for step in _steps(number, run)]
    for step in sorted(steps, key=lambda step: step[:4]):
        number, what = step.run, step.what
        match what:
            case Recorded():
                opened[number] = history.run(what.reader, what.user)
            case Said():
                opened[number].handed(what)
            case Asked():
                opened[number].asked(what)
            case None:
                opened[number].taken(runs[number].taken)
                opened[number].ended(killed=runs[number].killed)
            case _:
                opened[number].saw(what)
    return history.finish(marks)


class _Step(NamedTuple):
    at: int
    order: int
    """Of steps of one time: runs begin, clients are asked, and then they show."""
    run: int
    number: int
    what: Recorded | Said | Asked | Event | None
    """None: the end."""


def _steps(number: int, run: Recorded) -> Iterator[_Step]:
    yield _Step(run.at, 0, number, 0, run)
    handed: list[Said | Asked] = [*run.asked, *run.handed]
    for i, said in enumerate(handed):
        yield _Step(max(run.at, said.at), 1, number, i, said)
    at = run.at
    for i, event in enumerate(run.events):
        at = max(at, event.get("at", 0))
        yield _Step(at, 2, number, i, event)
    last = max([at, *(said.at for said in run.handed), *(asked.at for asked in run.asked)])
    yield _Step(last, 2, number, len(run.events), None)
