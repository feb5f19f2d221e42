"""Lives of the program, how each ends, and what they amount to."""

import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.e2e.crash_aims import AIMS, Aim, in_the_start
from tests.e2e.crash_load import Ledger
from tests.e2e.crash_readback import Heard, Incident
from tests.support.phone import Answer, Phone
from tests.support.program import Program


class Victim(StrEnum):
    """What is killed; while the program starts, the database is never killed alone."""

    SERVICE = "the service"
    BOTH = "the service with its database"
    DATABASE = "the database"


@dataclass
class Tally:
    """What the rounds amounted to."""

    hits: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    restarts: list[float] = field(default_factory=list)
    lives: list[float] = field(default_factory=list)

    def report(self, ledger: Ledger, incidents: Sequence[Incident], heard: Heard) -> None:
        """Print the figures."""
        up = sum(self.lives)
        lines = [
            f"{len(self.restarts)} rounds: {ledger.samples:,} samples and {len(ledger.crossings)} "
            f"crossings acknowledged in {up:.0f} s of being up ({ledger.samples / up:,.0f} and "
            f"{len(ledger.crossings) / up:.1f} a second), {ledger.retried} bodies sent again",
            f"{len(incidents)} incidents, {heard.messages} messages with {len(heard.keys)} keys",
            f"ready again after {min(self.restarts):.1f} s at least, "
            f"{statistics.median(self.restarts):.1f} s in the middle, "
            f"{max(self.restarts):.1f} s at most",
            *(f"  {way}: {hits} hit" for way, hits in sorted(self.hits.items())),
            *(f"  {way}: {missed} missed" for way, missed in sorted(self.misses.items())),
        ]
        print("\n" + "\n".join(lines), flush=True)  # noqa: T201 - what this run is for


async def run_rounds(rounds: int, program: Program, phone: Phone, tally: Tally) -> None:
    """Kill so many times, each time another victim at another moment."""
    for number in range(rounds):
        aim, victim = AIMS[number % len(AIMS)], list(Victim)[number // len(AIMS) % len(Victim)]
        began = time.monotonic()
        await run_round(aim, victim, program, phone, tally=tally)
        again = time.monotonic()
        if aim is not in_the_start:
            tally.lives.append(again - began)
        if victim is Victim.DATABASE and aim is not in_the_start:
            await program.ready()
        else:
            await program.start()
        tally.restarts.append(time.monotonic() - again)


async def run_round(
    aim: Aim, victim: Victim, program: Program, phone: Phone, *, tally: Tally
) -> None:
    """Wait for the moment, and kill."""
    moment = await aim(program, phone)
    if victim is Victim.DATABASE and aim is not in_the_start:
        program.kill_database()
    else:
        program.kill(database_too=victim is not Victim.SERVICE)
    moment.passes()
    phone.always_answers(Answer(), name="li")
    (tally.hits if moment.hit else tally.misses)[f"{aim.__name__}, {victim}"] += 1
