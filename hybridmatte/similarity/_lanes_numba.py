"""Vector operations for Numba kernels, of LANES numbers at a time; for searches of nearest neighbours.

A compiler does not find these in a loop: a mask of bits from a comparison, and an insertion into a sorted list without
a branch. Processors with narrower vectors do the same in more instructions.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16  # float32 numbers in a vector
FLOAT, INT = ir.FloatType(), ir.IntType(32)


def _vector_pointer(context, builder, array_type, array, position, n):
    """Return the address of the n numbers from a position of a contiguous array on, as a vector."""
    data = context.make_array(array_type)(context, builder, array).data
    vector = ir.VectorType(FLOAT if array_type.dtype == types.float32 else INT, n)
    return builder.bitcast(builder.gep(data, [position]), vector.as_pointer())


def _splat(builder, value, n):
    """Return a vector of n times the same number."""
    one = builder.insert_element(ir.Constant(ir.VectorType(value.type, n), ir.Undefined), value, INT(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(INT, n), [0] * n))


def _mask_intrinsic(n):
    """Return an intrinsic that compares n numbers of an array, at most 32."""

    @intrinsic
    def mask_at_most(_, values, start, bound):
        """Return an integer whose bit p says whether values[start + p], float32, is at most `bound`."""

        def generate(context, builder, result, arguments):
            vector = builder.load(_vector_pointer(context, builder, values, *arguments[:2], n), align=4)
            bits = builder.fcmp_ordered("<=", vector, _splat(builder, arguments[2], n))
            return builder.zext(builder.bitcast(bits, ir.IntType(n)), ir.IntType(64))

        return types.int64(values, types.int64, types.float32), generate

    return mask_at_most


mask_of_16, mask_of_32 = _mask_intrinsic(16), _mask_intrinsic(32)


@intrinsic
def lowest_bit(_, mask):
    """Return the number of the lowest bit that is set in an integer other than 0."""

    def generate(context, builder, result, arguments):
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.int64), generate


@intrinsic
def insert_in_lanes(_, keys, labels, start, key, label, carried_key, carried_label):
    """Insert a key and its label into LANES ascending keys, float32, and their labels, int32, from `start` on.

    The new key stands behind equal ones. Return the last key and label, which are pushed out: they are the carried ones
    of the next LANES keys of a longer list. Those of the first LANES keys are any label and a key below all others.
    """

    def generate(context, builder, result, arguments):
        rows = [
            _vector_pointer(context, builder, kind, array, arguments[2], LANES)
            for kind, array in zip((keys, labels), arguments[:2], strict=True)
        ]
        old_keys, old_labels = (builder.load(row, align=4) for row in rows)
        order = ir.Constant(ir.VectorType(INT, LANES), [LANES, *range(LANES - 1)])
        before, labels_before = (
            builder.shuffle_vector(vector, _splat(builder, carried, LANES), order)
            for vector, carried in zip((old_keys, old_labels), arguments[5:], strict=True)
        )
        new_key, new_label = (_splat(builder, value, LANES) for value in arguments[3:5])
        stays, moves = (builder.fcmp_ordered("<=", vector, new_key) for vector in (old_keys, before))
        # the least of old and (the greatest of new and the one before): a selection would become a masked store here,
        # from which the next load has to wait
        kind = ir.FunctionType(old_keys.type, [old_keys.type] * 2)
        least, greatest = (
            cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}f32")
            for name in ("minnum", "maxnum")
        )
        flags = ("nnan",)
        moved = builder.call(greatest, [before, new_key], fastmath=flags)
        builder.store(builder.call(least, [old_keys, moved], fastmath=flags), rows[0], align=4)
        moved = builder.select(moves, new_label, labels_before)
        builder.store(builder.select(stays, old_labels, moved), rows[1], align=4)
        last = [builder.extract_element(vector, INT(LANES - 1)) for vector in (old_keys, old_labels)]
        return context.make_tuple(builder, result.return_type, last)

    numbers = (types.int64, types.float32, types.int32, types.float32, types.int32)
    return types.Tuple((types.float32, types.int32))(keys, labels, *numbers), generate
