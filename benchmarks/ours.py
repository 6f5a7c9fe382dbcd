"""xpnet on each of its backends, by each of their engines, as its own loop drives them."""

from typing import Any

import numpy as np
from configurations import LEARNING_RATE, Parameters, Problem
from contenders import TF32, Contender, Unavailable

import xpnet
from xpnet import backends
from xpnet._support.typing import Batch, Layer
from xpnet.backends import Backend
from xpnet.equations import step as steps
from xpnet.equations.optimizers import Optimizer
from xpnet.errors import XpnetError
from xpnet.training.batches import blocks
from xpnet.training.run import BLOCK_STEPS, BLOCK_WORK


def placed(name: str, engine: str, precision: str, device: str) -> Backend:
    """The backend on the device, with the engine and the precision."""
    try:
        return backends.resolve(name, device).with_engine(engine).with_precision(precision)
    except (ImportError, XpnetError) as error:
        raise Unavailable(str(error)) from error


class Ours(Contender):
    """A backend and an engine."""

    def __init__(self, problem: Problem, device: str, name: str, engine: str, precision: str = "fp32") -> None:
        super().__init__(problem, device)
        self.here = here = placed(name, engine, precision, device)
        if precision == "tf32":
            self.close = TF32
        self.compiles = engine != "plain"
        self.network = xpnet.Network(problem.configuration.sizes, "sigmoid")
        self.model = self.network.model(problem.x)
        optimizer = xpnet.sgd(LEARNING_RATE)
        with here.current():
            self.data = Batch(here.asarray(problem.x), here.asarray(problem.targets))
            self.asked = here.asarray(problem.asked)
            self.step = steps.training_step(self.model, optimizer)
            self.answers = steps.answers(self.model)
            self.carry = self.before(optimizer)

    def before(self, optimizer: Optimizer) -> tuple[Any, steps.State]:
        """Parameters and state before the first step, in arrays of their own: a block may write to them."""
        here = self.here
        started = tuple(Layer(here.asarray(w), here.asarray(b)) for w, b in self.problem.start)
        params = here.copy(started)
        count, rate = (here.asarray(np.asarray(number)) for number in (np.int32(0), np.float32(LEARNING_RATE)))
        return params, steps.State(optimizer.init(params, xp=here.xp), count, rate, None)

    def block(self, rows: np.ndarray) -> None:
        """One block, until its costs are on the host."""
        with self.here.current():
            self.carry, (costs, _) = self.here.run_block(self.step, self.carry, self.data, rows)
            self.here.synchronize()
            self.here.to_host(costs)

    def epoch(self, rows: int) -> None:
        """Blocks of as many steps as a training's."""
        size = self.problem.configuration.batch_size
        most = max(1, min(BLOCK_STEPS, int(BLOCK_WORK / (6 * self.network.parameter_count * size))))
        for block in blocks(np.random.default_rng().permutation(rows), size, most):
            self.block(block)

    def params(self) -> Parameters:
        """The carry's parameters."""
        with self.here.current():
            params = self.here.copy(self.carry[0])
            return tuple((self.here.to_host(layer.w), self.here.to_host(layer.b)) for layer in params)

    def predict(self) -> np.ndarray:
        """As `Network.predict` does after its checks."""
        with self.here.current():
            answers = self.here.map_rows(self.answers, self.carry[0], self.asked, self.network.chunk)
            self.here.synchronize()
            return self.here.to_host(answers)
