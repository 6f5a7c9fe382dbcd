"""How sums travel from rank to rank, on stand-ins for MPI, NCCL and devices."""

import sys
import warnings
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from xpnet import backends
from xpnet.backends.numpy import NumpyBackend
from xpnet.distributed.allreduce import can_nccl, choose_allreduce


class World:
    """A communicator of ranks that all hold the same; a sum over them is so many times as much."""

    def __init__(self, size=3):
        self.size, self.rank, self.told = size, 0, []

    def Allreduce(self, place, array):
        """Add up in place."""
        self.told.append(type(array).__name__)
        array *= self.size

    def allreduce(self, value, operation):
        """What all say."""
        return value

    def allgather(self, value):
        """Of each the same, but for a GPU's name."""
        return [value] * self.size if self.same else [f"{value}{i}" for i in range(self.size)]

    same = False


MPI = SimpleNamespace(IN_PLACE="in place", LAND="and", __file__=None, get_vendor=lambda: ("MPICH", (5, 0, 2)))


@pytest.mark.parametrize("engine", ["plain", "replay"])
def test_numpys_sums_go_straight_to_mpi(engine):
    """The array itself is added up, and handed back."""
    add, how = choose_allreduce(MPI, World(), backends.resolve("numpy").with_engine(engine))
    sums = np.arange(4.0)
    assert add(sums) is sums
    assert sums.tolist() == [0, 3, 6, 9]
    assert how == "straight to MPICH 5.0.2"


def test_sums_of_other_libraries_on_the_cpu(backend):
    """They come back as arrays of their own, read-only ones as new ones."""
    sums = backend.asarray(np.arange(4, dtype="float32"))
    if backend.device_name.startswith("cuda"):
        pytest.skip("a device of its own")
    add, _ = choose_allreduce(MPI, World(), backend)
    found = add(sums)
    assert backends.of(found).name == backends.of(sums).name
    assert backend.to_host(found).tolist() == [0, 3, 6, 9]


class OnDevice(NumpyBackend):
    """NumPy's arrays, said to lie on a CUDA device; it tells what is asked of it."""

    def __init__(self, name="cupy"):
        super().__init__()
        self.name, self.told = name, []
        self.device = SimpleNamespace(id=0)

    @property
    def device_name(self):
        """As CuPy's."""
        return "cuda:0"

    def buffer(self, shape, dtype):
        """Pinned memory."""
        self.told.append(f"buffer {shape} {dtype}")
        return super().buffer(shape, dtype)

    def download(self, array, buffer):
        """Down."""
        self.told.append("download")
        super().download(array, buffer)

    def upload(self, buffers):
        """Up."""
        self.told.append("upload")
        return buffers.copy()

    def synchronize(self):
        """Wait."""
        self.told.append("synchronize")

    def take_over(self, held, arrays):
        """Into those that are held."""
        self.told.append("take over")
        held[...] = arrays
        return held


@pytest.fixture
def cupy(monkeypatch):
    """Stand-ins for the parts of CuPy that NCCL is asked for with; `nccl.available` can be set."""
    nccl = SimpleNamespace(available=False)
    properties = {"uuid": b"GPU"}
    cuda = ModuleType("cupy.cuda")
    cuda.nccl, cuda.runtime = nccl, SimpleNamespace(getDeviceProperties=lambda number: properties)
    package = ModuleType("cupy")
    package.cuda = cuda
    there = ModuleType("cupyx.distributed")

    class NCCLBackend:
        def __init__(self, devices, rank, use_mpi):
            self.about = (devices, rank, use_mpi)

        def all_reduce(self, source, target):
            np.multiply(source, self.about[0], out=target)

    there.NCCLBackend = NCCLBackend
    for module in (package, cuda, there, ModuleType("cupyx")):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return nccl


@pytest.mark.parametrize(
    ("library", "nccl", "own_gpus", "aware", "how"),
    [
        ("cupy", True, True, True, "from GPU to GPU by NCCL"),
        ("cupy", True, False, True, "from GPUs straight to MPICH 5.0.2"),
        ("cupy", True, False, False, "through a buffer of the host to MPICH 5.0.2"),
        ("cupy", False, True, True, "from GPUs straight to MPICH 5.0.2"),
        ("torch", True, True, True, "from GPUs straight to MPICH 5.0.2"),
        ("torch", True, True, False, "through a buffer of the host to MPICH 5.0.2"),
        ("jax", True, True, True, "through a buffer of the host to MPICH 5.0.2"),
    ],
)
def test_the_way_of_device_arrays(monkeypatch, cupy, library, nccl, own_gpus, aware, how):
    """NCCL where each rank has a GPU of its own, MPI where it takes device memory, else one buffer, pinned once."""
    backend, world, cupy.available = OnDevice(library), World(), nccl
    world.same = not own_gpus
    monkeypatch.setattr("xpnet.distributed.allreduce.takes_device_memory", lambda MPI: aware)
    add, found = choose_allreduce(MPI, world, backend)
    assert found == how
    for _ in range(2):
        assert add(np.arange(4.0)).tolist() == [0, 3, 6, 9]
    waits = {"s": ["synchronize"] * 2, "b": ["buffer (4,) float64", *["download", "upload", "take over"] * 2]}
    assert backend.told == (waits["b"] if "buffer" in how else waits["s"] if "GPUs" in how else [])


def test_a_cupy_without_nccl_is_no_error(monkeypatch, cupy):
    """CuPy warns where it does not find NCCL's library; sums go another way, and no warning comes through."""

    class Warns(ModuleType):
        def __getattr__(self, name):
            if name != "nccl":
                raise AttributeError(name)
            warnings.warn("libnccl was not found", UserWarning, stacklevel=1)
            return SimpleNamespace(available=False)

    monkeypatch.setitem(sys.modules, "cupy.cuda", Warns("cupy.cuda"))
    assert not can_nccl(OnDevice("cupy"))


def test_uploaded_sums_lie_where_they_were(monkeypatch, cupy):
    """Sums come back into their own memory: an upload's is the copying stream's, which may give it away at once."""
    monkeypatch.setattr("xpnet.distributed.allreduce.takes_device_memory", lambda MPI: False)
    add, _ = choose_allreduce(MPI, World(), OnDevice("cupy"))
    sums = np.arange(4.0)
    assert add(sums) is sums
    assert sums.tolist() == [0, 3, 6, 9]
