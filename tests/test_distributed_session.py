"""How the ranks of a session end together, piece by piece, without MPI."""

import pytest

from xpnet.distributed.ranks import Going
from xpnet.distributed.session import GRACE, Failure, failure, leave_together, left, report_failure
from xpnet.errors import InputError, LeftBehindError, RankError


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (None, None),
        (SystemExit(), None),
        (SystemExit(0), None),
        (SystemExit(3), Failure("exited with 3.", True, 3)),
        (SystemExit("no"), Failure("no", True, 1)),
        (InputError("bad."), Failure("bad.", True, 2)),
        (LeftBehindError("rank 1 left."), Failure("rank 1 left.", True, 2, own=False)),
        (KeyboardInterrupt("after epoch 3."), Failure("interrupted.", True, 130)),
        (ValueError("odd"), Failure("ValueError: odd", False, 1)),
    ],
    ids=repr,
)
def test_errors_as_the_others_see_them(error, wanted):
    """What is foreseen has a sentence, all else a type; to exit with 0 is no error."""
    assert failure(error) == wanted


@pytest.mark.parametrize(
    ("error", "words", "status"),
    [
        (InputError("bad."), "bad.", 2),
        (SystemExit(0), "left early.", 1),
        (KeyboardInterrupt("interrupted after epoch 3."), "interrupted after epoch 3.", 130),
        (KeyboardInterrupt(), "interrupted.", 130),
        (ValueError("odd"), "ValueError: odd", 1),
    ],
    ids=repr,
)
def test_what_stops_the_others_is_told(capsys, error, words, status):
    """In one line with the rank; what was not foreseen has a traceback before it."""
    assert report_failure("rank 1 of 2 on there", error) == status
    *trace, line = capsys.readouterr().err.splitlines()
    assert line == f"xpnet: rank 1 of 2 on there: {words}"
    assert trace == (["ValueError: odd"] if type(error) is ValueError else [])


class Meetings:
    """A rank whose meetings end as they are listed."""

    def __init__(self, *ends):
        self.ends, self.asked = list(ends), []

    def meet(self, end, limit):
        """The next one, with oneself; None where nobody came."""
        self.asked.append((end, limit))
        others = self.ends.pop(0)
        return None if others is None else [("rank 0", end), *others]


def test_who_leaves_waits_until_all_do():
    """However often the others go on; with an error only for some seconds."""
    going, gone = [("rank 1", Going("there", {}))], [("rank 1", None)]
    rank = Meetings(going, going, gone)
    assert leave_together(rank, None) == [("rank 0", None), ("rank 1", None)]
    assert rank.asked == [(None, None)] * 3
    rank = Meetings(going, None)
    assert leave_together(rank, InputError("bad.")) is None
    assert rank.asked == [(Failure("bad.", True, 2), GRACE)] * 2


BAD, ODD = Failure("bad.", True, 2), Failure("ValueError: odd", False, 1)
BEHIND = Failure("rank 1 left.", True, 2, own=False)


@pytest.mark.parametrize(
    ("failures", "raised"),
    [
        ((None, None), ("none", "none")),
        ((BAD, BAD), ("own", "exit 2")),
        ((ODD, ODD), ("own", "exit 1")),
        ((BAD, None), ("rank 0: bad.", "exit 2")),
        ((None, BAD), ("rank 1: bad.", "exit 2")),
        ((ODD, None), ("own", "exit 1")),
        ((None, ODD), ("exit 1", "own")),
        ((BEHIND, ODD), ("exit 1", "own")),
        ((BAD, BEHIND), ("rank 0: bad.", "exit 2")),
        ((BEHIND, None), ("own", "exit 2")),
        ((None, BEHIND), ("rank 1 left.", "exit 2")),
        ((BAD, ODD), ("own", "own")),
    ],
)
def test_who_raises_what(failures, raised):
    """An error of all is the first rank's; a foreseen one of some it tells; any other is raised where it is met."""
    for rank, wanted in enumerate(raised):
        own = None if failures[rank] is None else ValueError("own")
        outcome = left(own, rank, [(f"rank {i}", met) for i, met in enumerate(failures)])
        if wanted == "none":
            assert outcome is None
        elif wanted == "own":
            assert outcome is own
        elif wanted.startswith("exit"):
            assert isinstance(outcome, SystemExit)
            assert outcome.code == int(wanted.split()[1])
        else:
            assert isinstance(outcome, RankError)
            assert str(outcome) == wanted
