"""Contenders set up once for a problem, and checked against NumPy by hand."""

from functools import lru_cache
from itertools import chain

import numpy as np
from configurations import CONFIGURATIONS, Problem, random_problem
from contender import Contender, Unavailable
from contenders import CONTENDERS
from peers import ByHand

CHECKED = 20
"""Steps after which parameters are compared."""


@lru_cache(maxsize=1)
def problem(name: str, quick: bool) -> Problem:
    """Data and first parameters of a configuration; the latest one is cached."""
    return random_problem(CONFIGURATIONS[name], quick)


_ready: dict[tuple[str, str], Contender | str] = {}


def contender(configuration: str, name: str, quick: bool, device: str) -> Contender:
    """Contender, set up and checked the first time; those of another configuration are forgotten.

    Raises:
        Unavailable: It cannot be timed.
    """
    for key in [key for key in _ready if key[0] != configuration]:
        del _ready[key]
    key = (configuration, name)
    if key not in _ready:
        try:
            _ready[key] = _checked(problem(configuration, quick), name, quick, device)
        except Unavailable as error:
            _ready[key] = str(error)
    ready = _ready[key]
    if isinstance(ready, str):
        raise Unavailable(ready)
    return ready


def _checked(problem: Problem, name: str, quick: bool, device: str) -> Contender:
    """Contender, if it comes to the parameters of NumPy by hand."""
    entry = CONTENDERS[name]
    if entry.hopeless or (quick and entry.slow):
        raise Unavailable(entry.hopeless or entry.slow)
    timed = entry.make(problem, device)
    assert problem.rows is not None
    few = problem.rows[:CHECKED]
    timed.block(few)
    if entry.kind != "floor":
        by_hand = ByHand(problem, "cpu")
        by_hand.block(few)
        for result, wanted in zip(chain(*timed.params()), chain(*by_hand.params()), strict=True):
            off = np.linalg.norm(result - wanted) / np.linalg.norm(wanted)
            assert off < timed.close, f"{name} is {off:.1e} off after {len(few)} steps of {problem.configuration}"
    # Code for a block's shape is compiled now.
    timed.block(problem.rows)
    return timed
