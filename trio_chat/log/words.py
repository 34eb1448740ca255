"""From what a user typed to a query of the search index. Whatever it is, the query can be asked."""

from typing import Any, Final, NamedTuple

import apsw

TOKENIZE: Final = ("unicode61", "remove_diacritics", "2")
"""How FTS5 makes words of a text: letters and digits, without case and accents."""
MOST: Final = 32
"""Words of a query; what is behind them is not looked at. Each costs, and FTS5 takes no more than some thousand."""

_tokenize: Final = apsw.Connection(":memory:").fts5_tokenizer(TOKENIZE[0], list(TOKENIZE[1:]))


class Query(NamedTuple):
    """What `entry MATCH` takes; empty where nothing is asked for. `open`: a word of it may have many endings, so that
    beginning to look takes long."""

    match: str
    open: bool


def query(words: str, sender: str) -> Query:
    """All of `words` (`word*`: any that begins so), written by `sender`, a folded name, unless that is empty."""
    data = words.encode(errors="replace")
    wanted: dict[str, None] = {}
    found: Any = _tokenize(data, apsw.FTS5_TOKENIZE_QUERY, None)
    for _, end, token in found:
        star = "*" if data[end : end + 1] == b"*" else ""
        wanted[f'"{token}"{star}'] = None
    terms = list(wanted)[:MOST]
    parts = [f"text : ({' AND '.join(terms)})"] if terms else []
    if sender:
        parts.append(f'sender : "{sender_token(sender)}"')
    return Query(" AND ".join(parts), open=any(term.endswith("*") for term in terms))


def sender_token(name: str) -> str:
    """A folded name as the one word that the index has for it."""
    return f"n{name.encode(errors='replace').hex()}"
