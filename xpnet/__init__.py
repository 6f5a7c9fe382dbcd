"""xpnet: dense neural networks trained by hand-derived backpropagation, on the arrays you have.

network = xpnet.Network([784, 128, 10])
for epoch in xpnet.epochs(network, (x, y), xpnet.adam(1e-3), batch_size=128, epochs=10, seed=0):
    print(epoch)
network.predict(epoch.params, x)
"""

from importlib import import_module
from types import ModuleType

from xpnet._support import stop_signals

if stop_signals.is_command():
    # Ctrl-C during the imports, which take most of a second, would be a traceback.
    stop_signals.begin(importing=True)

from xpnet import schedules
from xpnet._support.typing import Layer, Params
from xpnet.data import Data
from xpnet.equations.optimizers import Optimizer, adam, adamw, momentum, nesterov, sgd
from xpnet.training.checkpoint import Checkpoint, Epoch
from xpnet.training.epochs import epochs
from xpnet.training.network import Network
from xpnet.training.privacy import Privacy
from xpnet.training.standardization import Standardization

__version__ = "0.1.0"

__all__ = [
    "Checkpoint",
    "Data",
    "Epoch",
    "Layer",
    "Network",
    "Optimizer",
    "Params",
    "Privacy",
    "Standardization",
    "adam",
    "adamw",
    "epochs",
    "momentum",
    "nesterov",
    "schedules",
    "sgd",
]

_MODULES = ("backends", "capture", "data", "distributed", "errors", "estimators", "onnx", "plots", "serialization")
"""Public modules, imported when they are first used: some need a package of their own."""


def __getattr__(name: str) -> ModuleType:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES, "__version__"])
