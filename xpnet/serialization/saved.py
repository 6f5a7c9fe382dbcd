"""Model files: safetensors with the parameters, and in the metadata all that is needed to resume a training."""

import json
import os
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from xpnet import __version__, backends
from xpnet._support.arguments import check_order
from xpnet._support.atomic_write import write_whole
from xpnet._support.typing import Layer, Params
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.errors import ModelFileError
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.network import Network
from xpnet.training.placement import checked_params

FORMAT = 1
"""The layout of the file; one that a reader of this version would misread has a higher number."""

TRAINING = ("epoch", "steps", "order", "best_cost", "waited", "engine", "slots")
"""What the metadata hold of a training that can be resumed; its arrays are tensors."""


@dataclass(frozen=True)
class SavedModel:
    """A model read from a file.

    Attributes:
        network: What it computes; its input scale is resolved.
        params: The parameters to use, on the host: those of the best epoch where the training stopped early.
        checkpoint: What `epochs(..., resume=...)` resumes from, or None if only parameters were saved.
        configuration: The settings of the command that trained it; empty for a model that was saved without any.
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
    """Write a model to a file, which is complete or not there, whatever happens meanwhile.

    Args:
        path: The file to write; an existing one is replaced.
        network: With an `input_scale` that is a number, if inputs of another dtype are to be predicted on later.
        params: The parameters to predict with, of any library: `epoch.params`.
        checkpoint: `epoch.checkpoint`, to resume the training from later.
        configuration: Anything that JSON can hold.

    Raises:
        InputError: The arguments come in another order, params do not fit the network, or the file cannot be written.
    """
    check_order("save(path, network, params)", (path, (str, os.PathLike)), (network, Network))
    params = checked_params(network, params)
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
    """Read a model from a file.

    Raises:
        ModelFileError: There is no such file, it is not a model or a damaged one, or it needs a newer version.
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
    written_by = __version__
    try:
        about = json.loads(metadata["xpnet"])
        written_by = about["xpnet"]
        if unknown := _unknown(about):
            why = _misread(written_by, "is damaged, or was written by a modified xpnet")
            raise ModelFileError(f"{path} {why}: it needs {' and '.join(unknown)}.")
        network = Network(**about["network"])
        params = checked_params(network, _params("", tensors, network))
        return SavedModel(network, params, _checkpoint(about, tensors, network, params), about["configuration"])
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise ModelFileError(f"{path} {_misread(written_by, 'is damaged')}: {what}.") from error


def _unknown(about: dict[str, Any]) -> list[str]:
    """Whatever a file needs that this version lacks, in words."""
    if about["format"] > FORMAT:
        return [f"file format {about['format']}"]
    network, training = about["network"], about.get("training") or {}
    return [
        *(f"a network with {name}" for name in sorted(set(network) - {field.name for field in fields(Network)})),
        *(f"the activation {name!r}" for name in dict.fromkeys(network["activation"]) if name not in ACTIVATIONS),
        *([] if network["loss"] in LOSSES else [f"the loss {network['loss']!r}"]),
        *(f"a training with {name}" for name in sorted(set(training).difference(TRAINING))),
    ]


def _misread(written_by: Any, otherwise: str) -> str:
    """Beginning of the message about a file that cannot be understood: a newer version wrote it, or something else."""
    if _release(written_by) > _release(__version__):
        return f"was written by xpnet {written_by}, this is {__version__}; update xpnet to read it"
    return otherwise


def _release(version: Any) -> list[int]:
    """The numbers of a version, to compare it with another."""
    return [int(number) for number in re.findall(r"\d+", str(version))]


def _checkpoint(
    about: dict[str, Any], tensors: dict[str, np.ndarray], network: Network, params: Params
) -> Checkpoint | None:
    """Checkpoint from the metadata and the tensors, if one was saved."""
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
    """Host arrays by name, `0.w`, `0.b`, `1.w`, of parameters."""
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
