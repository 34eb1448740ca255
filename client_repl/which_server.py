"""Which server, where the command line does not say: the user does, or the local network."""

from client_repl.core import address
from client_repl.core.address import Address
from client_repl.core.sanitize import clean_line
from client_repl.user import StartError


def asked(*, can_ask: bool) -> Address:
    """The address or invite that the user types. Raises StartError."""
    if not can_ask:
        raise StartError("which server? Give its address, HOST[:PORT] or an invite")
    print("Which server? Its host gives you an invite (tchat://...) or an address.")
    while True:
        try:
            answer = input("server (HOST[:PORT] or an invite): ")
        except EOFError:
            raise StartError("no server, no chat") from None
        try:
            return address.parse(answer)
        except ValueError as exc:
            print(exc)


def found(*, can_ask: bool) -> Address:
    """One that says on the local network where it is; of several, the one that the user takes. Raises StartError."""
    from client_repl.connection import lan  # noqa: PLC0415  an extra

    try:
        servers = lan.find()
    except ImportError:
        raise StartError("--lan needs the package zeroconf: install trio-chat[lan]") from None
    except OSError as exc:
        raise StartError(f"the local network cannot be asked: {exc.strerror or exc}") from exc
    if not servers:
        raise StartError("no server answered on this network; ask its host for an invite")
    if len(servers) == 1:
        return servers[0].address
    lines = [f"{number}  {clean_line(one.name)}  {one.address}" for number, one in enumerate(servers, start=1)]
    if not can_ask:
        raise StartError("several servers answered; give the address of one:\n" + "\n".join(lines))
    print(*lines, sep="\n")
    while True:
        try:
            answer = input(f"which server (1 to {len(servers)}): ").strip()
        except EOFError:
            raise StartError("no server, no chat") from None
        if answer.isdecimal() and 1 <= int(answer[:9]) <= len(servers):
            return servers[int(answer[:9]) - 1].address
