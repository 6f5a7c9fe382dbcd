"""NVIDIA's compiler takes CUDA's kernels, for every generation of GPUs, and keeps what they compute in registers."""

import re

import numpy as np
import pytest
from helpers.oracles import PAIRS, on, problem

from xpnet import backends
from xpnet.capture import program_cache as programs
from xpnet.capture.engines.cuda.launches import launches
from xpnet.equations.optimizers import adam, adamw, momentum, nesterov, sgd
from xpnet.equations.step import State, training_step

ARCHITECTURES = ("sm_75", "sm_80", "sm_89", "sm_90", "sm_100", "sm_120")
RULES = (sgd(0.01), momentum(0.003), nesterov(0.003), adam(0.003), adamw(0.003))


def source(turn):
    """The kernels of a training: losses, activations, rules, dtypes, weights and L2 in turn."""
    loss, activation = PAIRS[turn]
    given, dtype, rule = problem(loss, activation), ("float32", "float64")[turn % 2], RULES[turn % 5]
    params, batch = on(backends.resolve("numpy"), (given.params, given.batch), dtype)
    batch = batch if turn % 3 else batch._replace(weight=None)
    l2 = np.asarray(0.01, dtype) if turn % 4 else None
    carry = (params, State(rule.init(params, xp=np), np.asarray(0, np.int32), np.asarray(0.1, dtype), l2))
    return launches(programs.planned(training_step(given.model, rule), carry, batch, 3)).source


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_kernel_compiles_for_gpus(architecture):
    """Each of 19 trainings for two generations, and a third of them for each: none spills what it computes."""
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc")
    for turn in range(ARCHITECTURES.index(architecture) % 3, len(PAIRS), 3):
        text = source(turn).encode()
        _, made = nvrtc.nvrtcCreateProgram(text, b"kernels.cu", 0, [], [])
        options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17", b"--ptxas-options=-v"]
        (status,) = nvrtc.nvrtcCompileProgram(made, len(options), options)
        log = bytes(nvrtc.nvrtcGetProgramLogSize(made)[1])
        nvrtc.nvrtcGetProgramLog(made, log)
        assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, log.decode()
        spilled = re.findall(rb"(\d+) bytes spill stores", log)
        assert len(spilled) == text.count(b"__global__")
        assert set(spilled) == {b"0"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_neighbours_are_loaded_and_stored_at_once(dtype):
    """Elements that stand for themselves, and rows that are fetched, move 16 bytes at a time: float4, double2."""
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc")
    carry = (np.zeros((8, 16), dtype), np.zeros(16, dtype))

    def step(carry, batch, *, xp):
        w, b = carry
        return (w * 2 + b, b), (xp.sum(xp.astype(batch[0], w.dtype) / 255),)

    text = launches(programs.planned(step, carry, (np.zeros((8, 16), np.uint8),), 4)).source.encode()
    _, made = nvrtc.nvrtcCreateProgram(text, b"kernels.cu", 0, [], [])
    assert nvrtc.nvrtcCompileProgram(made, 2, [b"--gpu-architecture=compute_90", b"--std=c++17"])[0] == 0
    ptx = bytes(nvrtc.nvrtcGetPTXSize(made)[1])
    nvrtc.nvrtcGetPTX(made, ptx)
    kind = {"float32": rb"v4\.(f|b|u)32", "float64": rb"v2\.(f|b|u)64"}[dtype]
    assert re.search(rb"ld\.global(\.nc)?\." + kind, ptx)
    assert len(re.findall(rb"st\.global\." + kind, ptx)) >= 2
    assert re.search(rb"ld\.global(\.nc)?\.(v4\.(b|u)8|v2\.(b|u)8|(b|u)32|(b|u)16)", ptx)
