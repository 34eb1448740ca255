"""Direct messages that came while the user was away, counted until catch-up is done."""

from collections.abc import Callable

from client_repl.items import Missed


class Absence:
    """What came meanwhile, by conversation. It may take several connections to catch up."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def count(self, conversation: int) -> None:
        """One more direct message of somebody else."""
        self._counts[conversation] = self._counts.get(conversation, 0) + 1

    def forget(self) -> None:
        """The log is another one."""
        self._counts.clear()

    def over(self, name: Callable[[int], str]) -> list[Missed]:
        """Catch-up is done: the sum, with `name` of each conversation, where anything came."""
        counts, self._counts = self._counts, {}
        if not counts:
            return []
        parts = (f"{count} from {name(conversation).removeprefix('@')}" for conversation, count in counts.items())
        return [Missed(f"{', '.join(parts)} while you were away")]
