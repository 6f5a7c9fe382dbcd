"""Matrix products of a few rows and a few vectors, which the larger ones of compiled plans are put together from.

Addresses and strides are in bytes; numba knows no vectors, so that these functions are written in LLVM's own terms.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_REAL = {"float32": (types.float32, ir.FloatType(), 4), "float64": (types.float64, ir.DoubleType(), 8)}
_WORD, _INT = ir.IntType(64), ir.IntType(32)


class _Vectors:
    """Vectors of so many lanes, in a function that is being built; a last one may have fewer that count."""

    def __init__(self, builder, dtype, lanes, rest=0):
        self.number, self.real, self.size = _REAL[dtype]
        self.builder, self.lanes = builder, lanes
        self.type = ir.VectorType(self.real, lanes)
        self.zero = ir.Constant(self.type, [0.0] * lanes)
        self._bits = ir.VectorType(ir.IntType(1), lanes)
        self._mask = ir.Constant(self._bits, [lane < rest for lane in range(lanes)])

    def load(self, address, partly=False):
        """The numbers from there on; zeros for those that do not count."""
        pointer, align = self._pointer(address), ir.Constant(_INT, self.size)
        if not partly:
            return self.builder.load(pointer, align=self.size)
        kinds = [pointer.type, _INT, self._bits, self.type]
        return self._call("masked.load", self.type, kinds, [pointer, align, self._mask, self.zero], ".p0")

    def store(self, vector, address, partly=False):
        """Put the numbers there, if they count."""
        pointer, align = self._pointer(address), ir.Constant(_INT, self.size)
        if not partly:
            self.builder.store(vector, pointer, align=self.size)
            return
        kinds = [self.type, pointer.type, _INT, self._bits]
        self._call("masked.store", ir.VoidType(), kinds, [vector, pointer, align, self._mask], ".p0")

    def spread(self, number):
        """A number in all lanes."""
        one = self.builder.insert_element(ir.Constant(self.type, ir.Undefined), number, ir.Constant(_INT, 0))
        return self.builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(_INT, self.lanes), [0] * self.lanes))

    def read(self, address):
        """The number there, in all lanes."""
        return self.spread(self.builder.load(self.builder.inttoptr(address, self.real.as_pointer()), align=self.size))

    def chosen(self, one, other, lanes):
        """Some lanes of two vectors, those of the other counted on."""
        return self.builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(_INT, self.lanes), lanes))

    def sum(self, a, b, c):
        """a·b + c, rounded once where the CPU can."""
        return self._call("fmuladd", self.type, [self.type] * 3, [a, b, c])

    def at(self, address, offset):
        """An address so many bytes on."""
        return self.builder.add(address, ir.Constant(_WORD, offset))

    def _pointer(self, address):
        return self.builder.inttoptr(address, self.type.as_pointer())

    def _call(self, name, result, kinds, arguments, pointers=""):
        """One of LLVM's own functions of vectors."""
        module = self.builder.module
        full = f"llvm.{name}.v{self.lanes}f{8 * self.size}{pointers}"
        function = module.globals.get(full) or ir.Function(module, ir.FunctionType(result, kinds), full)
        return self.builder.call(function, arguments)


def _called(builder, name, arguments, write):
    """Call a function of the module, which `write(builder, arguments)` writes when it is first called."""
    module = builder.module
    function = module.globals.get(name)
    if function is None:
        kinds = [argument.type for argument in arguments]
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        inside = ir.IRBuilder(function.append_basic_block())
        write(inside, function.args)
        inside.ret_void()
    builder.call(function, arguments)


def tile(dtype, lanes, rows, vectors, rest, a_row, a_next, b_next, c_row):
    """The function (a, b, c, k, alpha, beta): c ← alpha·a·b + beta·c for some rows of a and some columns of b.

    Each of the rows times vectors of c stays in a register while k numbers of a row of a, and vectors of b, go by.

    Args:
        dtype: Of all three.
        lanes: Numbers a vector.
        rows: Rows of a and c.
        vectors: Vectors of a row of b and c, which follow each other there.
        rest: How many numbers of the last vector count, or 0 for all.
        a_row: From a row of a to the next.
        a_next: From a number in a row of a to the next.
        b_next: From a row of b to the next.
        c_row: From a row of c to the next; where beta is 0 they are not read.
    """
    number = _REAL[dtype][0]
    name = f"xpnet.tile.{dtype}.{lanes}.{rows}.{vectors}.{rest}.{a_row}.{a_next}.{b_next}.{c_row}"

    def write(builder, arguments):
        a, b, c, k, alpha, beta = arguments
        of = _Vectors(builder, dtype, lanes, rest)
        places = [(i, j) for i in range(rows) for j in range(vectors)]
        partly = [bool(rest) and j == vectors - 1 for j in range(vectors)]
        begin, loop, end = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.branch(loop)

        builder.position_at_end(loop)
        left, from_a, from_b = (builder.phi(_WORD) for _ in range(3))
        sums = {place: builder.phi(of.type) for place in places}
        row = [of.load(of.at(from_b, j * lanes * of.size), partly[j]) for j in range(vectors)]
        added = {}
        for i in range(rows):
            factor = of.read(of.at(from_a, i * a_row))
            for j in range(vectors):
                added[i, j] = of.sum(factor, row[j], sums[i, j])
        following = [of.at(left, -1), of.at(from_a, a_next), of.at(from_b, b_next)]
        for phi, first, then in (
            *zip((left, from_a, from_b), (k, a, b), following, strict=True),
            *((sums[place], of.zero, added[place]) for place in places),
        ):
            phi.add_incoming(first, begin)
            phi.add_incoming(then, loop)
        builder.cbranch(builder.icmp_signed(">", following[0], ir.Constant(_WORD, 0)), loop, end)

        builder.position_at_end(end)
        by_alpha, by_beta = of.spread(alpha), of.spread(beta)
        targets = {(i, j): of.at(c, i * c_row + j * lanes * of.size) for i, j in places}
        with builder.if_else(builder.fcmp_ordered("==", beta, ir.Constant(of.real, 0.0))) as (anew, on_top):
            with anew:
                for place in places:
                    of.store(builder.fmul(by_alpha, added[place]), targets[place], partly[place[1]])
            with on_top:
                for place in places:
                    old = builder.fmul(by_beta, of.load(targets[place], partly[place[1]]))
                    of.store(of.sum(by_alpha, added[place], old), targets[place], partly[place[1]])

    @intrinsic
    def run(typing, a, b, c, k, alpha, beta):
        def generate(context, builder, signature, arguments):
            _called(builder, name, arguments, write)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 4, number, number), generate

    return run


def turned(dtype, lanes, rows, columns, from_row, to_row):
    """The function (source, target): a square block with its rows as columns.

    Args:
        dtype: Of the numbers.
        lanes: Numbers a vector, and rows and columns of the block.
        rows: How many of the source's rows there are; zeros stand for the others.
        columns: How many of its columns there are; the others are left out.
        from_row: From a row of the source to the next.
        to_row: From a row of the target to the next.
    """
    name = f"xpnet.turned.{dtype}.{lanes}.{rows}.{columns}.{from_row}.{to_row}"

    def write(builder, arguments):
        source, target = arguments
        of = _Vectors(builder, dtype, lanes, columns % lanes)
        block = [of.load(of.at(source, i * from_row), columns < lanes) for i in range(rows)]
        block += [of.zero] * (lanes - rows)
        # Quarters change places, then the quarters of each, down to single numbers.
        width = lanes // 2
        while width:
            swapped = [lane if lane % (2 * width) < width else lanes + lane - width for lane in range(lanes)]
            others = [lane + width if lane % (2 * width) < width else lanes + lane for lane in range(lanes)]
            for i in range(lanes):
                if not i & width:
                    one, other = block[i], block[i + width]
                    block[i], block[i + width] = of.chosen(one, other, swapped), of.chosen(one, other, others)
            width //= 2
        for j in range(columns):
            of.store(block[j], of.at(target, j * to_row))

    return _mover(name, write)


def line(dtype, lanes, vectors, rest):
    """The function (source, target): some vectors that follow each other, copied; the last one may be a part of one."""
    name = f"xpnet.line.{dtype}.{lanes}.{vectors}.{rest}"

    def write(builder, arguments):
        source, target = arguments
        of = _Vectors(builder, dtype, lanes, rest)
        for j in range(vectors):
            partly = bool(rest) and j == vectors - 1
            of.store(of.load(of.at(source, j * lanes * of.size), partly), of.at(target, j * lanes * of.size))

    return _mover(name, write)


def _mover(name, write):
    """A function of two addresses."""

    @intrinsic
    def run(typing, source, target):
        def generate(context, builder, signature, arguments):
            _called(builder, name, arguments, write)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    return run
