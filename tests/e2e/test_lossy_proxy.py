"""On a network that cuts connections between any two bytes, everybody is shown what somebody with a good one is shown:
real processes, and a proxy between them. `tests/chaos/test_lossy_link.py` has the same under a simulated clock with far
more seeds, and what takes long: stalls, and connections that are silent for both sides until a client asks."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import trio

import wire
from tests.chaos.lossy_script import LOBBY, NAMES, Said, Script, Transcript, faults
from tests.e2e.processes import Client, all_chatting, serving
from tests.e2e.proxy import Link, Mood, Proxy, proxying
from tests.e2e.raw import Raw

SEEDS = range(10)
SETS = 4
"""Of processes, for some seeds each: a client whose connections break early waits longer from time to time."""
NEVER = 600.0
CUTS = (Link.fin, Link.reset, Link.reset_client_only, Link.stall_and_reset)


@pytest.mark.parametrize(
    "seeds", [SEEDS[start::SETS] for start in range(SETS)], ids=lambda seeds: ",".join(map(str, seeds))
)
async def test_storms_change_nothing(tmp_path: Path, seeds: Sequence[int]) -> None:
    scripts = [Script(seed, each=6, turns=3) for seed in seeds]
    async with (
        serving(tmp_path, leave_grace=NEVER) as server,
        await Raw.join(server.address, "watcher") as watcher,
        proxying(server.address) as proxy,
        all_chatting(tmp_path, proxy.where, *NAMES) as programs,
    ):
        clients = dict(zip(NAMES, programs, strict=True))
        for seed, script in zip(seeds, scripts, strict=True):
            before = len(proxy.links)
            await _storm(seed, proxy, clients, script)
            assert len(proxy.links) == before + 2
        await watcher.settle()
        await watcher.say("the end")
        for client in programs:
            await client.next("message", text="the end")
        shown = {name: _transcript(name, client) for name, client in clients.items()}
        assert faults(shown, scripts) == []
        said = [event for event in watcher.seen if isinstance(event, wire.Message) and event.sender != "watcher"]
        assert shown["alice"][LOBBY] == [(message.seq, message.sender, message.text) for message in said]
        for client in programs:
            _nobody_left(client)
        for client in programs:
            await client.send("/quit")
            assert await client.exit() == 0, "all that was typed is stored"


async def _storm(seed: int, proxy: Proxy, clients: Mapping[str, Client], script: Script) -> None:
    """Play the script while two connections are cut; with odd seeds, the second is one that has just begun."""
    rng = random.Random(f"proxy {seed}")
    early = [Mood(rng, rng.choice(CUTS), rng.randint(1, 250))] if seed % 2 else []
    proxy.mood = lambda: early.pop() if early else Mood(rng)
    links = [link for link in proxy.links if link.alive]
    for link in links:
        link.mood = Mood(rng)
    cut = rng.sample(links, 2 - len(early))
    for number, link in enumerate(cut, start=seed):
        to_server = rng.random() < 0.4
        link.mood = Mood(rng, CUTS[number % len(CUTS)], rng.randint(1, 300 if to_server else 1000), to_server)
    async with trio.open_nursery() as nursery:
        for name, client in clients.items():
            nursery.start_soon(client.send, *(_typed(line) for line in script.together if line.sender == name))
            nursery.start_soon(_sees, name, client, script.together)
    for line in script.in_turn:
        await clients[line.sender].send(_typed(line))
        await _sees(line.sender, clients[line.sender], [line])
    for name, client in clients.items():
        await _sees(name, client, script.in_turn)
    assert not any(link.alive for link in cut)


def _typed(line: Said) -> str:
    return json.dumps({"to": line.to, "text": line.text})


async def _sees(name: str, client: Client, said: Sequence[Said]) -> None:
    """Read until all of this was shown that this user may read."""
    due = {line.text for line in said if line.where(name)}
    due -= {event["text"] for event in client.seen if event["type"] == "message"}
    while due:
        due.discard((await client.next("message"))["text"])


def _transcript(name: str, client: Client) -> Transcript:
    shown: Transcript = {}
    for event in client.seen:
        if event["type"] == "message" and event["from"] != "watcher":
            where = f"@{event['from']}" if event["to"] == f"@{name}" else event["to"]
            shown.setdefault(where, []).append((event["seq"], event["from"], event["text"]))
    return shown


def _nobody_left(client: Client) -> None:
    """Each of the others came at most once, and nobody went; nothing else was shown that a good network would not."""
    lines = [event for event in client.seen if event["type"] == "presence" and event["name"] != "watcher"]
    assert len(lines) == len({line["name"] for line in lines})
    assert all(line["status"] == "joined" for line in lines)
    others = {event["type"] for event in client.seen} - {"connection", "welcome", "presence", "message", "unread"}
    assert not others
