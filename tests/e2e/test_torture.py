"""Kill -9 at random moments under load, in small: `make torture` does it at length."""

import os
from pathlib import Path

from tests.e2e.torture import Plan, torture


async def test_what_was_acknowledged_survives_kills_of_server_and_clients(tmp_path: Path) -> None:
    kills = ("both", "clients", *("server", "clients") * 4)
    plan = Plan(kills, clients=6, seed=int.from_bytes(os.urandom(4), "big"))
    print("seed", plan.seed)
    report = await torture(tmp_path, plan)
    print("\n".join(report.lines()))
    assert report.clean
    assert report.history.acknowledged >= len(kills) * plan.clients
    assert report.history.recovered
