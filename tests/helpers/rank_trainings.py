"""Trainings that are to come out the same on any number of ranks; as a script, run by each of them.

`mpiexec -n 2 python tests/helpers/rank_trainings.py OUT.npz` trains all of them, and rank 0 writes what they came to.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import xpnet
from xpnet import Network, backends, distributed
from xpnet._support.trees import arrays_in, map_arrays
from xpnet.data import Stored, load
from xpnet.distributed import Ranks
from xpnet.equations.activations import ACTIVATIONS

SMOOTH = ("sigmoid", "tanh")


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random rows, labels and weights; in batches of 10 the last has one row, which most ranks have no share of."""
    rng = np.random.default_rng(5)
    return rng.normal(size=(41, 6)), rng.integers(3, size=41), rng.uniform(0.5, 2, 41)


def trainings() -> dict[str, dict[str, Any]]:
    """The arguments of each, by its name; three epochs."""
    x, y, weight = rows()
    small = dict(
        data=(x, y), weight=weight, batch_size=10, l2=0.01, validation_fraction=0.2, optimizer=xpnet.adam(0.01)
    )
    digits = dict(data=load("digits"), batch_size=45, dtype="float32", optimizer=xpnet.sgd(0.1))
    found = {
        **{name: small | dict(network=Network([6, 7, 5, 3], name)) for name in ACTIVATIONS},
        "plain": small | dict(network=Network([6, 7, 3]), engine="plain"),
        "L2 of the sum": small | dict(network=Network([6, 7, 3]), l2_of="sum"),
        "clipped": small | dict(network=Network([6, 7, 3]), clip_norm=0.5),
        "private": dict(
            network=Network([6, 7, 3], "tanh"),
            data=(x, y),
            batch_size=4,
            optimizer=xpnet.sgd(0.1),
            privacy=xpnet.Privacy(noise_multiplier=1.0, insecure_seed=1),
        ),
        "on disk": small | dict(network=Network([6, 7, 3], "tanh"), chunk_size=0.001),
        "several labels": small
        | dict(network=Network([6, 7, 3], loss="binary_cross_entropy"), data=(x, np.eye(3, dtype=int)[y])),
        **{f"float32 {name}": digits | dict(network=Network([64, 32, 10], name, input_scale=16.0)) for name in SMOOTH},
    }
    torch = next(row for row in backends.installed() if row.name == "torch")
    if torch.version:
        found["torch"] = small | dict(network=Network([6, 7, 3]), backend="torch")
    if not backends.resolve("numpy").missing("compiled"):
        # In few shapes, each of which takes seconds to compile.
        even = dict(data=(x[:40], y[:40]), weight=weight[:40], validation_fraction=0.0)
        found["compiled"] = small | even | dict(network=Network([6, 7, 3], "tanh"), engine="compiled")
    return found


def trained(name: str, average: Ranks | None = None) -> list[np.ndarray]:
    """What a training comes to: parameters, slots and what the last epoch told."""
    with TemporaryDirectory() as folder:
        arguments = trainings()[name]
        if name == "on disk":
            arguments["data"] = on_disk(Path(folder), *arguments["data"])
        return came_to(arguments, average)


def on_disk(folder: Path, *arrays: np.ndarray) -> tuple[Stored, ...]:
    """The arrays in files."""
    for i, array in enumerate(arrays):
        np.save(folder / f"{i}.npy", array)
    return tuple(Stored(folder / f"{i}.npy") for i in range(len(arrays)))


def came_to(arguments: dict[str, Any], average: Ranks | None) -> list[np.ndarray]:
    """Train, and gather it."""
    network, data, optimizer = (arguments.pop(part) for part in ("network", "data", "optimizer"))
    *_, epoch = xpnet.epochs(network, data, optimizer, epochs=3, average=average, **arguments)
    backend = backends.of(epoch.params[0].w)
    told = (epoch.cost, epoch.penalty, epoch.train_accuracy, epoch.validation_cost or 0.0, epoch.test_accuracy or 0.0)
    arrays = arrays_in(map_arrays(backend.to_host, (epoch.params, epoch.checkpoint.slots)))
    return [*arrays, np.asarray(told)]


if __name__ == "__main__":
    with distributed.session() as ranks:
        found = {name: trained(name, ranks) for name in trainings()}
        if ranks.first:
            named = {f"{name}/{i:02}": array for name, arrays in found.items() for i, array in enumerate(arrays)}
            np.savez(sys.argv[1], **named)
