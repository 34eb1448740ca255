"""The client's entry: loads what a start needs, and starts."""

import signal
import sys
from collections.abc import Sequence

from client_repl.loading import no_collections


def main(argv: Sequence[str] | None = None) -> int:
    """Run the client; returns the exit code. Raises SystemExit(2) for a wrong command line."""
    try:
        with no_collections():
            from client_repl import starting  # noqa: PLC0415 - it loads nearly all there is
        return starting.main(argv)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
