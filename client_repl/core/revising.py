"""Changing what was said: edits, reactions, and taking lines back."""

import wire
from client_repl.core.conversations import Conversations
from client_repl.core.effects import Effect, failure
from client_repl.core.place import Place
from client_repl.core.sending import Sending
from client_repl.core.transcript import SAID, Entry, Transcript
from client_repl.core.wording import no_line


class Revising:
    """Entries about entries. They go the way of any line: kept, and sent until they are stored."""

    def __init__(self, place: Place, conversations: Conversations, transcript: Transcript, sending: Sending) -> None:
        self._place = place
        self._conversations = conversations
        self._transcript = transcript
        self._sending = sending

    def target(self, number: int) -> Entry | None:
        """The line that an edit is about; 0: the last own one here."""
        return self._transcript.entry(number) if number else self._transcript.last_own(self._place.conversation)

    def edit(self, number: int, text: str, draft: str) -> list[Effect]:
        """Have the own line `number`, or with 0 the last own one here, say `text`."""
        if not number and self._sending.on_its_way(self._place.where):
            text = "Your last line here is still on its way; edit it when it is there."
            return failure(wire.Code.NO_SUCH_MESSAGE, text, draft)
        entry = self.target(number)
        if entry is None or entry.message.kind not in SAID:
            return self._no_line(number, draft)
        if not entry.own:
            return self._not_own(number, entry, "edit", draft)
        return self._about(entry.message, wire.Kind.EDIT, text, draft)

    def react(self, number: int, reaction: str, draft: str) -> list[Effect]:
        """Show `reaction` at a line; "" takes it back."""
        entry = self._transcript.entry(number)
        if entry is None or entry.message.kind not in SAID:
            return self._no_line(number, draft)
        return self._about(entry.message, wire.Kind.REACT, reaction, draft)

    def forget(self, number: int, draft: str) -> list[Effect]:
        """Take the own line `number` back."""
        entry = self._transcript.entry(number)
        if entry is None:
            return self._no_line(number, draft)
        if not entry.own:
            return self._not_own(number, entry, "take back", draft)
        return self._about(entry.message, wire.Kind.FORGET, "", draft)

    def forget_all(self, draft: str) -> list[Effect]:
        """Take all back that the user said in the current conversation."""
        return self.by_seq(self._place.where, wire.Kind.FORGET, 0, "", draft)

    def by_seq(self, to: str, kind: wire.Kind, ref: int, text: str, draft: str) -> list[Effect]:
        """The same with a seq, of the conversation `to`, as scripts have it."""
        conversation = self._conversations.find(to)
        if not conversation:
            text = f"You are not in {to}, or nothing was said there yet; /rooms marks your rooms with *."
            return failure(wire.Code.NO_SUCH_ROOM, text, draft)
        where = self._conversations.name(conversation)
        return self._sending.say(where, text, draft, kind=kind, conversation=conversation, ref=ref)

    def _about(self, message: wire.Message, kind: wire.Kind, text: str, draft: str) -> list[Effect]:
        where = self._conversations.name(message.conversation)
        if not self._conversations.inside(message.conversation):
            return failure(wire.Code.NO_SUCH_ROOM, f"You are not in {where} any more; /join {where} enters it.", draft)
        return self._sending.say(where, text, draft, kind=kind, conversation=message.conversation, ref=message.seq)

    def _no_line(self, number: int, draft: str) -> list[Effect]:
        text = no_line(number) if number else "You have said nothing here lately; /edit #12 TEXT changes line 12."
        return failure(wire.Code.NO_SUCH_MESSAGE, text, draft)

    def _not_own(self, number: int, entry: Entry, verb: str, draft: str) -> list[Effect]:
        text = f"Line {number} is {entry.message.sender}'s; you can {verb} only your own. /reply #{number} answers it."
        return failure(wire.Code.NOT_ALLOWED, text, draft)
