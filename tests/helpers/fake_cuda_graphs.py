"""A stand-in for `torch.cuda`'s streams and graphs, on the CPU: what is captured is written down, not done.

It shows in which order things happen, and that a replay reads and writes where the capture did. It says nothing about
a GPU's arithmetic or speed.
"""

from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

FORBIDDEN = ("aten._local_scalar_dense.default", "aten.lift_fresh.default", "aten.scalar_tensor.default")
"""What reads a number, or brings one to the device."""


class Recording(TorchDispatchMode):
    """The operations of a graph; their results hold nothing until they are replayed."""

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
            found = function(*args, **kwargs)
            if result is not None:
                result.copy_(found)


class Cuda:
    """The stand-in.

    Attributes:
        told: What was asked of it, in order.
        current: The stream that is current.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[str] = []
        self.current = Stream(self, "default")
        self.streams = 0
        monkeypatch.setattr(torch.cuda, "Stream", self.new_stream)
        monkeypatch.setattr(torch.cuda, "stream", self.stream)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: self.current)
        monkeypatch.setattr(torch.cuda, "device", self.device)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: Graph(self))
        monkeypatch.setattr(torch.cuda, "graph", self.graph)
        monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")

    def new_stream(self, device: torch.device) -> "Stream":
        """A stream of its own."""
        self.streams += 1
        return Stream(self, f"stream {self.streams}")

    @contextmanager
    def device(self, device: torch.device) -> Any:
        """A context with that device."""
        yield

    @contextmanager
    def stream(self, stream: "Stream") -> Any:
        """A context with that stream."""
        before, self.current = self.current, stream
        self.told.append(f"on {stream.name}")
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, graph: "Graph", *, pool: str, stream: "Stream") -> Any:
        """A context that is captured; like torch's it does not clear up where that fails."""
        assert pool == "pool"
        before, self.current = self.current, stream
        self.told.append(f"capture on {stream.name}")
        try:
            with graph.recording:
                yield
        except RuntimeError:
            raise RuntimeError("operation failed due to a previous error during capture") from None
        self.current = before


class Stream:
    """A stream: a name."""

    def __init__(self, cuda: Cuda, name: str) -> None:
        self.cuda, self.name = cuda, name

    def wait_stream(self, other: "Stream") -> None:
        """Go on after what the other stream was given."""
        self.cuda.told.append(f"{self.name} waits for {other.name}")


class Graph:
    """A graph that can be launched."""

    def __init__(self, cuda: Cuda) -> None:
        self.cuda, self.recording = cuda, Recording()

    def replay(self) -> None:
        """Launch it."""
        assert self.cuda.current.name == "default"
        self.cuda.told.append("replay")
        self.recording.replay()
