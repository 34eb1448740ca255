"""Which servers a client talks to: every way to know one, with every key that it may show."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing
import trustme
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from trio.testing import MockClock

import wire
from client_repl.connection import pins
from client_repl.connection.known_servers import Known, KnownServers, Pinned, Verified
from client_repl.connection.trouble import Retry, Trouble
from client_repl.connection.trust import Confirm, Secured, Trust
from client_repl.core.address import Address
from client_repl.core.items import Failure, Notice
from tests.certificates import Certificate, self_signed, signed_by
from tests.client.scripted import TARGET, Peer, World

OURS, OTHER = self_signed(), self_signed()
AUTHORITY = trustme.CA()
CERTIFIED, RENEWED = (signed_by(AUTHORITY, TARGET.host) for _ in range(2))
MISNAMED = signed_by(AUTHORITY, "elsewhere.example.org")
PIN = OURS.pin
SHOWN = {"ours": OURS, "other": OTHER, "certified": CERTIFIED, "renewed": RENEWED, "misnamed": MISNAMED}
"""What a server may show, by the names that the cases have for it."""


class Host:
    """A server that shows `certificate` and reads; `handshakes` it was asked for, and what was `said` to it."""

    def __init__(self, certificate: Certificate, folder: Path, *, alpn: str = wire.ALPN) -> None:
        self.certificate = certificate
        self.handshakes = 0
        self.said = bytearray()
        self.asked_for: list[str | None] = []
        self._folder = folder
        self._alpn = alpn

    async def serve(self, transport: trio.abc.Stream) -> None:
        self.handshakes += 1
        context = self.certificate.context(self._folder, alpn=self._alpn)
        context.sni_callback = lambda _socket, name, _context: self.asked_for.append(name)
        stream = trio.SSLStream(transport, context, server_side=True)
        try:
            await stream.do_handshake()
            while data := await stream.receive_some():
                self.said += data
        except trio.BrokenResourceError:
            pass
        await trio.aclose_forcefully(stream)

    async def talk(self, trust: Trust, confirm: Confirm | None = None) -> Secured:
        """Connect to it. Raises Trouble, after which it has nothing open any more."""
        remarks: list[str] = []
        outcome: Secured | Trouble
        async with trio.open_nursery() as nursery:

            async def reach() -> trio.abc.Stream:
                ours, theirs = trio.testing.memory_stream_pair()
                nursery.start_soon(self.serve, theirs)
                return ours

            try:
                outcome = await trust.connect(reach, confirm, remarks.append)
            except Trouble as exc:
                outcome = exc
            else:
                nursery.cancel_scope.cancel()
        assert not self.said
        if isinstance(outcome, Trouble):
            raise outcome
        return outcome


@pytest.fixture(autouse=True)
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The system trusts the authority of these tests, and no other."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


def knowing(folder: Path, known: Known | None, *, saves: bool = True) -> KnownServers:
    servers = KnownServers(folder / "known-servers.json", saves=saves)
    if known is not None:
        servers.learn(TARGET, known)
    return servers


def answering(answer: bool) -> Confirm:
    async def confirm(_text: str, _question: str) -> bool:
        await trio.lowlevel.checkpoint()
        return answer

    return confirm


def known_as(word: str) -> Known | None:
    """Not at all, verified, or pinned with the key of that name."""
    return None if word == "-" else Verified() if word == "verified" else Pinned(SHOWN[word].pin)


def invited(word: str) -> Address:
    """By an invite with the key of that name, or without any."""
    return TARGET if word == "-" else replace(TARGET, pin=SHOWN[word].pin)


@pytest.mark.parametrize(
    ("known", "shows", "invite", "handshakes", "then"),
    [
        ("ours", "ours", "-", 1, "ours"),
        ("ours", "ours", "ours", 1, "ours"),
        ("certified", "certified", "-", 1, "certified"),
        ("verified", "certified", "-", 1, "verified"),
        ("verified", "renewed", "-", 1, "verified"),
        ("verified", "renewed", "renewed", 1, "verified"),
        ("-", "certified", "-", 1, "verified"),
        ("-", "certified", "certified", 1, "verified"),
        ("-", "ours", "ours", 2, "ours"),
        ("-", "misnamed", "misnamed", 2, "misnamed"),
    ],
)
async def test_a_server_that_is_the_one_meant(
    tmp_path: Path, known: str, shows: str, invite: str, handshakes: int, then: str
) -> None:
    servers, host = knowing(tmp_path, known_as(known)), Host(SHOWN[shows], tmp_path)
    secured = await host.talk(Trust(invited(invite), servers))
    assert secured.pin == SHOWN[shows].pin
    assert host.handshakes == handshakes
    assert host.asked_for == [TARGET.host] * handshakes
    assert servers.get(TARGET) == KnownServers(servers.path).get(TARGET) == known_as(then)


@pytest.mark.parametrize(
    ("known", "shows", "invite", "code", "handshakes"),
    [
        ("ours", "other", "-", "server-key-changed", 1),
        ("ours", "other", "ours", "server-key-changed", 1),
        ("ours", "other", "other", "server-key-changed", 0),
        ("ours", "ours", "other", "server-key-changed", 0),
        ("ours", "certified", "-", "server-key-changed", 1),
        ("verified", "ours", "-", "server-unverified", 1),
        ("verified", "ours", "ours", "server-unverified", 1),
        ("verified", "misnamed", "-", "server-unverified", 1),
        ("verified", "renewed", "certified", "server-key-changed", 1),
        ("-", "certified", "ours", "server-key-changed", 1),
        ("-", "other", "ours", "server-key-changed", 2),
    ],
)
@pytest.mark.parametrize("trusts_new", [False, True])
async def test_a_server_that_may_be_another(
    tmp_path: Path, known: str, shows: str, invite: str, code: str, handshakes: int, *, trusts_new: bool
) -> None:
    servers, host = knowing(tmp_path, known_as(known)), Host(SHOWN[shows], tmp_path)
    with pytest.raises(Trouble) as refused:
        await host.talk(Trust(invited(invite), servers, trusts_new=trusts_new), answering(True))
    assert (refused.value.code, refused.value.retry) == (code, Retry.NO)
    assert host.handshakes == handshakes
    assert servers.get(TARGET) == KnownServers(servers.path).get(TARGET) == known_as(known)


@pytest.mark.parametrize("shows", ["ours", "misnamed"])
async def test_an_unknown_server_needs_somebody_to_ask(tmp_path: Path, shows: str) -> None:
    servers, host = knowing(tmp_path, None), Host(SHOWN[shows], tmp_path)
    with pytest.raises(Trouble) as refused:
        await host.talk(Trust(TARGET, servers))
    assert (refused.value.code, refused.value.retry) == ("unknown-server", Retry.NO)
    assert pins.fingerprint(SHOWN[shows].pin) in refused.value.text
    assert servers.get(TARGET) is None
    assert (await host.talk(Trust(TARGET, servers, trusts_new=True))).pin == SHOWN[shows].pin
    assert servers.get(TARGET) == known_as(shows)


async def test_a_changed_key_is_told_with_both_fingerprints_and_what_to_do(tmp_path: Path) -> None:
    servers = knowing(tmp_path, Pinned(PIN))
    with pytest.raises(Trouble) as refused:
        await Host(OTHER, tmp_path).talk(Trust(TARGET, servers))
    text = refused.value.text
    assert pins.fingerprint(PIN) in text
    assert pins.fingerprint(OTHER.pin) in text
    assert str(TARGET) in text
    assert "--forget-key" in text


async def test_a_renewed_certificate_of_the_same_key_is_no_news(tmp_path: Path) -> None:
    key = generate_private_key(SECP256R1())
    old, new = self_signed(key), self_signed(key)
    assert old.chain != new.chain
    host = Host(new, tmp_path)
    assert (await host.talk(Trust(TARGET, knowing(tmp_path, Pinned(old.pin))))).pin == old.pin


async def test_a_dot_at_the_end_makes_no_stranger_of_a_verified_server(tmp_path: Path) -> None:
    dotted = replace(TARGET, host=TARGET.host + ".")
    known = knowing(tmp_path, None)
    await Host(CERTIFIED, tmp_path).talk(Trust(dotted, known))
    assert known.get(TARGET) == Verified()
    with pytest.raises(Trouble) as caught:
        await Host(OURS, tmp_path).talk(Trust(dotted, known, trusts_new=True), answering(True))
    assert caught.value.code == "server-unverified"


async def test_who_says_yes_is_not_asked_again_and_who_says_no_is(tmp_path: Path) -> None:
    servers, host = knowing(tmp_path, None), Host(OURS, tmp_path)
    with pytest.raises(Trouble) as refused:
        await host.talk(Trust(TARGET, servers), answering(False))
    assert refused.value.code == "unknown-server"
    assert servers.get(TARGET) is None
    assert (await host.talk(Trust(TARGET, servers), answering(True))).pin == PIN
    assert host.handshakes == 5  # verified, shown; verified, shown, and the one that is used
    assert (await host.talk(Trust(TARGET, KnownServers(servers.path)))).pin == PIN
    assert host.handshakes == 6


async def test_the_key_behind_a_yes_is_the_one_that_was_shown(tmp_path: Path) -> None:
    servers, host = knowing(tmp_path, None), Host(OURS, tmp_path)

    async def confirm(text: str, _question: str) -> bool:
        await trio.lowlevel.checkpoint()
        assert pins.fingerprint(PIN) in text
        host.certificate = OTHER
        return True

    with pytest.raises(Trouble) as refused:
        await host.talk(Trust(TARGET, servers), confirm)
    assert refused.value.code == "server-key-changed"


async def test_a_guest_knows_what_the_user_knows_and_leaves_nothing_behind(tmp_path: Path) -> None:
    servers = knowing(tmp_path, None, saves=False)
    assert (await Host(OURS, tmp_path).talk(Trust(TARGET, servers, trusts_new=True))).pin == PIN
    assert not servers.path.exists()
    with pytest.raises(Trouble, match="another key"):
        await Host(OTHER, tmp_path).talk(Trust(TARGET, servers, trusts_new=True))
    knowing(tmp_path, Pinned(PIN))
    with pytest.raises(Trouble, match="another key"):
        await Host(OTHER, tmp_path).talk(Trust(TARGET, KnownServers(servers.path, saves=False), trusts_new=True))


async def test_where_it_cannot_be_saved_the_chat_goes_on(tmp_path: Path) -> None:
    servers = KnownServers(tmp_path / "missing" / "known-servers.json")
    remarks: list[str] = []
    host, trust = Host(OURS, tmp_path), Trust(TARGET, servers, trusts_new=True)
    async with trio.open_nursery() as nursery:

        async def reach() -> trio.abc.Stream:
            ours, theirs = trio.testing.memory_stream_pair()
            nursery.start_soon(host.serve, theirs)
            return ours

        assert (await trust.connect(reach, None, remarks.append)).pin == PIN
        nursery.cancel_scope.cancel()
    [remark] = remarks
    assert str(servers.path) in remark


@pytest.mark.parametrize(("known", "shows"), [("-", "ours"), ("ours", "ours"), ("verified", "certified")])
async def test_another_service_with_the_right_key_is_none_of_ours(tmp_path: Path, known: str, shows: str) -> None:
    host = Host(SHOWN[shows], tmp_path, alpn="h2")
    with pytest.raises(Trouble) as refused:
        await host.talk(Trust(TARGET, knowing(tmp_path, known_as(known)), trusts_new=True))
    assert (refused.value.code, refused.value.retry) == ("not-this-protocol", Retry.IF_REACHED)


@pytest.mark.parametrize(
    ("host", "asked_for"), [("127.0.0.1", None), ("fe80::1%eth0", None), ("::1", None), ("example.org", "example.org")]
)
async def test_names_are_asked_for_and_addresses_are_not(tmp_path: Path, host: str, asked_for: str | None) -> None:
    server = Host(OURS, tmp_path)
    await server.talk(Trust(Address(host), KnownServers(tmp_path / "known"), trusts_new=True))
    assert server.asked_for == [asked_for] * 2


# --- what does not get as far as a certificate


async def met(play: Callable[[trio.abc.Stream], Awaitable[None]], target: Address = TARGET) -> Trouble:
    """What a server that plays this is taken for."""
    servers = KnownServers(Path("nowhere"), saves=False)
    async with trio.open_nursery() as nursery:

        async def reach() -> trio.abc.Stream:
            ours, theirs = trio.testing.memory_stream_pair()
            nursery.start_soon(play, theirs)
            return ours

        with pytest.raises(Trouble) as refused:
            await Trust(target, servers, trusts_new=True).connect(reach, None, lambda _: None)
        nursery.cancel_scope.cancel()
    return refused.value


@pytest.mark.parametrize("answer", [b"TCHT\x01\x48\0\0\0\0\0\x05", b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-x\r\n"])
async def test_plaintext_is_told(answer: bytes) -> None:
    async def play(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)

    problem = await met(play)
    assert (problem.code, problem.retry) == ("not-tls", Retry.IF_REACHED)
    assert "--plaintext" in problem.text


async def test_a_server_that_hangs_up_may_be_back() -> None:
    async def play(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.aclose()

    problem = await met(play)
    assert (problem.code, problem.retry) == ("connection-lost", Retry.YES)


async def test_a_server_that_says_nothing_is_not_waited_for(autojump_clock: MockClock) -> None:
    async def play(_: trio.abc.Stream) -> None:
        await trio.sleep_forever()

    assert (await met(play)).code == "timeout"


async def test_an_alert_is_told() -> None:
    async def play(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(b"\x15\x03\x03\x00\x02\x02\x50")  # internal error

    problem = await met(play)
    assert (problem.code, problem.retry) == ("tls-failed", Retry.YES)


@pytest.mark.parametrize(("alert", "code"), [(70, "tls-too-old"), (120, "not-this-protocol")])
async def test_alerts_that_mean_something_more(alert: int, code: str) -> None:
    async def play(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(bytes([0x15, 3, 3, 0, 2, 2, alert]))

    assert (await met(play)).code == code


async def test_a_name_that_tls_cannot_ask_for_is_no_computer() -> None:
    async def play(stream: trio.abc.Stream) -> None:
        assert await stream.receive_some() == b""

    assert (await met(play, Address(".x"))).code == "name-lookup"


# --- in a session


async def encrypted(world: World, certificate: Certificate, folder: Path) -> Peer:
    """The next connection that the client makes, behind the handshake."""
    peer = await world.peer()
    stream = trio.SSLStream(peer.stream, certificate.context(folder), server_side=True)
    peer.stream = stream
    await stream.do_handshake()
    return peer


async def test_the_proof_is_over_the_key_that_was_seen(tmp_path: Path, autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await encrypted(world, OURS, tmp_path)
        await peer.admit(pin=PIN)
        world.session.finish()
        await peer.see_off()

    assert await World(trust=Trust(TARGET, knowing(tmp_path, Pinned(PIN)))).run(script) == 0


async def test_whom_the_user_invites_knows_the_key_too(tmp_path: Path, autojump_clock: MockClock) -> None:
    invite = wire.Invite(PIN, b"T" * 24)

    async def script(world: World) -> None:
        peer = await encrypted(world, OURS, tmp_path)
        await peer.admit(pin=PIN)
        world.session.submit("/invite")
        command = await peer.expect(wire.Command)
        await peer.send(wire.Answer(command.id, (invite.hello_token,)))
        world.session.finish()
        await peer.see_off()

    world = World(trust=Trust(TARGET, knowing(tmp_path, Pinned(PIN))))
    assert await world.run(script) == 0
    assert Notice("", invite.line(TARGET.host, TARGET.port)) in world.items


async def test_a_key_that_changes_meanwhile_ends_the_session(tmp_path: Path, autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await encrypted(world, OURS, tmp_path)
        await peer.admit(pin=PIN)
        world.session.submit("is not stored yet")
        await peer.stream.aclose()
        peer = await encrypted(world, OTHER, tmp_path)
        assert await peer.next() is None

    world = World(trust=Trust(TARGET, knowing(tmp_path, Pinned(PIN))))
    assert await world.run(script) == 1
    assert any(isinstance(item, Failure) and item.code == "server-key-changed" for item in world.items)
    assert world.states == ["connected", "reconnecting", "closed"]


async def test_time_to_think_is_no_time_in_which_nothing_was_reached(tmp_path: Path, autojump_clock: MockClock) -> None:
    async def confirm(_text: str, _question: str) -> bool:
        await trio.sleep(1000)
        return True

    async def script(world: World) -> None:
        peer = await world.peer()
        stream = trio.SSLStream(peer.stream, OURS.context(tmp_path), server_side=True)
        with pytest.raises(trio.BrokenResourceError):
            await stream.do_handshake()
        peer = await encrypted(world, OURS, tmp_path)
        assert await peer.next() is None
        peer = await encrypted(world, OURS, tmp_path)
        await peer.admit(pin=PIN)
        world.session.finish()
        await peer.see_off()

    world = World(trust=Trust(TARGET, knowing(tmp_path, None)), confirm=confirm, give_up=10)
    assert await world.run(script) == 0
