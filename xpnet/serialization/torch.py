"""PyTorch: networks as modules, and back."""

from itertools import pairwise
from typing import Any

from xpnet import backends
from xpnet._support.optional import needed
from xpnet._support.tables import lookup
from xpnet._support.typing import Layer, Params
from xpnet.equations.activations import activation
from xpnet.equations.losses import STRAIGHT
from xpnet.errors import InputError
from xpnet.training.network import Network
from xpnet.training.placement import checked_params

with needed("xpnet.serialization.torch", "torch"):
    import torch
    from torch import nn


class Divide(nn.Module):
    """Division of the inputs by a number, in the parameters' dtype."""

    def __init__(self, scale: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.scale, self.dtype = scale, dtype

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x / scale; bytes become numbers first."""
        return x.to(self.dtype) / self.scale

    def extra_repr(self) -> str:
        """Text in the parentheses of a printed module."""
        return f"{self.scale:g}"


class Exp(nn.Module):
    """Output activation of a Poisson regression."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """exp(z), constant from z = 32 on."""
        return torch.exp(torch.clamp(z, max=STRAIGHT))


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "identity": nn.Identity,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "hard_sigmoid": nn.Hardsigmoid,
}
"""Module of each hidden activation."""

NUMBERS = {"leaky_relu": "negative_slope", "elu": "alpha"}
"""Attribute and argument of a module that is the activation's number."""

OUTPUTS: dict[str, type[nn.Module]] = {
    "cross_entropy": nn.Softmax,
    "binary_cross_entropy": nn.Sigmoid,
    "squared_error": nn.Identity,
    "poisson": Exp,
    "absolute_error": nn.Identity,
    "huber": nn.Identity,
    "pinball": nn.Identity,
}
"""Module of the output activation that goes with each loss."""


def to_torch(network: Network, params: Params) -> nn.Sequential:
    """Module that computes what `Network.predict` does; one with dropout is in its mode of evaluation.

    Args:
        network: The network; where its `input_scale` is None, the module takes numbers as they are.
        params: Its parameters, of any library; the module has copies, on their device where they are PyTorch's.

    Raises:
        InputError: params do not fit the network.
    """
    backend = backends.of(checked_params(network, params)[0].w)
    if backend.name != "torch":
        backend = backends.resolve("torch", "cpu")
    network, params = network.folded(backend.copy(backends.moved(checked_params(network, params), backend)))
    scale, dtype = network.model.input_scale or 1.0, params[0].w.dtype
    modules: list[nn.Module] = [] if scale == 1 else [Divide(scale, dtype)]
    hidden, loss = network.model.hidden, network.model.loss
    kinds = [lookup(ACTIVATIONS, "activation", each.name, "PyTorch module") for each in hidden]
    kinds.append(lookup(OUTPUTS, "loss", loss.name, "PyTorch module"))
    numbers = [*({NUMBERS[each.name]: each.number} if each.name in NUMBERS else {} for each in hidden), {}]
    rates = network.model.dropout or (0.0,) * len(hidden)
    for (w, b), kind, number, rate in zip(params, kinds, numbers, (*rates, 0.0), strict=True):
        # Initial weights would be drawn from torch's global generator, which is the caller's.
        linear = nn.utils.skip_init(nn.Linear, w.shape[1], w.shape[0], device=w.device, dtype=dtype)
        linear.weight, linear.bias = nn.Parameter(w), nn.Parameter(b)
        modules += [linear, nn.Softmax(dim=1) if kind is nn.Softmax else kind(**number)]
        if rate:
            modules.append(nn.Dropout(rate))
    made = nn.Sequential(*(module for module in modules if not isinstance(module, nn.Identity)))
    return made.eval() if network.dropout else made


def from_torch(module: nn.Sequential, loss: str | None = None) -> tuple[Network, Params]:
    """Network and parameters of a module of linear layers with activations between them.

    Args:
        module: `Linear` layers with `Sigmoid`, `Tanh`, `ReLU`, `LeakyReLU`, `ELU`, `Softplus`, `Hardsigmoid` or
            nothing between them, each perhaps with a `Dropout` behind it, and after the last one `Softmax`, `Sigmoid`
            or nothing; before the first one perhaps a `Flatten`, which is dropped, since rows are flat; or a module
            that `to_torch` returned.
        loss: The network's loss where nothing follows the last layer, as in modules that are trained with
            `nn.CrossEntropyLoss`, here "cross_entropy", or with `nn.L1Loss`, here "absolute_error"; None is
            "squared_error", which leaves the output as it is.

    Returns:
        The network, and copies of the parameters, as tensors on the module's device.

    Raises:
        InputError: The module holds anything else.
    """
    if not isinstance(module, nn.Sequential):
        raise InputError(
            f"the module is a {type(module).__name__}; give a Sequential of Linear layers and activations."
        )
    parts = list(module)
    if parts and isinstance(parts[0], nn.Flatten) and (parts[0].start_dim, parts[0].end_dim) == (1, -1):
        parts.pop(0)
    scale = parts.pop(0).scale if parts and isinstance(parts[0], Divide) else 1.0
    layers: list[nn.Linear] = []
    after: list[nn.Module] = []
    dropout: list[float] = []
    for part in parts:
        if isinstance(part, nn.Linear):
            layers.append(part)
            after.append(nn.Identity())
            dropout.append(0.0)
        elif after and isinstance(part, nn.Dropout) and not dropout[-1]:
            dropout[-1] = part.p
        elif after and isinstance(after[-1], nn.Identity) and not dropout[-1]:
            after[-1] = part
        else:
            raise _refused(part)
    if not layers:
        raise InputError("the module holds no Linear layer; a network needs one at least.")
    for layer, following in pairwise(layers):
        if layer.out_features != following.in_features:
            raise InputError(f"the module's {layer} cannot be followed by {following}, which takes another width.")
    if dropout[-1]:
        raise _refused(nn.Dropout(dropout[-1]))
    names: list[Any] = [_name(part, ACTIVATIONS) for part in after[:-1]]
    output: Any = _name(after[-1], OUTPUTS)
    if loss is not None and isinstance(after[-1], nn.Identity):
        output = loss
    sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
    params = tuple(Layer(layer.weight.detach().clone(), _bias(layer)) for layer in layers)
    return Network(sizes, names, output, scale, dropout=dropout[:-1]), params


def _name(part: nn.Module, table: dict[str, type[nn.Module]]) -> str:
    """xpnet's name of a module, with its number if it has another than usual; a softmax must be over each row."""
    for name, kind in table.items():
        if type(part) is not kind or getattr(part, "dim", 1) not in (1, -1):
            continue
        if kind is nn.Softplus and (part.beta, part.threshold) != (1, 20):
            break
        if name not in NUMBERS or (number := getattr(part, NUMBERS[name])) == activation(name).number:
            return name
        return f"{name}:{number}"
    raise _refused(part)


def _refused(part: nn.Module) -> InputError:
    """Error about a module that a network has no place for."""
    return InputError(
        f"the module holds {part} out of place; a network has Linear layers, each followed by Sigmoid, Tanh, ReLU, "
        "LeakyReLU, ELU, Softplus, Hardsigmoid or nothing, then perhaps by Dropout, the last one by Softmax(dim=1), "
        "Sigmoid or nothing."
    )


def _bias(layer: nn.Linear) -> torch.Tensor:
    """A copy of a layer's biases, or as many zeros."""
    return torch.zeros_like(layer.weight[:, 0]) if layer.bias is None else layer.bias.detach().clone()
