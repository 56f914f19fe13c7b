"""Share one call of a kernel between threads in a microsecond; used by ``threads.py``.

A team is an array of TEAM_SIZE int64 words that one calling thread shares with the workers that serve it. No one holds
the GIL meanwhile: the threads poll the array. To share a call, the calling thread writes the address of the kernel, its
arguments and the number of pieces, and then the word CLAIM: the number of this call (upper 32 bits), the number of
ranges into which the pieces are divided (16 bits), and the ranges claimed so far (lower 16 bits). Whoever can raise the
last number by one with a compare-and-swap, which fails if another thread has changed the word, has claimed that range
and computes it. The calling thread claims ranges like the others, so it never waits for a worker that has not begun.

On a busy machine the system stops a worker in the middle of a range, for several milliseconds. So the calling thread
polls for a tenth of a millisecond only, and then sleeps between polls.
"""

import platform
from functools import partial
from types import FunctionType

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from hybridmatte.linalg._cache_numba import open_cache

TEAM_SIZE = 512
# positions in a team; a gap of eight words keeps words that different threads write on different cache lines
CLAIM, ENTRY, PIECES, ENDED, FAILED, SUMMONS, LEFT, LONG_ENDED, ARGUMENTS = 0, 8, 9, 16, 17, 24, 32, 33, 40
WORD = ir.IntType(64)
ENTRY_TYPE = ir.FunctionType(ir.IntType(32), [WORD] * 3)
HAS_PAUSE = platform.machine() in ("x86_64", "AMD64")
IDLE_POLLS = 10_000 if HAS_PAUSE else 300_000  # about half a millisecond; then an idle worker goes back to sleep
WAIT_POLLS = IDLE_POLLS // 5  # about a tenth of a millisecond; then a thread that waits for a worker sleeps
SETTLE_POLLS = IDLE_POLLS // 50  # about ten microseconds, in which the calling thread releases the GIL
SLEEP, NAP = ("Sleep", 0) if platform.system() == "Windows" else ("usleep", 50)  # milliseconds and microseconds

sleep = types.ExternalFunction(SLEEP, types.int32(types.uint32))


def kernel(function=None, *, allocates=False, noalias=False, **options):
    """Compile a function; `options` are those of `numba.njit`. A function that creates arrays must say `allocates`.

    Any other function does not count references to its arrays. The counters are atomic: where a loop takes views of
    arrays or passes them on, they made a kernel take 2.5 times as long. With `noalias`, the compiler assumes that
    no array that the function writes overlaps another argument. It then vectorises loops over many arrays.
    """
    if function is None:
        return partial(kernel, allocates=allocates, noalias=noalias, **options)
    if numba.config.DISABLE_JIT:
        raise ImportError("NUMBA_DISABLE_JIT is set, expected 0 or unset: the kernels need Numba's compiler")
    dispatcher = numba.njit(function, nogil=True, error_model="numpy", _nrt=allocates, **options)
    dispatcher._cache = open_cache(function)  # instead of the option `cache`
    if noalias:
        dispatcher._compiler._customize_flags = without_aliases
    return dispatcher


def without_aliases(flags):
    """Return the flags of a compilation with the promise that no array overlaps one that is written."""
    flags.noalias = True
    return flags


@intrinsic
def pack_call(_, body, team, arguments):
    """Write into a team the address of a function (address of a team, first, last) that runs `body`, and `arguments`.

    `body` is a kernel, `arguments` the tuple of its arguments after first and last. The team holds no references to
    arrays: the caller must keep them until the call has ended.
    """
    signature = body.get_call_type(_, (types.int64, types.int64, *arguments.types), {})

    def generate(context, builder, result, values):
        compiled = body.dispatcher.get_compile_result(signature)
        context.add_linking_libs([compiled.library])
        callee = context.declare_function(builder.module, compiled.fndesc)
        packed = values[2].type.as_pointer()
        room = 8 * (TEAM_SIZE - ARGUMENTS)
        if context.get_abi_sizeof(values[2].type) > room:
            raise NotImplementedError(f"a short kernel whose arguments take more than {room} bytes")
        entry = ir.Function(builder.module, ENTRY_TYPE, builder.module.get_unique_name("entry"))
        entry.linkage = "internal"
        inside = ir.IRBuilder(entry.append_basic_block())
        address, first, last = entry.args
        items = inside.load(inside.inttoptr(inside.add(address, WORD(8 * ARGUMENTS)), packed))
        given = [first, last, *cgutils.unpack_tuple(inside, items, len(arguments.types))]
        status, _ = context.call_conv.call_function(inside, callee, types.none, signature.args, given)
        inside.ret(status.code)
        words = context.make_array(team)(context, builder, values[1]).data
        builder.store(builder.ptrtoint(entry, WORD), builder.gep(words, [WORD(ENTRY)]))
        builder.store(values[2], builder.bitcast(builder.gep(words, [WORD(ARGUMENTS)]), packed))
        return context.get_dummy_value()

    return types.void(body, team, arguments), generate


@intrinsic
def call_entry(_, team, first, last):
    """Run pieces first to last - 1 of the call that is packed in a team; return its error code, 0 for success."""

    def generate(context, builder, result, values):
        words = context.make_array(result.args[0])(context, builder, values[0]).data
        entry = builder.load(builder.gep(words, [WORD(ENTRY)]))
        given = [builder.ptrtoint(words, WORD), values[1], values[2]]
        return builder.call(builder.inttoptr(entry, ENTRY_TYPE.as_pointer()), given)

    return types.int32(team, types.int64, types.int64), generate


@intrinsic
def pause(_):
    """Tell the processor, where it has an instruction for that, that this thread is polling."""

    def generate(context, builder, result, values):
        if HAS_PAUSE:
            instruction = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, instruction, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), generate


def word_pointer(context, builder, result, values):
    """Return a pointer to the word values[1] of the team values[0]."""
    return builder.gep(context.make_array(result.args[0])(context, builder, values[0]).data, [values[1]])


@intrinsic
def load(_, team, position):
    """Return a word; what its writer wrote before it is seen, too."""

    def generate(context, builder, result, values):
        return builder.load_atomic(word_pointer(context, builder, result, values), "acquire", 8)

    return types.int64(team, types.int64), generate


@intrinsic
def store(_, team, position, value):
    """Write a word; who reads it sees what was written before it, too."""

    def generate(context, builder, result, values):
        builder.store_atomic(values[2], word_pointer(context, builder, result, values), "release", 8)
        return context.get_dummy_value()

    return types.void(team, types.int64, types.int64), generate


@intrinsic
def add(_, team, position, value):
    """Add to a word in one step that no other thread interrupts."""

    def generate(context, builder, result, values):
        return builder.atomic_rmw("add", word_pointer(context, builder, result, values), values[2], "seq_cst")

    return types.int64(team, types.int64, types.int64), generate


@intrinsic
def compare_and_swap(_, team, position, expected, value):
    """Write `value` if the word is `expected`, in one step that no other thread interrupts; return whether it was."""

    def generate(context, builder, result, values):
        pointer = word_pointer(context, builder, result, values)
        return builder.extract_value(builder.cmpxchg(pointer, values[2], values[3], "seq_cst"), 1)

    return types.boolean(team, types.int64, types.int64, types.int64), generate


@kernel
def run_ranges(team):
    """Claim and compute ranges of the current call until none is left; return whether there was one."""
    has_worked = False
    while True:
        claim = load(team, CLAIM)
        count, k = (claim >> 16) & 0xFFFF, claim & 0xFFFF
        if k == count:
            return has_worked
        if compare_and_swap(team, CLAIM, claim, claim + 1):
            has_worked = True
            if call_entry(team, k * team[PIECES] // count, (k + 1) * team[PIECES] // count) != 0:
                add(team, FAILED, 1)
            add(team, ENDED, 1)


@kernel
def serve(team, summons, n_long):
    """Compute ranges until the word SUMMONS changes or there was nothing to do for half a millisecond.

    `n_long`, 0 or 1, is the number of calls of other kernels that the worker has just ended for this team.
    """
    add(team, LONG_ENDED, n_long)
    idle = 0
    while idle < IDLE_POLLS and load(team, SUMMONS) == summons:
        if run_ranges(team):
            idle = 0
        idle += 1
        pause()
    add(team, LEFT, 1)
    if idle < IDLE_POLLS:
        for _ in range(SETTLE_POLLS):
            pause()


@kernel
def await_long(team, count):
    """Wait until `count` calls of other kernels have ended, or half a millisecond."""
    for _ in range(IDLE_POLLS):
        if load(team, LONG_ENDED) >= count:
            return
        pause()


@kernel
def share_call(team, n_pieces, count):
    """Compute the pieces 0 to n_pieces - 1 of the packed call, in `count` ranges; return how many failed."""
    team[PIECES], team[ENDED], team[FAILED] = n_pieces, 0, 0
    store(team, CLAIM, (((team[CLAIM] >> 32) + 1) << 32) | (count << 16))
    run_ranges(team)
    polls = 0
    while load(team, ENDED) < count:
        if polls < WAIT_POLLS:
            polls += 1
            pause()
        else:
            sleep(NAP)
    return team[FAILED]


def pack(team, *arguments):
    """Pack a call of `body` into a team; `packer_of` makes a copy of this function for each kernel."""
    pack_call(body, team, arguments)  # noqa: F821 - a global of the copy


def packer_of(body, function):
    """Return the compiled copy of `pack` for the kernel `body` of a function; it is cached beside the kernel.

    Numba caches a function with a kernel among its globals, but not one with a kernel in its closure. So the copy gets
    the kernel as a global, and the function's place in the source as its own.
    """
    name = f"pack{function.__name__}"
    place = {"co_filename": function.__code__.co_filename, "co_firstlineno": function.__code__.co_firstlineno}
    copy = FunctionType(pack.__code__.replace(co_name=name, **place), {"body": body, "pack_call": pack_call}, name)
    copy.__qualname__, copy.__module__ = name, function.__module__
    return kernel(copy)
