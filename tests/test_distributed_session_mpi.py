"""How the ranks of a session end together, and take turns, under mpiexec."""

import re

import pytest
from helpers.mpi_ranks import ran, ranks, said

IN_A_SESSION = """
import sys
import numpy as np
from xpnet import distributed
from xpnet.errors import InputError

ones = np.ones(3)
with distributed.session() as ranks:
    {}
"""


@pytest.mark.parametrize(
    ("body", "status", "words", "traceback"),
    [
        ("raise ZeroDivisionError('all')", 1, [], "ZeroDivisionError: all"),
        (
            "if ranks.rank == 1: raise ZeroDivisionError('one')",
            1,
            [],
            "ZeroDivisionError: one\n(rank 1 of 2 on HOST)",
        ),
        ("if ranks.rank == 1: raise InputError('no good.')", 1, [], "RankError: rank 1 of 2 on HOST: no good."),
        (
            "1 / 0 if ranks.rank else ranks.agree({})",
            1,
            [],
            "ZeroDivisionError: division by zero\n(rank 1 of 2 on HOST)",
        ),
        (
            "if ranks.rank == 1: 1 / 0\n    ranks(ones)",
            1,
            ["rank 1 of 2 on HOST: ZeroDivisionError: division by zero"],
            "ZeroDivisionError: division by zero",
        ),
        ("sys.exit(0)", 0, [], ""),
        ("if ranks.rank == 1: sys.exit(0)\n    ranks(ones)", 1, ["rank 1 of 2 on HOST: left early."], ""),
        ("if ranks.rank: ranks.agree({})", 1, [], "RankError: rank 0 of 2 on HOST left before the others."),
        ("if not ranks.rank: ranks.agree({})", 1, [], "LeftBehindError: rank 1 of 2 on HOST left before the others."),
        ("if ranks.rank: sys.exit(3)", 1, [], "RankError: rank 1 of 2 on HOST: exited with 3."),
        ("if ranks.rank: raise KeyboardInterrupt", 1, [], "RankError: rank 1 of 2 on HOST: interrupted."),
    ],
    ids=[
        "all",
        "one at the end",
        "one, foreseen",
        "one before others go on",
        "one while others compute",
        "exit",
        "exit while others compute",
        "the first leaves",
        "the first is left",
        "exit with a status",
        "interrupted",
    ],
)
def test_a_session_is_left_together(body, status, words, traceback):
    """An error of all is raised by one of them; one of some by them, and told to the first, or to all who wait."""
    answer = ran(ranks(2, "-c", IN_A_SESSION.format(body)))
    assert (answer.returncode != 0) is bool(status)
    told = re.sub(r"of 2 on \S+?(?=:| left|\))", "of 2 on HOST", answer.stderr)
    assert said(told) == words
    assert traceback in told
    assert answer.stderr.count("Traceback") == bool(traceback)


IN_TURN = """from pathlib import Path
    here = Path(sys.argv[1])
    found = ranks.in_turn(lambda: (here / "there").exists() or (here / "there").touch())
    told = (ranks.first, ranks.machines, bool(found), ranks.placed(None, "cuda"), ranks.placed(None, "cpu"))
    (here / str(ranks.rank)).write_text(" ".join(map(str, told)))
"""


def test_one_rank_of_a_machine_goes_first(tmp_path):
    """What it leaves behind the others find; each takes the GPU of its number on the machine, in turn."""
    assert ran(ranks(2, "-c", IN_A_SESSION.format(IN_TURN), tmp_path)).stderr == ""
    first, second = ((tmp_path / name).read_text() for name in "01")
    assert re.fullmatch(r"True 1 False cuda:0 cpu", first)
    assert re.fullmatch(r"False 1 True cuda:[01] cpu", second)
