"""Peers of xpnet on a GPU: torch with its launches recorded, by hand and by its compiler."""

from typing import Any

import numpy as np
from configurations import Problem
from contender import on_gpu_only
from peers import CompiledTorch, Torch

WARM_UP = 3
"""Steps before torch records one, as its documentation has it."""


class GraphedTorch(Torch):
    """A step of nn.Sequential and optim.SGD as a CUDA graph, which reads its batch's rows where they are copied to."""

    graph: Any = None

    def __init__(self, problem: Problem, device: str) -> None:
        on_gpu_only(device)
        super().__init__(problem, device)
        torch = self.torch
        self.rows = torch.zeros(problem.configuration.batch_size, dtype=torch.int64, device=device)
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP):
                self.step()
        torch.cuda.current_stream().wait_stream(beside)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.step()
        # Where the graph reads and writes them.
        self.begin(self.note)

    def step(self) -> None:
        """A step on the rows in the buffer."""
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(self.net(self.x[self.rows]), self.labels[self.rows]).backward()
        self.optimizer.step()

    def block(self, rows: np.ndarray) -> None:
        """One launch per step; a short batch is run as it is."""
        if self.graph is None or rows.shape[1] != len(self.rows):
            super().block(rows)
            return
        for batch in self.torch.from_numpy(rows).to(self.device):
            self.rows.copy_(batch)
            self.graph.replay()
        self.wait()


class ReducedTorch(CompiledTorch):
    """torch.compile in the mode that records launches."""

    def __init__(self, problem: Problem, device: str) -> None:
        on_gpu_only(device)
        super().__init__(problem, device)

    def compile(self) -> None:
        """Compiled at the first call."""
        self.torch.compiler.reset()
        self.net = self.torch.compile(self.net, mode="reduce-overhead")
