"""Flood: some of many members of one room talk as fast as their echoes come back; what does a delivery cost?

    python -m bench.flood [--members 1000] [--senders 10] [--window 10] [--seconds 5] [--rounds 5]

Starts a server process of its own on loopback, the generator is this process; with two cores each gets one. Prints, for
each round and as the median: deliveries a second, the server's CPU seconds for a million deliveries (user + system, of
/proc), and the share of one core that the generator took: near 1 it is the generator that was measured.
"""

import argparse
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import wire

TEXT = "x" * 40
READ = 1 << 20


@dataclass(slots=True)
class Member:
    sock: socket.socket
    rest: bytes = b""
    unanswered: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    rate: float
    cpu_per_million: float
    generator: float


def start_server(members: int) -> tuple[subprocess.Popen[str], int]:
    with tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False) as config:
        config.write(f"max_clients = {members + 10}\nhost = ['127.0.0.1']\n")
    command = [sys.executable, "-m", "trio_chat", "--port", "0", "--config", config.name]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    port = int(server.stdout.readline().rsplit(":", 1)[1])
    os.unlink(config.name)
    if len(os.sched_getaffinity(0)) > 1:
        first, second = sorted(os.sched_getaffinity(0))[:2]
        os.sched_setaffinity(server.pid, {first})
        os.sched_setaffinity(0, {second})
    return server, port


def join(port: int, name: str) -> Member:
    """A member that is live."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = wire.Connection(wire.Role.CLIENT)
    private = Ed25519PrivateKey.generate()
    key = private.public_key().public_bytes_raw()

    def until(kind: type[wire.Event]) -> wire.Event:
        while not isinstance(event := connection.next_event(), kind):
            if event is wire.NEED_DATA:
                connection.receive_data(sock.recv(READ))
        return event

    sock.sendall(connection.send(wire.Hello(1, (1,), name, key, bytes(16), os.urandom(16))))
    challenge = until(wire.Challenge)
    assert isinstance(challenge, wire.Challenge)
    signed = wire.signed_login(pin=bytes(32), client_nonce=bytes(16), server_nonce=challenge.nonce, key=key, name=name)
    sock.sendall(connection.send(wire.Proof(2, private.sign(signed))))
    until(wire.Welcome)
    sock.sendall(connection.send(wire.Resume(3)))
    until(wire.Members)
    sock.setblocking(False)
    return Member(sock)


def line(member: Member) -> bytes:
    member.sent += 1
    return wire.Encoded.of(wire.Say(member.sent, os.urandom(16), "#lobby", TEXT)).data


def cpu(pid: int) -> float:
    """CPU seconds of a process so far."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def count(member: Member, data: bytes, marker: bytes) -> int:
    """Messages in the data; a cut marker is seen with the next data."""
    data = member.rest + data
    member.rest = data[-len(marker) + 1 :]
    return data.count(marker)


def run_round(server: int, members: list[Member], senders: int, window: int, seconds: float) -> Round:
    marker = b"TCHT\x01\x45"
    poll = select.epoll()
    by_fd = {member.sock.fileno(): member for member in members}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    talkers = {member.sock.fileno(): member for member in members[:senders]}
    for member in talkers.values():
        member.sock.sendall(b"".join(line(member) for _ in range(window)))
    delivered = 0
    seen_by_sender = dict.fromkeys(talkers, 0)
    start, cpu_start, own_start = time.perf_counter(), cpu(server), time.process_time()
    while (now := time.perf_counter()) - start < seconds:
        for fd, _ in poll.poll(1):
            got = count(by_fd[fd], by_fd[fd].sock.recv(READ), marker)
            delivered += got
            if fd in talkers:  # each of all senders' lines comes back to each sender: its own share is one in `senders`
                seen_by_sender[fd] += got
                due, seen_by_sender[fd] = divmod(seen_by_sender[fd], senders)
                if due:
                    by_fd[fd].sock.sendall(b"".join(line(by_fd[fd]) for _ in range(due)))
    elapsed = now - start
    result = Round(
        delivered / elapsed, (cpu(server) - cpu_start) / delivered * 1e6, (time.process_time() - own_start) / elapsed
    )
    quiet = time.perf_counter()
    while time.perf_counter() - quiet < 0.3:  # let what is under way arrive before the next round
        for fd, _ in poll.poll(0.05):
            count(by_fd[fd], by_fd[fd].sock.recv(READ), marker)
            quiet = time.perf_counter()
    poll.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--senders", type=int, default=10)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    server, port = start_server(options.members)
    try:
        members = [join(port, f"member{number}") for number in range(options.members)]
        rounds = []
        for _ in range(options.rounds):
            rounds.append(run_round(server.pid, members, options.senders, options.window, options.seconds))
            print("{:12,.0f}/s {:8.2f} CPU-s/million {:6.2f} generator".format(*vars_of(rounds[-1])), flush=True)
        print("median:")
        print(
            "{:12,.0f}/s {:8.2f} CPU-s/million {:6.2f} generator".format(
                *(statistics.median(column) for column in zip(*map(vars_of, rounds), strict=True))
            )
        )
    finally:
        server.terminate()
        server.wait()


def vars_of(one: Round) -> tuple[float, float, float]:
    return one.rate, one.cpu_per_million, one.generator


if __name__ == "__main__":
    main()
