"""Peers of xpnet, each written as its own users write it, and checked against NumPy by hand.

Each trains the same network from the same start on the same batches: sigmoid hidden layers, a softmax with
cross-entropy, plain SGD, float32. Where a library has several ways, its fastest is taken.
"""

import time
from functools import partial
from typing import Any

import numpy as np
from configurations import CLASSES, LEARNING_RATE, Parameters, Problem
from contender import Contender, Unavailable, on_cpu_only


class ByHand(Contender):
    """NumPy as somebody writes it who has read the post: fresh arrays for everything, weights updated in place."""

    def __init__(self, problem: Problem, device: str, dtype: str = "float32") -> None:
        super().__init__(problem, device)
        on_cpu_only(device)
        self.x, self.targets = problem.x, problem.targets
        self.layers = [(w.astype(dtype), b.astype(dtype)) for w, b in problem.start]

    def forward(self, x: np.ndarray) -> list[np.ndarray]:
        """The activations, the input first."""
        a = [x]
        for w, b in self.layers[:-1]:
            a.append(1 / (1 + np.exp(-(a[-1] @ w.T + b))))
        w, b = self.layers[-1]
        z = a[-1] @ w.T + b
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return [*a, e / e.sum(axis=1, keepdims=True)]

    def block(self, rows: np.ndarray) -> None:
        """Step by step."""
        for batch in rows:
            *a, output = self.forward(self.x[batch])
            delta = (output - self.targets[batch]) / len(batch)
            for layer in reversed(range(len(self.layers))):
                w, b = self.layers[layer]
                dw, db = delta.T @ a[layer], delta.sum(axis=0)
                if layer:
                    delta = (delta @ w) * a[layer] * (1 - a[layer])
                w -= LEARNING_RATE * dw
                b -= LEARNING_RATE * db

    def params(self) -> Parameters:
        """The layers."""
        return tuple((w.copy(), b.copy()) for w, b in self.layers)

    def predict(self) -> np.ndarray:
        """All rows at once."""
        return self.forward(self.problem.asked)[-1]


class ScikitLearn(Contender):
    """MLPClassifier, whose partial_fit takes a whole block and cuts the batches itself."""

    def __init__(self, problem: Problem, device: str) -> None:
        super().__init__(problem, device)
        on_cpu_only(device)
        try:
            from sklearn.neural_network import MLPClassifier
        except ImportError as error:
            raise Unavailable("scikit-learn is not installed") from error
        sizes, size = problem.configuration.sizes, problem.configuration.batch_size
        self.net = MLPClassifier(
            sizes[1:-1],
            activation="logistic",
            solver="sgd",
            alpha=0,
            batch_size=size,
            learning_rate_init=LEARNING_RATE,
            momentum=0,
            nesterovs_momentum=False,
        )
        # It makes its arrays at the first call only.
        self.net.partial_fit(problem.x[:size], problem.labels[:size], classes=np.arange(CLASSES))
        for coef, intercept, (w, b) in zip(self.net.coefs_, self.net.intercepts_, problem.start, strict=True):
            coef[...], intercept[...] = w.T, b

    def block(self, rows: np.ndarray) -> None:
        """One call; the rows are in order already."""
        self.net.shuffle = False
        self.net.partial_fit(self.problem.x[rows.ravel()], self.problem.labels[rows.ravel()])

    def epoch(self, rows: int) -> None:
        """One call, which shuffles."""
        self.net.shuffle = True
        self.net.partial_fit(self.problem.x[:rows], self.problem.labels[:rows])

    def params(self) -> Parameters:
        """coefs_ and intercepts_."""
        return tuple((w.T.copy(), b.copy()) for w, b in zip(self.net.coefs_, self.net.intercepts_, strict=True))

    def predict(self) -> np.ndarray:
        """predict_proba."""
        return self.net.predict_proba(self.problem.asked)


class Thinc(Contender):
    """begin_update, its callback, finish_update."""

    def __init__(self, problem: Problem, device: str) -> None:
        super().__init__(problem, device)
        on_cpu_only(device)
        try:
            from thinc.api import SGD, CategoricalCrossentropy, Sigmoid, Softmax, chain
        except ImportError as error:
            raise Unavailable("thinc is not installed") from error
        kinds = [Sigmoid] * (len(problem.start) - 1) + [Softmax]
        self.layers = [kind(*w.shape) for kind, (w, _) in zip(kinds, problem.start, strict=True)]
        self.net = chain(*self.layers)
        self.net.initialize(problem.x[:1])
        for layer, (w, b) in zip(self.layers, problem.start, strict=True):
            layer.set_param("W", w.copy())
            layer.set_param("b", b.copy())
        self.loss = CategoricalCrossentropy()
        self.optimizer = SGD(LEARNING_RATE, L2=0, grad_clip=0, use_averages=False)

    def block(self, rows: np.ndarray) -> None:
        """Step by step."""
        for batch in rows:
            guesses, backprop = self.net.begin_update(self.problem.x[batch])
            backprop(self.loss.get_grad(guesses, self.problem.targets[batch]))
            self.net.finish_update(self.optimizer)

    def params(self) -> Parameters:
        """The layers' W and b."""
        return tuple((layer.get_param("W").copy(), layer.get_param("b").copy()) for layer in self.layers)

    def predict(self) -> np.ndarray:
        """All rows at once."""
        return self.net.predict(self.problem.asked)


class Torch(Contender):
    """nn.Sequential, CrossEntropyLoss and optim.SGD, eagerly; the option of SGD that is the fastest."""

    OPTIONS = ("fused", "foreach", "single")
    TRIES = 3

    def __init__(self, problem: Problem, device: str) -> None:
        super().__init__(problem, device)
        try:
            import torch
        except ImportError as error:
            raise Unavailable("torch is not installed") from error
        if device != "cpu" and not torch.cuda.is_available():
            raise Unavailable("torch finds no CUDA device")
        self.torch, self.device = torch, device
        self.x, self.labels, self.asked = (
            torch.from_numpy(array).to(device) for array in (problem.x, problem.labels, problem.asked)
        )
        self.loss = torch.nn.CrossEntropyLoss()
        *hidden, last = [torch.nn.Linear(w.shape[1], w.shape[0]) for w, _ in problem.start]
        self.linears = [*hidden, last]
        modules = [module for linear in hidden for module in (linear, torch.nn.Sigmoid())]
        self.net = torch.nn.Sequential(*modules, last).to(device)
        self.note = self.OPTIONS[0]
        if problem.rows is not None:
            self.note = min(self.OPTIONS, key=partial(self.seconds, problem.rows))
        self.begin(self.note)
        self.compile()

    def begin(self, option: str) -> None:
        """Parameters as at the start, and SGD with an option."""
        with self.torch.no_grad():
            for linear, (w, b) in zip(self.linears, self.problem.start, strict=True):
                linear.weight.copy_(self.torch.from_numpy(w))
                linear.bias.copy_(self.torch.from_numpy(b))
        how = {"foreach": False} if option == "single" else {option: True}
        self.optimizer = self.torch.optim.SGD(self.net.parameters(), LEARNING_RATE, **how)

    def seconds(self, rows: np.ndarray, option: str) -> float:
        """How long a short block takes with an option, at best."""
        self.begin(option)
        times = []
        for _ in range(1 + self.TRIES):
            began = time.perf_counter()
            self.block(rows[:50])
            times.append(time.perf_counter() - began)
        return min(times[1:])

    def compile(self) -> None:
        """Eager: nothing."""

    def block(self, rows: np.ndarray) -> None:
        """Step by step; the rows are uploaded once."""
        for batch in self.torch.from_numpy(rows).to(self.device):
            self.optimizer.zero_grad()
            self.loss(self.net(self.x[batch]), self.labels[batch]).backward()
            self.optimizer.step()
        self.wait()

    def wait(self) -> None:
        """Until a GPU has done its work."""
        if self.device != "cpu":
            self.torch.cuda.synchronize()

    def params(self) -> Parameters:
        """The linear layers' weight and bias."""
        return tuple(
            (linear.weight.detach().cpu().numpy().copy(), linear.bias.detach().cpu().numpy().copy())
            for linear in self.linears
        )

    def predict(self) -> np.ndarray:
        """All rows at once, without autograd."""
        with self.torch.no_grad():
            return self.torch.softmax(self.net(self.asked), dim=1).cpu().numpy()


class CompiledTorch(Torch):
    """The same with the network through torch.compile."""

    compiles = True

    def compile(self) -> None:
        """Compiled at the first call."""
        self.torch.compiler.reset()
        self.net = self.torch.compile(self.net)

    def block(self, rows: np.ndarray) -> None:
        """Eager steps, once the network is compiled."""
        try:
            super().block(rows)
        except RuntimeError as error:
            if "compiler" in str(error):
                raise Unavailable(
                    f"torch.compile cannot work on this machine ({str(error).splitlines()[0]})"
                ) from error
            raise


class Jax(Contender):
    """A jitted step, called once per batch: jax.grad, and the update in the same program."""

    compiles = True

    def __init__(self, problem: Problem, device: str) -> None:
        super().__init__(problem, device)
        try:
            import jax
            import jax.numpy as jnp
        except ImportError as error:
            raise Unavailable("jax is not installed") from error
        self.jax = jax
        try:
            where = jax.devices(device.partition(":")[0])[int(device.partition(":")[2] or 0)]
        except (RuntimeError, IndexError) as error:
            raise Unavailable(f"JAX has no device {device}") from error
        # On a GPU JAX multiplies float32 matrices in less than float32 by default.
        jax.config.update("jax_default_matmul_precision", "highest")
        self.x, self.targets, self.asked, self.layers = jax.device_put(
            (jnp.asarray(problem.x), jnp.asarray(problem.targets), jnp.asarray(problem.asked), problem.start), where
        )

        def forward(layers: Any, x: Any) -> Any:
            for w, b in layers[:-1]:
                x = jax.nn.sigmoid(x @ w.T + b)
            w, b = layers[-1]
            return x @ w.T + b

        def cost(layers: Any, x: Any, targets: Any) -> Any:
            return -jnp.mean(jnp.sum(targets * jax.nn.log_softmax(forward(layers, x)), axis=1))

        def step(layers: Any, x: Any, targets: Any, batch: Any) -> tuple[Any, Any]:
            value, grads = jax.value_and_grad(cost)(layers, x[batch], targets[batch])
            return jax.tree.map(lambda p, g: p - LEARNING_RATE * g, layers, grads), value

        def scan(layers: Any, x: Any, targets: Any, rows: Any) -> tuple[Any, Any]:
            return jax.lax.scan(lambda layers, batch: step(layers, x, targets, batch), layers, rows)

        self.step, self.scan = jax.jit(step, donate_argnums=0), jax.jit(scan, donate_argnums=0)
        self.answer = jax.jit(lambda layers, x: jax.nn.softmax(forward(layers, x)))

    def block(self, rows: np.ndarray) -> None:
        """One call per step."""
        for batch in rows:
            self.layers, _ = self.step(self.layers, self.x, self.targets, batch)
        self.jax.block_until_ready(self.layers)

    def params(self) -> Parameters:
        """The layers."""
        return tuple((np.array(w), np.array(b)) for w, b in self.layers)

    def predict(self) -> np.ndarray:
        """All rows at once, jitted."""
        return np.asarray(self.answer(self.layers, self.asked))


class ScannedJax(Jax):
    """The same step in lax.scan, called once per block."""

    def block(self, rows: np.ndarray) -> None:
        """One call per block."""
        self.layers, _ = self.scan(self.layers, self.x, self.targets, rows)
        self.jax.block_until_ready(self.layers)
