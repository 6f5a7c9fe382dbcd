"""Contender xpnet, on each of its backends by each of their engines, as its own training runs them."""

from typing import Any

import numpy as np
from configurations import LEARNING_RATE, Parameters, Problem
from contender import TF32, Contender, Unavailable

import xpnet
from xpnet import backends
from xpnet._support.typing import Batch, Layer
from xpnet.backends import Backend
from xpnet.equations import step as steps
from xpnet.equations.optimizers import Optimizer
from xpnet.errors import XpnetError
from xpnet.training.placement import chunk_rows
from xpnet.training.rows import blocks
from xpnet.training.run import BLOCK_STEPS


def placed(name: str, engine: str, precision: str, device: str) -> Backend:
    """Backend on the device, with the engine and the precision."""
    try:
        backend = backends.resolve(name, device).with_engine(engine).with_precision(precision)
    except (ImportError, XpnetError) as error:
        raise Unavailable(str(error)) from error
    if backend.engine != engine:
        raise Unavailable(f"on {device} it is engine {backend.engine}")
    return backend


class Xpnet(Contender):
    """Backend with an engine."""

    def __init__(self, problem: Problem, device: str, name: str, engine: str, precision: str = "fp32") -> None:
        super().__init__(problem, device)
        self.backend = backend = placed(name, engine, precision, device)
        if precision == "tf32":
            self.close = TF32
        self.compiles = engine != "plain"
        self.network = xpnet.Network(problem.configuration.sizes, "sigmoid")
        self.model = self.network.model
        optimizer = xpnet.sgd(LEARNING_RATE)
        with backend.current():
            self.data = Batch(backend.asarray(problem.x), backend.asarray(problem.targets))
            self.asked = backend.asarray(problem.asked)
            self.step = steps.training_step(self.model, optimizer)
            self.answers = steps.answers(self.model)
            # As a training does: NumPy's engines see these arrays once, and not with each block.
            self.computing = backend.computing
            self.seen, before = backend.views((self.data, self.before(optimizer)))
            self.carry = self.computing.copy(before)

    def before(self, optimizer: Optimizer) -> tuple[Any, steps.State]:
        """Parameters and state before the first step, in arrays of their own: a block may write to them."""
        backend = self.backend
        started = tuple(Layer(backend.asarray(w), backend.asarray(b)) for w, b in self.problem.start)
        params = backend.copy(started)
        count, rate = (backend.asarray(np.asarray(number)) for number in (np.int32(0), np.float32(LEARNING_RATE)))
        return params, steps.State(optimizer.init(params, xp=backend.xp), count, rate, None)

    def block(self, rows: np.ndarray) -> None:
        """One block, until its costs are on the host."""
        with self.backend.current():
            self.carry, (costs, _) = self.computing.run_block(self.step, self.carry, self.seen, rows)
            self.computing.synchronize()
            self.computing.to_host(costs)

    def epoch(self, rows: int) -> None:
        """Blocks of as many steps as a training's."""
        size = self.problem.configuration.batch_size
        most = max(1, min(BLOCK_STEPS, int(self.backend.block_work / (6 * self.network.parameter_count * size))))
        for block in blocks(np.random.default_rng().permutation(rows), size, most):
            self.block(block)

    def params(self) -> Parameters:
        """The carry's parameters."""
        with self.backend.current():
            params = self.computing.copy(self.carry[0])
            return tuple((self.computing.to_host(layer.w), self.computing.to_host(layer.b)) for layer in params)

    def predict(self) -> np.ndarray:
        """As `Network.predict` does after its checks."""
        with self.backend.current():
            answers = self.backend.map_rows(
                self.answers, self.backend.from_views(self.carry[0]), self.asked, chunk_rows(self.network)
            )
            self.backend.synchronize()
            return self.backend.to_host(answers)
