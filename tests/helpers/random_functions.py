"""Random pure functions of arrays: every way of running them must agree with NumPy.

A function is drawn step by step, on NumPy's own arrays: what NumPy refuses is left out, or is the last step of a
function that must be refused. `functions()` draws for hypothesis, `function(seed)` a reproducible one for long runs.
"""

import operator
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

KINDS = (
    "float32", "float16", "integers", "special values", "no elements", "three axes", "fed vectors", "dropped axes",
    "several steps", "old carry", "rare operations", "powers", "selections",
)  # fmt: skip
"""What functions can have beyond float64 matrices, rows and numbers under common operations."""

SIMPLE = ("several steps", "selections")
"""Kinds of which an engine can be right before it is right for all."""

UNARY = ("abs", "exp", "negative", "positive", "sqrt", "square", "tanh")
BINARY = ("add", "divide", "maximum", "minimum", "multiply", "subtract")
REDUCED = ("max", "min", "sum")
RARE_UNARY = (
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "bitwise_invert", "ceil", "cos", "cosh", "expm1", "floor",
    "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2", "logical_not", "reciprocal", "sign", "sin", "sinh",
    "tan", "trunc",
)  # fmt: skip
RARE_BINARY = (
    "atan2", "bitwise_and", "bitwise_or", "bitwise_xor", "equal", "floor_divide", "greater", "greater_equal", "hypot",
    "less", "less_equal", "logaddexp", "logical_and", "logical_or", "logical_xor", "not_equal", "pow", "remainder",
)  # fmt: skip
RARE_REDUCED = ("all", "any", "mean", "prod")
OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "lt", "ge", "eq")

INTEGERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
# No large number beside its negative: what is left of a sum of both depends on its order.
SPECIAL = (np.nan, np.inf, -np.inf, -0.0, 0.0, 5e-324, -1e-310, 1e300, -1e250, 1e-40, 3e38, 88.0, -745.0)
COMMON_NUMBERS = (0.5, -0.5, 2.0, 1.0, 3)
NUMBERS = (0, 1, 2, -1, 0.0, -0.0, 0.1, -2.0, 300, True, False)

ROWS = 5
"""Rows of the data."""

Choose = Callable[[Sequence[Any]], Any]
Kinds = Collection[str]


class Step(NamedTuple):
    """An operation: its form, its arrays by number, and its other arguments."""

    form: str
    arrays: tuple[int, ...]
    options: tuple[Any, ...] = ()


class Drawn(NamedTuple):
    """A function with its arguments.

    Attributes:
        carry: The arrays that are carried from step to step.
        data: The arrays whose rows it is fed with.
        rows: Which rows, (steps, rows per step).
        steps: Its operations, on the carry, then the rows, then the results of the steps before.
        outs: The carry that it gives, by number.
        results: The results that it gives, by number.
        refused: A step that NumPy refuses, to come last; None where it refused none.
    """

    carry: tuple[np.ndarray, ...]
    data: tuple[np.ndarray, ...]
    rows: np.ndarray
    steps: tuple[Step, ...]
    outs: tuple[int, ...]
    results: tuple[int, ...]
    refused: Step | None

    def __repr__(self) -> str:
        inputs = [f"{'carry' if i < len(self.carry) else 'data '} t{i}: {a.dtype}{list(a.shape)}"
                  for i, a in enumerate((*self.carry, *self.data))]  # fmt: skip
        steps = [
            f"t{i} = {step.form}({', '.join([*(f't{array}' for array in step.arrays), *map(repr, step.options)])})"
            for i, step in enumerate(self.steps, len(inputs))
        ]
        outputs = f"rows {self.rows.tolist()}, gives {self.outs} and {self.results}, refused {self.refused}"
        return "\n".join([*inputs, *steps, outputs])


def functions(kinds: Kinds = KINDS) -> st.SearchStrategy[Drawn]:
    """Functions of these kinds, for hypothesis."""

    @st.composite
    def strategy(draw: Any) -> Drawn:
        return _drawn(lambda options: draw(st.sampled_from(options)), kinds)

    return strategy()


def function(seed: int, kinds: Kinds = KINDS) -> Drawn:
    """The function of a seed."""
    rng = np.random.default_rng(seed)
    return _drawn(lambda options: options[int(rng.integers(len(options)))], kinds)


def arrays_for(drawn: Drawn) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Copies of the carry and the data of a drawn function."""
    return tuple(map(np.array, drawn.carry)), tuple(map(np.array, drawn.data))


def body(drawn: Drawn, *, refused: bool = False) -> Callable[..., Any]:
    """The function itself; with the step at its end that NumPy refuses, if asked for."""
    steps = (*drawn.steps, drawn.refused) if refused else drawn.steps

    def run(carry: Any, batch: Any, *, xp: Any) -> Any:
        known = [*carry, *batch]
        for step in steps:
            known.append(_done(step, known, xp))
        results = (*drawn.results, -1) if refused else drawn.results
        return tuple(known[i] for i in drawn.outs), tuple(known[i] for i in results)

    return run


def dtypes(drawn: Drawn) -> set[str]:
    """Names of all dtypes that a function computes with, on the rows of its first step."""
    known = [*drawn.carry, *(np.take(one, drawn.rows[0], axis=0) for one in drawn.data)]
    with quiet():
        for step in drawn.steps:
            known.append(_done(step, known, np))
    return {one.dtype.name for one in known}


@contextmanager
def quiet() -> Iterator[None]:
    """A context in which NumPy does not warn, of overflow or of means of nothing."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _drawn(choose: Choose, kinds: Kinds) -> Drawn:
    """A function, drawn on the rows of its first step."""
    rng = np.random.default_rng(choose(range(1000)))
    main = choose(("float64", "float64", "float32")) if "float32" in kinds else "float64"
    dtypes = (main, *(INTEGERS if "integers" in kinds else ()), *(("float16",) if "float16" in kinds else ()))

    def array(shape: tuple[int, ...]) -> np.ndarray:
        dtype = main if choose(range(4)) else choose(dtypes)
        return _numbers(rng, shape, np.dtype(dtype), "special values" in kinds and choose((False, False, True)))

    sizes = (*(1, 2, 3, 4, 5), *((17, 40) if choose(range(6)) == 0 else ()), *((0,) if "no elements" in kinds else ()))
    m, n, rows = choose(sizes), choose(sizes), choose((1, 2, 3))
    shapes = [(m, n), (n, m), (n,), (), (1, n), (m, 1), (n, n), (rows, n)]
    shapes += [(m,), (rows,)] if "dropped axes" in kinds else []
    shapes += [(2, m, n), (m, 1, n)] if "three axes" in kinds else []
    carry = tuple(array(choose(shapes)) for _ in range(choose((1, 2, 3))))
    fed = [(n,), (m,), *([()] if "fed vectors" in kinds else []), *([(2, n)] if "three axes" in kinds else [])]
    data = tuple(array((ROWS, *choose(fed))) for _ in range(choose((1, 2))))
    count = choose((1, 2, 3)) if "several steps" in kinds else 1
    chosen = np.asarray([[choose(range(ROWS)) for _ in range(rows)] for _ in range(count)])

    known: list[Any] = [*carry, *(np.take(one, chosen[0], axis=0) for one in data)]
    allowed = {main} if not {"integers", "rare operations"} & set(kinds) else {main, "float32", "float64", *dtypes}
    steps, refused, most_axes = [], None, 3 if "three axes" in kinds else 2
    with quiet():
        for _ in range(choose(range(1, 16))):
            step = _step(choose, known, kinds)
            if step is None:
                continue
            try:
                result = _done(step, known, np)
            except (TypeError, ValueError, ArithmeticError, IndexError):
                refused = step
                continue
            if np.size(result) <= 4000 and np.ndim(result) <= most_axes and result.dtype.name in allowed:
                steps.append(step)
                known.append(result)
    late = range(len(known)) if "old carry" in kinds else range(len(carry), len(known))
    outs = [[j for j in range(len(known)) if _alike(known[j], one)] for one in carry]
    results = tuple(choose((choose(late), len(known) - 1)) for _ in range(choose((1, 2))))
    return Drawn(
        carry, data, chosen, tuple(steps), tuple(choose((choose(fit), fit[-1])) for fit in outs), results, refused
    )


def _alike(one: Any, other: Any) -> bool:
    """Whether one can take the other's place in a carry."""
    return np.shape(one) == np.shape(other) and one.dtype == other.dtype


def _numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype, special: bool) -> np.ndarray:
    """Small numbers, some of them halves and quarters; special ones among them if asked for."""
    if dtype.kind in "biu":
        return rng.integers(0 if dtype.kind == "u" else -4, 5, size=shape).astype(dtype)
    numbers = rng.normal(size=shape) if rng.random() < 0.6 else rng.integers(-8, 9, size=shape) / 4
    if special:
        numbers = np.where(rng.random(shape) < 0.3, rng.choice(SPECIAL, size=shape), numbers)
    with np.errstate(all="ignore"):
        return np.asarray(numbers).astype(dtype)


def _step(choose: Choose, known: Sequence[Any], kinds: Kinds) -> Step | None:
    """A step that NumPy may refuse; None where no array fits it."""
    rare = "rare operations" in kinds and choose(range(3)) == 0
    number = choose(NUMBERS if rare else COMMON_NUMBERS)
    i = choose((choose(range(len(known))), len(known) - 1))
    j = choose((choose(range(len(known))), choose([j for j, other in enumerate(known) if _fits(other, known[i])])))
    axes = range(-np.ndim(known[i]) - rare, np.ndim(known[i]) + rare) or (None,)
    forms = [*["unary", "number", "product"] * 3, *["binary", "reduce"] * 5, "search", "view", "where", "descent"]
    forms += ["power", "power"] if "powers" in kinds else []
    forms += ["clip", "take", "astype", "full_like", "asarray", "operator"] if "selections" in kinds else []
    forms += ["reshape", "permute", "expand", "squeeze"] if "three axes" in kinds else []
    form = choose(forms)
    if form == "unary":
        return Step(choose(RARE_UNARY if rare else UNARY), (i,))
    if form == "binary":
        return Step(choose(RARE_BINARY if rare else BINARY), (i, j))
    if form == "operator":
        return Step(form, (i, j) if choose((True, False)) else (i,), (choose(OPERATORS), number))
    if form == "number":
        return Step(form, (i,), (choose(RARE_BINARY if rare else BINARY), number, choose((True, False))))
    if form == "reduce":
        keep = choose((True, False)) if "dropped axes" in kinds else True
        axis = choose((None, (), tuple(axes), choose(axes))) if "dropped axes" in kinds else choose(axes)
        return Step(form, (i,), (choose(RARE_REDUCED if rare else REDUCED), axis, keep))
    if form == "search":
        along = choose(axes) if "dropped axes" in kinds else np.ndim(known[i]) - 1
        return Step(
            form, (i,), (choose(("argmax", "argmin")), along, "dropped axes" not in kinds or choose((True, False)))
        )
    if form == "view":
        return Step(form, (i,), (choose(("T", "None", ":, None", "..., None", "...", "()")),))
    if form == "where":
        return Step(form, (j, i, choose((i, j))), (rare,))
    if form in ("product", "descent"):
        return _product(choose, known, form, "old carry" in kinds)
    if form == "power":
        return Step(form, (i,), (choose((2, 0.5, -1, 3, 1, 0, 2.0, -1.0, 1.5, True)), choose((False, False, True))))
    if form == "clip":
        return Step(form, (i,), (choose((None, -1, 0.0, -0.5)), choose((None, 1, 2.0, 300))))
    if form == "take":
        indices = [j for j, other in enumerate(known) if other.dtype.kind in "iu" and np.ndim(other) <= 1]
        return Step(form, (i, choose(indices)), (choose(axes),)) if indices else None
    if form in ("astype", "full_like", "asarray"):
        dtypes = ("float32", "float64", *(INTEGERS if "integers" in kinds else ()))
        return Step(form, (i,), (choose(dtypes), choose((True, False)) if form == "astype" else number))
    if form == "reshape":
        size, last = np.size(known[i]), np.shape(known[i])[-1:] or (1,)
        return Step(form, (i,), (choose(((-1,), (size,), (1, size), np.shape(known[i])[::-1], (-1, *last))),))
    if form == "permute":
        order = list(range(np.ndim(known[i])))
        return Step(form, (i,), (tuple(order.pop(choose(range(len(order)))) for _ in range(len(order))),))
    return Step(form, (i,), (choose(axes) if form == "squeeze" else choose(range(-1, np.ndim(known[i]) + 1)),))


def _product(choose: Choose, known: Sequence[Any], form: str, in_place: bool) -> Step | None:
    """A matrix product of factors as they lie or turned, or a step down along one."""
    matrices = [(i, turned) for i, one in enumerate(known) if np.ndim(one) == 2 for turned in (False, True)]
    pairs = [
        ((i, j), (turned, also))
        for i, turned in matrices
        for j, also in matrices
        if known[i].shape[not turned] == known[j].shape[also]
    ]
    if not pairs:
        return None
    (i, j), (turned, also) = choose(pairs)
    if form == "product" or not in_place:
        return Step("product", (i, j), (turned, also))
    shape = known[i].shape[turned], known[j].shape[not also]
    targets = [k for k, one in enumerate(known) if np.shape(one) == shape]
    if not targets:
        return None
    return Step(form, (choose(targets), i, j), (turned, also, choose((None, 0.1, 1)), choose((None, 0.9))))


def _fits(one: Any, other: Any) -> bool:
    """Whether two shapes go together."""
    return all(a == b or 1 in (a, b) for a, b in zip(np.shape(one)[::-1], np.shape(other)[::-1], strict=False))


def _done(step: Step, known: Sequence[Any], xp: Any) -> Any:
    """The result of a step."""
    arrays = [known[i] for i in step.arrays]
    return FORMS[step.form](xp, *arrays, *step.options) if step.form in FORMS else getattr(xp, step.form)(*arrays)


def _where(xp: Any, condition: Any, one: Any, other: Any, raw: bool) -> Any:
    return xp.where(condition if raw or condition.dtype == xp.bool else condition > 0, one, other)


def _times(a: Any, b: Any, turned: bool, also: bool) -> Any:
    return (a.T if turned else a) @ (b.T if also else b)


def _descent(xp: Any, w: Any, a: Any, b: Any, turned: bool, also: bool, alpha: Any, beta: Any) -> Any:
    product = _times(a, b, turned, also)
    return (w if beta is None else beta * w) - (product if alpha is None else alpha * product)


VIEWS: dict[str, Callable[[Any], Any]] = {
    "T": lambda x: x.T,
    "None": lambda x: x[None],
    ":, None": lambda x: x[:, None],
    "..., None": lambda x: x[..., None],
    "...": lambda x: x[...],
    "()": lambda x: x[()],
}

FORMS: dict[str, Callable[..., Any]] = {
    "number": lambda xp, x, name, number, first: getattr(xp, name)(*((number, x) if first else (x, number))),
    "operator": lambda xp, x, *others: getattr(operator, others[-2])(x, others[0 if len(others) == 3 else -1]),
    "reduce": lambda xp, x, name, axis, keepdims: getattr(xp, name)(x, axis=axis, keepdims=keepdims),
    "search": lambda xp, x, name, axis, keepdims: xp.astype(
        getattr(xp, name)(x, axis=axis, keepdims=keepdims), x.dtype
    ),
    "view": lambda xp, x, name: VIEWS[name](x),
    "where": _where,
    "product": lambda xp, a, b, turned, also: _times(a, b, turned, also),
    "descent": _descent,
    "power": lambda xp, x, exponent, swapped: exponent**x if swapped else x**exponent,
    "clip": lambda xp, x, low, high: xp.clip(x, low, high),
    "take": lambda xp, x, indices, axis: xp.take(x, indices, axis=axis),
    "astype": lambda xp, x, dtype, copy: xp.astype(x, getattr(xp, dtype), copy=copy),
    "full_like": lambda xp, x, dtype, number: xp.full_like(x, number, dtype=getattr(xp, dtype)),
    "asarray": lambda xp, x, dtype, number: x * xp.asarray(number, dtype=getattr(xp, dtype)),
    "reshape": lambda xp, x, shape: xp.reshape(x, shape),
    "permute": lambda xp, x, axes: xp.permute_dims(x, axes),
    "expand": lambda xp, x, axis: xp.expand_dims(x, axis=axis),
    "squeeze": lambda xp, x, axis: xp.squeeze(x, axis=axis),
}
"""The forms of operations that are more than a function of the standard on arrays."""
