"""Captures pure functions of arrays: traced once, planned, then replayed or compiled.

A function is written against the Array API standard and called with its namespace as `xp`. What can be recorded are
the element-wise functions, reductions, `matmul` of matrices, views and the few others of `namespace.Namespace`.

    print(plan(step, carry, batch))

shows what is done in which order, and where every value is kept.
"""

from xpnet.capture.graph import Graph, Operation, Value
from xpnet.capture.planning.plan import Plan, plan
from xpnet.capture.tracing.trace import Like, trace

__all__ = ["Graph", "Like", "Operation", "Plan", "Value", "plan", "trace"]
