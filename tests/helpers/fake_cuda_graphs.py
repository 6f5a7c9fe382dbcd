"""Stand-in for `torch.cuda`'s streams and graphs, on the CPU: what is captured is written down, not done.

It shows in which order things happen, and that a replay reads and writes where the capture did. It says nothing about
a GPU's arithmetic or speed.
"""

from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

FORBIDDEN = ("aten._local_scalar_dense.default", "aten.lift_fresh.default", "aten.scalar_tensor.default")
"""Operations that read a number, or bring one to the device."""


class Recording(TorchDispatchMode):
    """Operations of a graph; their results are empty until they are replayed."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if str(function) in FORBIDDEN:
            raise RuntimeError(f"operation not permitted when stream is capturing: {function}\nCompile with ...")
        kwargs = kwargs or {}
        if function._schema.is_mutable:
            self.operations.append((function, args, kwargs, None))
            return args[0]
        result = function(*args, **kwargs)
        if all(returned.alias_info is None for returned in function._schema.returns):
            result.fill_(float("nan") if result.is_floating_point() else 0)
            self.operations.append((function, args, kwargs, result))
        return result

    def replay(self) -> None:
        """Do what was written down, where it was."""
        for function, args, kwargs, result in self.operations:
            replayed = function(*args, **kwargs)
            if result is not None:
                result.copy_(replayed)


class Cuda:
    """Stand-in for `torch.cuda`.

    Attributes:
        log: Requests to it, in order.
        current: Stream that is current.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log: list[str] = []
        self.current = FakeStream(self, "default")
        self.streams = 0
        monkeypatch.setattr(torch.cuda, "Stream", self.new_stream)
        monkeypatch.setattr(torch.cuda, "stream", self.stream)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: self.current)
        monkeypatch.setattr(torch.cuda, "device", self.device)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: FakeGraph(self))
        monkeypatch.setattr(torch.cuda, "graph", self.graph)
        monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")

    def new_stream(self, device: torch.device) -> "FakeStream":
        """Stream of its own."""
        self.streams += 1
        return FakeStream(self, f"stream {self.streams}")

    @contextmanager
    def device(self, device: torch.device) -> Any:
        """Context with that device."""
        yield

    @contextmanager
    def stream(self, stream: "FakeStream") -> Any:
        """Context with that stream."""
        before, self.current = self.current, stream
        self.log.append(f"on {stream.name}")
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, graph: "FakeGraph", *, pool: str, stream: "FakeStream") -> Any:
        """Context that is captured; like torch's it does not clear up where that fails."""
        assert pool == "pool"
        before, self.current = self.current, stream
        self.log.append(f"capture on {stream.name}")
        try:
            with graph.recording:
                yield
        except RuntimeError:
            raise RuntimeError("operation failed due to a previous error during capture") from None
        self.current = before


class FakeStream:
    """Stream, which is a name."""

    def __init__(self, cuda: Cuda, name: str) -> None:
        self.cuda, self.name = cuda, name

    def wait_stream(self, other: "FakeStream") -> None:
        """Go on after the work of the other stream."""
        self.cuda.log.append(f"{self.name} waits for {other.name}")


class FakeGraph:
    """Graph that can be launched."""

    def __init__(self, cuda: Cuda) -> None:
        self.cuda, self.recording = cuda, Recording()

    def replay(self) -> None:
        """Launch it."""
        assert self.cuda.current.name == "default"
        self.cuda.log.append("replay")
        self.recording.replay()
