"""What a training is, in words, so that those who train together can tell whether they train the same."""

from types import FunctionType

from xpnet.training.checkpoint import Checkpoint
from xpnet.training.rows import digest_of
from xpnet.training.run import Training


def told(training: Training, start: Checkpoint) -> dict[str, str]:
    """All that decides what comes out of a training, by what a message calls it."""
    backend = training.backend
    rows = {"training": training.train, "validation": training.validation, "test": training.test}
    return {
        "the network": repr(training.network),
        "the optimizer": described(training.optimizer),
        "the library": f"{backend.name} {backend.version}",
        "the engine": backend.engine,
        "precision": backend.precision,
        "l2": "none" if training.l2 is None else str(float(training.l2)),
        **{name: str(getattr(training, name)) for name in ("dtype", "batch_size", "shuffle", "epochs", "patience")},
        **{f"the {kind} data": "none" if held is None else held.digest() for kind, held in rows.items()},
        "the start": f"epoch {start.epoch}, {digest_of(backend, (start.params, start.slots))}, {start.order}",
    }


def described(thing: object) -> str:
    """What can be compared with another's: of a function its name and what it was made with."""
    if isinstance(thing, FunctionType):
        held = ", ".join(described(cell.cell_contents) for cell in thing.__closure__ or ())
        return f"{thing.__qualname__}({held})"
    if isinstance(thing, tuple):
        return f"({', '.join(map(described, thing))})"
    return type(thing).__qualname__ if type(thing).__repr__ is object.__repr__ else repr(thing)
