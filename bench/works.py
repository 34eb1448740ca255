"""The works that trio-chat does alone, into the file that `bench.compare` writes.

    python -m bench.works [--rounds 5] [--seconds 3] [--works idle begin] [--json FILE]

The figures, one value a round, go under the key "works"; all else in the file is kept, also works that were left out.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import acks, begin, idle, rooms, stall, storm, tls
from bench.figures import shown
from bench.rivals import BUILT

WORKS: Final[dict[str, Callable[[int, float], dict[str, list[float]]]]] = {
    "acks": acks.run,
    "storm": storm.run,
    "rooms": rooms.run,
    "idle": idle.run,
    "stall": stall.run,
    "tls": tls.run,
    "begin": begin.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--works", nargs="+", default=list(WORKS), choices=WORKS)
    parser.add_argument("--json", type=Path, default=BUILT / "compare.json")
    options = parser.parse_args()
    for name in options.works:
        figures = WORKS[name](options.rounds, options.seconds)
        for what, found in figures.items():
            print(f"{name}: {what}: {shown(found, 2)}", flush=True)
        kept = json.loads(options.json.read_text()) if options.json.exists() else {}
        kept.setdefault("works", {})[name] = figures
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
