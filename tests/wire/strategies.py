"""Hypothesis strategies for every event, built from the types of its fields, so that a new event has one at once.

Texts and tuples are short: even the longest Hello that comes out fits the 4 KiB of a login.
"""

from functools import cache

from hypothesis import strategies as st
from msgspec import inspect

import wire
from wire.numbers import CLIENT_TYPES, SERVER_TYPES

_MAX_TEXT = 20
_MAX_ITEMS = 3


def _values(kind: inspect.Type) -> st.SearchStrategy[object]:
    match kind:
        case inspect.IntType(ge=ge, le=le, lt=lt):
            return st.integers(ge, le if lt is None else lt - 1)
        case inspect.FloatType():
            return st.floats(allow_nan=False)
        case inspect.BoolType():
            return st.booleans()
        case inspect.StrType():
            return st.text(max_size=_MAX_TEXT)
        case inspect.BytesType(min_length=least, max_length=most):
            return st.binary(min_size=least or 0, max_size=most)
        case inspect.EnumType(cls=cls):
            return st.sampled_from(list(cls))
        case inspect.VarTupleType(item_type=item):
            return st.lists(_values(item), max_size=_MAX_ITEMS).map(tuple)
        case inspect.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: _values(field.type) for field in fields})
    raise NotImplementedError(kind)


@cache
def events(role: wire.Role) -> st.SearchStrategy[wire.Event]:
    """Any event that `role` may send at some time."""
    types = CLIENT_TYPES if role is wire.Role.CLIENT else SERVER_TYPES
    return st.one_of(*[_values(inspect.type_info(cls)) for cls in types.values()])


@cache
def open_events(role: wire.Role) -> st.SearchStrategy[wire.Event]:
    """Any event that `role` may send after login, but Bye, which ends it."""
    login = wire.Hello | wire.Challenge | wire.Proof | wire.Welcome | wire.Bye
    return events(role).filter(lambda event: not isinstance(event, login))


def splits(data: bytes) -> st.SearchStrategy[list[bytes]]:
    """`data` in pieces, cut anywhere."""
    cuts = st.lists(st.integers(0, len(data)), max_size=12).map(sorted)
    return cuts.map(lambda at: [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)])
