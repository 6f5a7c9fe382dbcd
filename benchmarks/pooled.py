"""Rounds of the contenders, pooled, and what is told of them: a row for each, beside the floor and the best peer."""

from statistics import median, quantiles
from typing import Any, NamedTuple

from contenders import CONTENDERS

Row = dict[str, Any]


class Pooled(NamedTuple):
    """Rounds of a contender, turn by turn: seconds per unit, and the samples of a unit."""

    samples: float
    turns: dict[int, list[float]]

    @property
    def seconds(self) -> list[float]:
        """All rounds."""
        return [time for times in self.turns.values() for time in times]

    def over(self, other: "Pooled") -> float:
        """How many times as long it took: the median of each turn's, in which the machine was as fast for both."""
        shared = self.turns.keys() & other.turns.keys()
        return median(median(self.turns[turn]) / median(other.turns[turn]) for turn in shared)


def results(rounds: dict[tuple[str, str, str], Pooled]) -> list[Row]:
    """A row for each contender in each configuration: the median of its rounds, and how far half of them lie apart."""
    rows: list[Row] = []
    for (kind, configuration, contender), pooled in rounds.items():
        times = pooled.seconds
        low, middle, high = quantiles(times, n=4) if len(times) > 1 else (times[0],) * 3
        beside = {name: other for (*same, name), other in rounds.items() if same == [kind, configuration]}
        # Less precise products have a floor of their own.
        floor = beside.get("floor tf32" if contender.endswith("tf32") else "floor")
        peers = sorted(
            (other for name, other in beside.items() if role(name) == "peer"), key=lambda p: median(p.seconds)
        )
        rows.append(
            {
                "kind": kind,
                "configuration": configuration,
                "contender": contender,
                "microseconds": middle * 1e6,
                "spread": (high - low) / middle,
                "rounds": len(times),
                "samples_per_second": pooled.samples / middle,
                "of_floor": pooled.over(floor) if floor else None,
                "times_best_peer": peers[0].over(pooled) if peers else None,
            }
        )
    return rows


def role(contender: str) -> str:
    """Kind of a contender in the list; whole processes are not in it."""
    if contender in CONTENDERS:
        return CONTENDERS[contender].kind
    return "xpnet" if contender.startswith("xpnet") else "peer"
