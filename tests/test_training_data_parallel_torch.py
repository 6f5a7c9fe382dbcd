"""Shared steps on torch's graphs: sums and update are captured each for itself."""

import pytest
from helpers.oracles import ROUNDING, distance, host
from test_training_data_parallel import Alone, trained

from xpnet import backends

torch_backend = pytest.importorskip("xpnet.backends.torch")


def test_both_parts_are_graphs(monkeypatch):
    """Each step replays one of either, to what plain steps come to; on the CPU with a stand-in for `torch.cuda`."""
    from helpers.fake_cuda_graphs import Cuda

    cuda = Cuda(monkeypatch)
    monkeypatch.setattr(torch_backend, "SharedTorchBackend", torch_backend.TorchBackend)
    monkeypatch.setattr(torch_backend.TorchBackend, "engines", ("plain", "compiled"))
    found = trained(Alone(), backend="torch", engine="compiled", epochs=2)[-1]
    wanted = trained(backend="torch", engine="plain", epochs=2)[-1]
    backend = backends.resolve("torch")
    assert distance(host(backend, found.params), host(backend, wanted.params)) < ROUNDING["float64"]
    assert cuda.log.count("replay") == 2 * 2 * 5
