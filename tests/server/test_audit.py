"""The trail of what operators did."""

from tests.server.people import NOW, arrive
from trio_chat.audit import MAX_ENTRIES, Audit
from trio_chat.changes import Changes
from trio_chat.model import FactKept
from trio_chat.state import State


def test_it_is_told_oldest_first_and_goes_on_after_a_restart() -> None:
    alice, changes = arrive(State(), "alice"), Changes()
    trail = Audit((), changes)
    assert trail.newest(5) == []
    for number in range(3):
        trail.add(alice, "kick", f"{number}", NOW + number)
    saved = [change for change in changes.take() if isinstance(change, FactKept)]
    again = Audit(saved, changes)
    again.add(alice, "ban", "3", NOW + 3)
    for one, last in ((trail, 2), (again, 3)):
        found = one.newest(100)
        assert [entry.arguments for entry in found] == [str(number) for number in range(last + 1)]
        assert [entry.arguments for entry in one.newest(2)] == [str(last - 1), str(last)]
    [entry] = again.newest(1)
    assert (entry.at, entry.account, entry.name, entry.command) == (NOW + 3, alice.id, "alice", "ban")
    assert len(changes.take()) == 1, "what is on the trail is never written again"


def test_the_oldest_goes_when_there_are_too_many() -> None:
    alice, changes = arrive(State(), "alice"), Changes()
    trail = Audit((), changes)
    for number in range(MAX_ENTRIES + 2):
        trail.add(alice, "kick", str(number), NOW)
    found = trail.newest(MAX_ENTRIES * 2)
    assert len(found) == MAX_ENTRIES
    assert (found[0].arguments, found[-1].arguments) == ("2", str(MAX_ENTRIES + 1))
    kept = [change for change in changes.take() if isinstance(change, FactKept) and change.value is not None]
    again = Audit(kept, changes)
    assert again.newest(MAX_ENTRIES * 2) == found
