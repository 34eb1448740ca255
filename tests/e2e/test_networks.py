"""The printed line joins from another network: two network namespaces with a cable between them, made for this test."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import chatting, serving

CABLES = {
    "IPv4": ("10.77.0.1", "10.77.0.2", "24", []),
    "IPv6": ("fd00:77::1", "fd00:77::2", "64", ["nodad"]),
}
"""The host's address, the guest's, the length of the prefix, and more arguments of `ip address`."""


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=10)


@pytest.fixture
def networks() -> Iterator[tuple[str, str]]:
    """The names of two namespaces: the host's and the guest's. Both have both addresses of CABLES."""
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip` (iproute2) here to make network namespaces with")
    names = (f"tchat-{os.getpid()}-host", f"tchat-{os.getpid()}-guest")
    made: list[str] = []
    try:
        for name in names:
            try:
                _ip("netns", "add", name)
            except subprocess.CalledProcessError as exc:
                pytest.skip(f"network namespaces are not permitted here: {exc.stderr.strip()}")
            made.append(name)
        host, guest = names
        _ip("-n", host, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", guest)
        for side, name in enumerate(names):
            for cable in CABLES.values():
                _ip("-n", name, "address", "add", f"{cable[side]}/{cable[2]}", "dev", "cable", *cable[3])
            for device in ("lo", "cable"):
                _ip("-n", name, "link", "set", device, "up")
        yield names
    finally:
        for name in made:
            _ip("netns", "delete", name)


@pytest.mark.parametrize(("family", "listen"), [("IPv4", "0.0.0.0"), ("IPv6", CABLES["IPv6"][0])])
async def test_the_printed_line_joins(tmp_path: Path, networks: tuple[str, str], family: str, listen: str) -> None:
    host, guest = (("ip", "netns", "exec", name) for name in networks)
    address = CABLES[family][0]
    async with serving(tmp_path, host=listen, prefix=host, plaintext=False) as server:
        line = ""
        while address not in line:
            found = await server.lines.next()
            assert found is not None
            line = found
        program, where = shlex.split(line)
        assert program == "trio-chat-client"
        assert re.fullmatch(rf"tchat://\[?{re.escape(address)}\]?:{server.address[1]}/[a-z2-7]{{58}}", where)
        async with (
            chatting(tmp_path, where, "friend", prefix=guest, plaintext=False) as friend,
            chatting(tmp_path, where, "host", prefix=host, plaintext=False) as local,
        ):
            await friend.send("hello from afar")
            await local.next("message", text="hello from afar")
