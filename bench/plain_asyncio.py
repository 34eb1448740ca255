"""What one would write instead: asyncio with uvloop, and a write for each message and client.

python -m bench.plain_asyncio       prints the port it listens on, and sends each line that it gets to everybody
"""

import asyncio
from contextlib import suppress

import uvloop

writers: set[asyncio.StreamWriter] = set()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One client, until it is gone."""
    writers.add(writer)
    with suppress(ConnectionError):
        while line := await reader.readline():
            for other in writers:
                other.write(line)
    writers.discard(writer)
    writer.close()


async def main() -> None:
    """For ever."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        uvloop.run(main())
