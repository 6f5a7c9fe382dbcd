"""Agreement of processes that train together: all that decides the outcome, in words that can be compared."""

from types import FunctionType

from xpnet.training.checkpoint import Checkpoint
from xpnet.training.rows import digest_of
from xpnet.training.run import Training


def fingerprint(training: Training, start: Checkpoint) -> dict[str, str]:
    """All that decides the outcome of a training, by what a message calls it, to be compared between processes."""
    backend = training.backend
    rows = {"training": training.train, "validation": training.validation, "test": training.test}
    return {
        "the network": repr(training.network),
        "the optimizer": definition(training.optimizer),
        "the library": f"{backend.name} {backend.version}",
        "the engine": backend.engine,
        "precision": backend.precision,
        "l2": "none" if training.l2 is None else str(float(training.l2)),
        **{name: str(getattr(training, name)) for name in ("dtype", "batch_size", "shuffle", "epochs", "patience")},
        **{f"the {kind} data": "none" if part is None else part.digest() for kind, part in rows.items()},
        "the start": f"epoch {start.epoch}, {digest_of(backend, (start.params, start.slots))}, {start.order}",
    }


def definition(thing: object) -> str:
    """Definition of an object that another process's can be compared with: of a function its name and its numbers."""
    if isinstance(thing, FunctionType):
        numbers = ", ".join(definition(cell.cell_contents) for cell in thing.__closure__ or ())
        return f"{thing.__qualname__}({numbers})"
    if isinstance(thing, tuple):
        return f"({', '.join(map(definition, thing))})"
    return type(thing).__qualname__ if type(thing).__repr__ is object.__repr__ else repr(thing)
