"""When things go to disk: a line before it is sent, a position after what it stands for was really written."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

import trio

import wire
from client_repl.chat import Chat
from client_repl.core.cursors import Progress
from client_repl.core.effects import Keep, LetGo, Start
from client_repl.core.outbox import Pending
from client_repl.core.recallable import is_secret
from client_repl.disk.kept import Changes, Kept, Kind, SlotError

if TYPE_CHECKING:
    from client_repl.disk.slots import Slot  # which loads SQLite; a guest needs none

Written = Callable[[], Awaitable[bool]]
"""Waits until all that was shown before the call is written; False: it cannot be written any more."""

SAVE_SECONDS: Final = 0.25
"""Between two savings of positions and drafts."""


class _Done(NamedTuple):
    """What may be saved when all that was shown before is written."""

    progress: Progress
    let_go: tuple[bytes, ...]


class Keeper:
    """Keeps in `slot` what must outlive this client. Without one, for guests, it keeps nothing, and all is well."""

    def __init__(self, chat: Chat, slot: "Slot | None" = None, kind: Kind = Kind.TERMINAL) -> None:
        self._chat = chat
        self._slot = slot
        self._kind = kind
        self._saved = Kept() if slot is None else slot.kept
        self._progress = self._saved.progress
        self._waiting: dict[bytes, Pending] = {}
        """Lines that are to be kept, and could not be."""
        self._held = {line.say.nonce for line in chat.unacknowledged} if slot is not None else set()
        """Nonces of the lines that the slot has."""
        self._let_go: list[bytes] = []
        self._draft = self._saved_draft = self._saved.draft
        self._saved_place = self._saved.place
        self._drafts = self._saved_drafts = dict(self._saved.drafts)
        self._trouble = ""
        self._told = False
        self._changed = trio.Event()

    # --- what the session tells

    def obey(self, effect: Keep | Start | LetGo) -> None:
        """Do what the chat asks."""
        match effect:
            case Keep(line):
                self.keep(line)
            case Start(position):
                self.start(position)
            case LetGo(nonce):
                self.let_go(nonce)
            case _ as never:
                assert_never(never)

    def keep(self, line: Pending) -> None:
        """Have it on disk when this returns, or as soon as the disk can."""
        if self._slot is not None:
            self._waiting[line.say.nonce] = line
            self._save(None)

    def start(self, position: wire.Position) -> None:
        """The same for where the reading of a conversation begins."""
        log_id, seqs = self._chat.progress.log_id, {position.conversation: position.seq}
        if self._progress.log_id == log_id:
            seqs = {**self._progress.seqs, **seqs}
        if self._slot is not None:
            self._save(_Done(Progress(log_id, seqs), ()))

    def let_go(self, nonce: bytes) -> None:
        """It need not be there any more, when what was shown is written."""
        self._let_go.append(nonce)
        self.look()

    def look(self) -> None:
        """Something may have changed."""
        self._changed.set()

    def hold_draft(self, draft: str, others: Mapping[str, str] = MappingProxyType({})) -> None:
        """This is in the editor now, and `others` are put away, by conversation. What may be a secret is not saved."""
        self._draft, self._drafts = draft, dict(others)
        self.look()

    def take_trouble(self) -> str:
        """What is wrong with the disk, to be told once; else ""."""
        trouble, self._trouble = self._trouble, ""
        return trouble

    def will_be_sent(self, line: Pending) -> bool:
        """Whether a line that is not acknowledged at the end is sent by the next client; else it must be reported."""
        return line.say.nonce in self._held and (line.earlier or self._kind is Kind.TERMINAL)

    # --- when it is saved

    async def run(self, written: Written) -> None:
        """Save soon, and seldom, until nothing can be shown any more, or it is cancelled."""
        while self._slot is not None:
            await self._changed.wait()
            self._changed = trio.Event()
            done = self.done()
            if not await written():
                return
            self.save(done)
            await trio.sleep(SAVE_SECONDS)

    def done(self) -> _Done:
        """What follows from all that was shown up to now."""
        return _Done(self._chat.progress, tuple(self._let_go))

    def save(self, done: _Done) -> None:
        """All that was shown before `done` is written."""
        if self._slot is not None and self._save(done._replace(progress=self._still_true(done.progress))):
            del self._let_go[: len(done.let_go)]

    def _still_true(self, written: Progress) -> Progress:
        """What became known while it was written counts: where conversations begin, and that a log is gone."""
        now = self._chat.progress
        if written.log_id != now.log_id:
            return self._progress
        saved = self._progress.seqs if self._progress.log_id == now.log_id else {}
        seqs = {**saved, **written.seqs}
        return Progress(
            now.log_id, {number: min(seq, now.seqs[number]) for number, seq in seqs.items() if number in now.seqs}
        )

    def finish(self, *, written: bool) -> None:
        """The session has ended in order, and what is not sent was reported, unless `will_be_sent`. `written`: all that
        was shown is written."""
        if self._slot is None:
            return
        lost = [line.say.nonce for line in self._chat.unacknowledged if not self.will_be_sent(line)]
        progress, let_go = self.done() if written else _Done(self._progress, ())
        self._save(_Done(progress, (*let_go, *lost)))

    def _save(self, done: _Done | None) -> bool:
        """Save what is waiting, and `done`, in one commit. False: the disk does not take it."""
        assert self._slot is not None
        progress, let_go = done or _Done(self._progress, ())
        for nonce in let_go:
            self._waiting.pop(nonce, None)
        moved = self._kind.has_history and progress != self._progress
        drafts = {where: text for where, text in self._drafts.items() if not is_secret(text)}
        draft = "" if is_secret(self._draft) else self._draft
        place = self._chat.where if self._kind is Kind.TERMINAL else self._saved_place
        changes = Changes(
            tuple(self._waiting.values()),
            let_go,
            progress if moved else None,
            draft if draft != self._saved_draft else None,
            place if place != self._saved_place else None,
            drafts if drafts != self._saved_drafts else None,
        )
        if changes == Changes(()):
            return True
        try:
            self._slot.save(changes)
        except SlotError as exc:
            if not self._told:
                self._trouble = f"This cannot be kept on disk now: {exc}. If this client is killed, lines may be lost."
            self._told = True
            return False
        self._told = False
        self._held |= self._waiting.keys()
        self._held -= {*let_go}
        self._waiting.clear()
        self._saved_draft, self._saved_place, self._saved_drafts = draft, place, drafts
        self._progress = progress
        return True
