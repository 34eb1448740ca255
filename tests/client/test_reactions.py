"""What was done to lines is known in whatever order it comes, and is never too much."""

from hypothesis import given
from hypothesis import strategies as st

import wire
from client_repl.core import reactions
from client_repl.core.reactions import MAX_KNOWN, Reactions
from tests.client.talk import message
from wire import Kind

ABOUT = st.builds(
    message,
    st.integers(10, 30),
    st.sampled_from(["", "👍", ":tea:"]),
    kind=st.sampled_from([Kind.REACT, Kind.EDIT]),
    ref=st.integers(1, 3),
    sender=st.sampled_from(["bob", "carol"]),
)


def known(made: Reactions) -> list[tuple[bool, dict[str, int]]]:
    return [(made.edited(message(seq)), dict(made.to(message(seq)))) for seq in range(1, 4)]


@given(
    st.lists(ABOUT, unique_by=lambda entry: entry.seq).flatmap(
        lambda all_: st.tuples(st.just(all_), st.permutations(all_))
    )
)
def test_the_order_does_not_matter(entries: tuple[list[wire.Message], list[wire.Message]]) -> None:
    one, other = Reactions(), Reactions()
    for entry in entries[0]:
        one.learn(entry)
    for entry in [*entries[1], *entries[1]]:
        other.learn(entry)
    assert known(one) == known(other)


def test_a_line_that_is_gone_takes_them_along() -> None:
    made = Reactions()
    made.learn(message(2, "👍", kind=Kind.REACT, ref=1))
    made.learn(message(3, "", kind=Kind.FORGET, ref=1))
    made.learn(message(4, "", kind=Kind.FORGET, ref=7))
    assert known(made) == [(False, {})] * 3


def test_who_takes_all_back_takes_reactions_back_there() -> None:
    made = Reactions()
    for conversation in (1, 2):
        for sender in ("bob", "carol"):
            made.learn(message(2, "👍", kind=Kind.REACT, ref=1, sender=sender, conversation=conversation))
    made.learn(message(3, "", kind=Kind.FORGET, sender="bob"))
    assert made.to(message(1)) == {"👍": 1}
    assert made.to(message(1, conversation=2)) == {"👍": 2}


def test_they_are_never_too_many() -> None:
    made = Reactions()
    for ref in range(1, MAX_KNOWN // 10 + 2):
        for account in range(10):
            made.learn(message(9999, "👍", kind=Kind.REACT, ref=ref, account=account + 1))
    assert made.to(message(1)) == {}
    assert made.to(message(2)) == made.to(message(MAX_KNOWN // 10 + 1)) == {"👍": 10}
    made.forget()
    assert made.to(message(2)) == {}
    for number in range(MAX_KNOWN + 1):
        made.learn(message(9999, "👍", kind=Kind.REACT, ref=1, account=number + 1))
    assert sum(made.to(message(1)).values()) <= reactions.MAX_KNOWN
