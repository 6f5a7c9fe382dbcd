"""Answerers: what predicts rows with one small network, xpnet's ways and its peers, from one row to ten thousand."""

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from configurations import ANSWERED, Parameters
from contender import Unavailable

import xpnet
from xpnet.errors import MissingExtraError, XpnetError

Answerer = Callable[[np.ndarray], Callable[[], Any]]
"""A function of rows that returns one to be timed, whose result is an array of its library."""


def by_hand(params: Parameters) -> Answerer:
    """NumPy with as few new arrays as one writes without a plan."""
    (w1, b1), (w2, b2) = params

    def answer(x: np.ndarray) -> np.ndarray:
        h = x @ w1.T
        h += b1
        np.maximum(h, 0, out=h)
        z = h @ w2.T
        z += b2
        z -= z.max(axis=1, keepdims=True)
        np.exp(z, out=z)
        z /= z.sum(axis=1, keepdims=True)
        return z

    return lambda x: lambda: answer(x)


def predict(params: Parameters) -> Answerer:
    """`Network.predict`."""
    network = xpnet.Network(ANSWERED)
    return lambda x: lambda: network.predict(params, x)


def predictor(engine: str) -> Callable[[Parameters], Answerer]:
    """`Network.predictor` with an engine."""

    def make(params: Parameters) -> Answerer:
        try:
            bound = xpnet.Network(ANSWERED).predictor(params, engine=engine)
        except XpnetError as error:
            raise Unavailable(str(error)) from error
        return lambda x: lambda: bound(x)

    return make


def _fitted(estimator: Any, coefficients: list[np.ndarray], params: Parameters) -> Answerer:
    """Estimator that was fitted to ten rows, with these parameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(np.eye(ANSWERED[-1], ANSWERED[0], dtype=np.float32), np.arange(ANSWERED[-1]))
    estimator.coefs_, estimator.intercepts_ = coefficients, [b for _, b in params]
    return lambda x: lambda: estimator.predict_proba(x)


def estimator(params: Parameters) -> Answerer:
    """`MLPClassifier.predict_proba`."""
    try:
        from xpnet.estimators import MLPClassifier
    except MissingExtraError as error:
        raise Unavailable(str(error)) from error
    return _fitted(MLPClassifier(ANSWERED[1:-1], max_iter=1), [w.T for w, _ in params], params)


def scikit_learn(params: Parameters) -> Answerer:
    """scikit-learn's `predict_proba`."""
    try:
        from sklearn.neural_network import MLPClassifier
    except ImportError as error:
        raise Unavailable("scikit-learn is not installed") from error
    return _fitted(MLPClassifier(ANSWERED[1:-1], max_iter=1), [np.ascontiguousarray(w.T) for w, _ in params], params)


def onnxruntime(params: Parameters) -> Answerer:
    """Session of onnxruntime on one thread, with xpnet's export."""
    try:
        import onnxruntime

        import xpnet.onnx
    except (ImportError, MissingExtraError) as error:
        raise Unavailable(str(error)) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    graph = xpnet.onnx.model(xpnet.Network(ANSWERED), params).SerializeToString()
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda x: lambda: session.run(None, {"x": x})[0]


def torch(params: Parameters) -> Answerer:
    """`nn.Sequential` in inference mode, on tensors."""
    try:
        import torch
    except ImportError as error:
        raise Unavailable("torch is not installed") from error
    first, last = (torch.nn.Linear(d_in, d_out) for d_in, d_out in pairwise(ANSWERED))
    for layer, (w, b) in zip((first, last), params, strict=True):
        layer.weight.data, layer.bias.data = torch.from_numpy(w), torch.from_numpy(b)
    net = torch.nn.Sequential(first, torch.nn.ReLU(), last, torch.nn.Softmax(dim=1)).eval()

    def prepared(x: np.ndarray) -> Callable[[], Any]:
        rows = torch.from_numpy(x)

        @torch.inference_mode()
        def answer() -> Any:
            return net(rows)

        return answer

    return prepared


def jax(params: Parameters) -> Answerer:
    """`jax.jit` of the formula, on JAX arrays, until the result is there; compiled for each number of rows."""
    try:
        import jax
    except ImportError as error:
        raise Unavailable("JAX is not installed") from error
    (w1, b1), (w2, b2) = jax.tree.map(jax.numpy.asarray, params)

    @jax.jit
    def answer(x: Any) -> Any:
        return jax.nn.softmax(jax.nn.relu(x @ w1.T + b1) @ w2.T + b2)

    def prepared(x: np.ndarray) -> Callable[[], Any]:
        rows = jax.numpy.asarray(x)
        return lambda: answer(rows).block_until_ready()

    return prepared


ANSWERERS: dict[str, Callable[[Parameters], Answerer]] = {
    "NumPy by hand": by_hand,
    "xpnet predict": predict,
    "xpnet predictor, replay": predictor("replay"),
    "xpnet predictor, compiled": predictor("compiled"),
    "xpnet MLPClassifier": estimator,
    "scikit-learn": scikit_learn,
    "onnxruntime": onnxruntime,
    "torch eager": torch,
    "JAX jit": jax,
}
"""For each a function of the parameters that sets it up, or raises Unavailable."""
