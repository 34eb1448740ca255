"""How the figures of a work are printed, and the command line of those that are run alone."""

import argparse
import statistics
from collections.abc import Callable, Sequence

Run = Callable[..., dict[str, list[float]]]
"""A work: given rounds, seconds of each turn and more, its figures, one value a round."""


def shown(figures: Sequence[float], digits: int) -> str:
    """The median, with the least and the most."""
    low, middle, high = min(figures), statistics.median(figures), max(figures)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def main(about: str | None, run: Run, *, rounds: int, seconds: float = 0, members: tuple[int, ...] = ()) -> None:
    """Run the work as the command line says, and print its figures; these are the defaults. Without seconds or members
    there is no such option. With one number of members, `run` gets that; with more, all of them."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds)
    if seconds:
        parser.add_argument("--seconds", type=float, default=seconds)
    if members:
        parser.add_argument("--members", type=int, nargs=len(members), default=members)
    options = vars(parser.parse_args())
    given = [options["rounds"], options.get("seconds", 0)]
    if members:
        given.append(options["members"][0] if len(members) == 1 else tuple(options["members"]))
    for what, found in run(*given).items():
        print(f"{what:40} {shown(found, 2)}")
