"""Whoever sends what may not be sent gets a coded answer, and a bystander notices nothing of it."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

import wire
from tests.e2e.processes import serving
from tests.e2e.raw import LOBBY, Identity, Raw, new_nonce
from wire.frame import HEADER

TYPES = {cls: number for number, cls in wire.numbers.CLIENT_TYPES.items()}


def frame(payload: bytes, kind: type[wire.Event] = wire.Hello, appid: bytes = wire.APPID, version: int = 1) -> bytes:
    return HEADER.pack(appid, version, TYPES[kind], 0, len(payload)) + payload


def encoded(event: wire.Event) -> bytes:
    return wire.Encoded.of(event).data


def say(text: str, to: str = LOBBY) -> wire.Say:
    return wire.Say(77, new_nonce(), to, text)


HELLO = Identity("mallory").hello()
DEEP = b"\x91" * 5000

FATAL_BEFORE_LOGIN = {
    "another APPID": (b"GET / HTTP/1.1\r\n\r\n", "not-this-protocol"),
    "half an APPID that is wrong already": (b"TCX", "not-this-protocol"),
    "another frame version": (frame(b"", version=2), "unsupported-version"),
    "only newer versions": (encoded(msgspec.structs.replace(HELLO, versions=(7, 8))), "unsupported-version"),
    "a flag that must be understood": (HEADER.pack(wire.APPID, 1, 16, 0x8000, 0), "unknown-flags"),
    "4 GiB announced": (HEADER.pack(wire.APPID, 1, 16, 0, 0xFFFF_FFFF), "frame-too-large"),
    "a long frame before login": (HEADER.pack(wire.APPID, 1, 16, 0, wire.MAX_FRAME_LOGIN + 1), "frame-too-large"),
    "no MessagePack": (frame(b"\xc1" * 20), "malformed"),
    "5,000-deep MessagePack": (frame(DEEP[:4000]), "malformed"),
    "a name that is not UTF-8": (encoded(HELLO).replace(b"mallory", b"mal\xff\xfery"), "malformed"),
    "a message before login": (encoded(say("hi")), "wrong-state"),
    "a proof before hello": (encoded(wire.Proof(1, bytes(64))), "wrong-state"),
}

FATAL_AFTER_HELLO = {
    "hello again": (encoded(HELLO), "wrong-state"),
    "a proof that is wrong": (encoded(wire.Proof(5, os.urandom(64))), "bad-proof"),
    "a proof that is too short": (encoded(wire.Proof(5, os.urandom(63))), "malformed"),
    "a message instead of a proof": (encoded(say("hi")), "wrong-state"),
}

NAMES = {
    "": "name-empty",
    " ": "name-invalid",
    "n" * 33: "name-too-long",
    "two words": "name-invalid",
    "a\x1b[31mb": "name-invalid",
    "a\x9b2Jb": "name-invalid",
    "new\nline": "name-invalid",
    "back\u202ewards": "name-invalid",
    "admin": "name-reserved",
    "Server": "name-reserved",
    "bystander": "name-taken",
    "BYSTANDER": "name-taken",
    "bystаnder": "name-invalid",  # a Cyrillic а
}

REFUSED = {
    "an unknown event": (HEADER.pack(wire.APPID, 1, 200, 0, 2) + b"\x91\x4d", "unknown-event"),
    "an event of servers": (HEADER.pack(wire.APPID, 1, 64, 0, 2) + b"\x91\x4d", "unknown-event"),
    "no text": (encoded(say("")), "text-empty"),
    "a text too long": (encoded(say("ä" * (wire.MAX_TEXT // 2) + "!")), "text-too-long"),
    "a text with ESC": (encoded(say("\x1b]0;title\x07")), "text-invalid"),
    "a text with the one-byte CSI": (encoded(say("\x9b2J")), "text-invalid"),
    "a text with a carriage return": (encoded(say("hi\rho")), "text-invalid"),
    "a reason with ESC": (encoded(wire.SetStatus(77, wire.Status.AWAY, "\x1b[2J")), "text-invalid"),
    "a user who is not there": (encoded(say("psst", "@nobody")), "no-such-user"),
    "a room that is not there": (encoded(say("psst", "#nowhere")), "no-such-room"),
    "to whom is not said": (encoded(say("psst", "")), "no-such-room"),
    "another's name": (encoded(wire.Nick(77, "bystander")), "name-taken"),
    "a reserved name": (encoded(wire.Nick(77, "root")), "name-reserved"),
    "a name with ESC": (encoded(wire.Nick(77, "\x1bc")), "name-invalid"),
}

FATAL_AFTER_LOGIN = {
    "another APPID": (b"PRIVMSG #lobby :hi\r\n", "not-this-protocol"),
    "a frame too long": (HEADER.pack(wire.APPID, 1, 19, 0, wire.MAX_FRAME_CLIENT + 1), "frame-too-large"),
    "a text that is not UTF-8": (encoded(say("mallory")).replace(b"mallory", b"mal\xff\xfery"), "malformed"),
    "5,000-deep MessagePack": (frame(DEEP, wire.Say), "malformed"),
    "a number that is out of range": (frame(b"\x91\xcf" + b"\xff" * 8, wire.Ping), "malformed"),
    "hello again": (encoded(HELLO), "wrong-state"),
}


def refusals(events: list[wire.Event]) -> Iterator[str]:
    return (event.code for event in events if isinstance(event, wire.Refused))


async def test_before_login(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bystander") as bystander:
        for case, (data, code) in FATAL_BEFORE_LOGIN.items():
            async with await Raw.connect(server.address) as offender:
                await offender.send_bytes(data)
                assert list(refusals(await offender.end())) == [code], case
                assert offender.seen[-1] == wire.Bye(wire.ByeReason.REFUSED), case
        for case, (data, code) in FATAL_AFTER_HELLO.items():
            async with await Raw.connect(server.address) as offender:
                await offender.send(HELLO)
                await offender.send_bytes(data)
                assert list(refusals(await offender.end())) == [code], case
                assert offender.seen[-1] == wire.Bye(wire.ByeReason.REFUSED), case
        assert await bystander.settle() == []


async def test_names(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bystander") as bystander:
        for name, code in NAMES.items():
            offender = Identity(name)
            async with await Raw.connect(server.address) as connection:
                await connection.send(offender.hello())
                await connection.send(offender.proof(await connection.next(wire.Challenge)))
                refused = await connection.read()
                assert isinstance(refused, wire.Refused), repr(name)
                assert refused.code == code, repr(name)
                assert await connection.end() == [wire.Bye(wire.ByeReason.REFUSED)]
        assert await bystander.settle() == []


async def test_requests_that_are_refused_and_change_nothing(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        await Raw.join(server.address, "bystander") as bystander,
        await Raw.join(server.address, "mallory") as offender,
    ):
        await bystander.change(wire.Change.JOINED, "mallory")
        for case, (data, code) in REFUSED.items():
            await offender.send_bytes(data)
            refused = await offender.next(wire.Refused)
            assert (refused.code, refused.ref) == (code, 77), case
            assert refused.text.isprintable(), case
        assert await bystander.settle() == []
        await offender.say("still here")
        assert (await bystander.next(wire.Message)).text == "still here"


async def test_after_login(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, leave_grace=60) as server,
        await Raw.join(server.address, "bystander") as bystander,
    ):
        mallory = Identity("mallory")
        for case, (data, code) in FATAL_AFTER_LOGIN.items():
            async with await Raw.join(server.address, mallory) as offender:
                await offender.send_bytes(data)
                assert list(refusals(await offender.end())) == [code], case
                assert offender.seen[-1] == wire.Bye(wire.ByeReason.REFUSED), case
        [joined] = await bystander.settle()
        assert isinstance(joined, wire.PresenceChange)
        assert (joined.change, joined.name) == (wire.Change.JOINED, "mallory")


async def test_good_frames_before_a_bad_one_are_done(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bystander") as bystander:
        async with await Raw.join(server.address, "mallory") as offender:
            await offender.send_bytes(encoded(say("a last word")) + b"nonsense")
            events = await offender.end()
        assert list(refusals(events)) == ["not-this-protocol"]
        assert (await bystander.next(wire.Message)).text == "a last word"


async def test_a_client_whose_bytes_come_one_by_one(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "slow") as slow:
        for byte in encoded(say("in pieces")):
            await slow.send_bytes(bytes([byte]))
        assert (await slow.next(wire.Message)).text == "in pieces"
