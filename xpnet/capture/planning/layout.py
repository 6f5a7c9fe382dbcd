"""Where the elements of values lie in memory."""

from xpnet.capture.graph import VIEWS, Graph, Value


class Layout:
    """The strides of a graph's values, in elements."""

    def __init__(self, graph: Graph) -> None:
        self._views = {operation.output: operation for operation in graph.operations if operation.name in VIEWS}

    def strides(self, value: Value) -> tuple[int, ...]:
        """How far elements that follow each other along an axis are apart."""
        view = self._views.get(value)
        if view is not None and view.name == "transpose":
            source = self.strides(view.arrays[0])
            return tuple(source[axis] for axis in view.options[0])
        found, step = [0] * len(value.shape), 1
        # What is reshaped lies row by row, and so does what comes of it.
        for axis in reversed(value.order):
            found[axis] = step
            step *= value.shape[axis]
        return tuple(found)
