"""Which user names there may be, and when two of them are the same."""

import unicodedata
from typing import Final

from precis_i18n import get_profile

from trio_chat.errors import Refusal
from wire import Code

MAX_NAME: Final = 32
"""Characters: fits a line of a terminal beside a message."""

RESERVED: Final = frozenset(
    {"admin", "root", "server", "system", "everyone", "here", "owner", "operator", "mod", "support", "bot"}
)
"""Names that a person could take for the server itself, or for a group."""

_PUNCTUATION: Final = frozenset("-_.")
"""What a name may hold beside letters, digits and marks. Not `@ # / : ,`: they end or begin a name in a line."""

_profile: Final = get_profile("UsernameCaseMapped")


def name_key(name: str) -> str:
    """The form by which names are compared (PRECIS UsernameCaseMapped, RFC 8265).

    Raises Refusal with a NAME_* code, and the rule that it broke, for a name that nobody may have.
    """
    if not name:
        raise Refusal(Code.NAME_EMPTY, "choose a user name")
    if len(name) > MAX_NAME:
        raise Refusal(Code.NAME_TOO_LONG, f"choose a user name of at most {MAX_NAME} characters")
    try:
        key: str = _profile.enforce(name)
    except UnicodeEncodeError:
        raise Refusal(Code.NAME_INVALID, "choose a user name of letters, digits, and - _ . between them") from None
    if any(unicodedata.category(char)[0] not in "LNM" and char not in _PUNCTUATION for char in key):
        raise Refusal(Code.NAME_INVALID, "choose a user name of letters, digits, and - _ . between them")
    if key in RESERVED:
        raise Refusal(Code.NAME_RESERVED, "this name is reserved; choose another")
    return key
