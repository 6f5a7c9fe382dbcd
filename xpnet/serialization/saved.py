"""Files of models: safetensors files with the parameters, and in their metadata all that a training needs to go on."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from xpnet import __version__, backends
from xpnet._support.atomic_write import write_whole
from xpnet._support.typing import Layer, Params
from xpnet.errors import ModelFileError
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.network import Network
from xpnet.training.placement import checked_params

FORMAT = 1
"""The layout of the metadata; a reader refuses a later one."""


@dataclass(frozen=True)
class SavedModel:
    """A model read from a file.

    Attributes:
        network: What it computes; its input scale is resolved.
        params: The parameters to use, on the host: those of the best epoch where the training stopped early.
        checkpoint: What `epochs(..., resume=...)` goes on from, or None if only parameters were saved.
        configuration: What the command that trained it was told.
    """

    network: Network
    params: Params
    checkpoint: Checkpoint | None
    configuration: dict[str, Any]


def save(
    path: str | os.PathLike[str],
    network: Network,
    params: Params,
    checkpoint: Checkpoint | None = None,
    configuration: dict[str, Any] | None = None,
) -> None:
    """Write a model; the file is whole or not there, whatever happens meanwhile.

    Args:
        path: Where to; a file that is there is replaced.
        network: With an `input_scale` that is a number, if inputs of another dtype are to be predicted on later.
        params: The parameters to use, of any library.
        checkpoint: An epoch's, to go on from.
        configuration: Anything that JSON can hold.

    Raises:
        InputError: The file cannot be written.
    """
    tensors = _named("", params)
    about: dict[str, Any] = {"format": FORMAT, "xpnet": __version__, "network": asdict(network)}
    if checkpoint is not None:
        if checkpoint.params is not params:
            tensors |= _named("training.", checkpoint.params)
        for i, slot in enumerate(checkpoint.slots):
            tensors |= _named(f"optimizer.{i}.", slot)
        about["training"] = {
            "epoch": checkpoint.epoch,
            "steps": checkpoint.steps,
            "order": checkpoint.order,
            "best_cost": checkpoint.best_cost,
            "waited": checkpoint.waited,
            "engine": checkpoint.engine,
            "slots": len(checkpoint.slots),
        }
    about["configuration"] = configuration or {}
    write_whole(path, safetensors.numpy.save(tensors, {"xpnet": json.dumps(about)}))


def load(path: str | os.PathLike[str]) -> SavedModel:
    """Read a model.

    Raises:
        ModelFileError: There is no such file, or it is no model, or a damaged one.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            # Before any tensor: NumPy lacks types that other programs' files may hold.
            if "xpnet" not in metadata:
                raise ModelFileError(f"{path} is a safetensors file, but was not written by xpnet.")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, safetensors.SafetensorError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelFileError(f"{path} is no readable model: {why}.") from error
    try:
        about = json.loads(metadata["xpnet"])
        if about["format"] > FORMAT:
            raise ModelFileError(
                f"{path} was written by xpnet {about['xpnet']}, which is newer; update xpnet to read it."
            )
        network = Network(**about["network"])
        params = checked_params(network, _params("", tensors, network))
        return SavedModel(network, params, _checkpoint(about, tensors, network, params), about["configuration"])
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path} is damaged: {error}.") from error


def _checkpoint(
    about: dict[str, Any], tensors: dict[str, np.ndarray], network: Network, params: Params
) -> Checkpoint | None:
    """The state of the training, if it was saved."""
    training = about.get("training")
    if training is None:
        return None
    return Checkpoint(
        epoch=training["epoch"],
        params=_params("training.", tensors, network) if "training.0.w" in tensors else params,
        slots=tuple(_params(f"optimizer.{i}.", tensors, network) for i in range(training["slots"])),
        steps=training["steps"],
        order=training["order"],
        best_params=params,
        best_cost=training["best_cost"],
        waited=training["waited"],
        engine=training["engine"],
    )


def _named(prefix: str, params: Params) -> dict[str, np.ndarray]:
    """Parameters as host arrays under names: `0.w`, `0.b`, `1.w`."""
    return {
        f"{prefix}{i}.{name}": np.ascontiguousarray(backends.of(array).to_host(array))
        for i, layer in enumerate(params)
        for name, array in zip(Layer._fields, layer, strict=True)
    }


def _params(prefix: str, tensors: dict[str, np.ndarray], network: Network) -> Params:
    """Parameters from named host arrays."""
    return tuple(
        Layer(*(tensors[f"{prefix}{i}.{name}"] for name in Layer._fields)) for i in range(len(network.sizes) - 1)
    )
