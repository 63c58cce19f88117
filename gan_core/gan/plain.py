"""The few words of pickle that tensors are saved with, read as data: nothing that it names is run.

A pickle is a program for a stack machine, and with an `OrderedDict`, a `bytearray` or a tuple of
tuples that is hashed, a few bytes of it can take gigabytes or hours. Here every instruction costs
no more than the values that it takes off the stack, and there are only so many instructions.
"""

from __future__ import annotations

import pickletools
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import BinaryIO

import torch

MAX_BYTES = 2_000_000  # of a pickle without its tensors; that of the DCGAN tutorial's G has 2,500
_MOST_STEPS = 200_000  # instructions; that G has 400
_MOST_DIMENSIONS = 8

_DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_NAMES = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    *(f"torch {name}" for name in _DTYPES),
}
_AS_THEY_ARE = {
    *("BINUNICODE", "BINSTRING", "SHORT_BINSTRING"),  # the latter two are Python 2's
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


@dataclass(frozen=True)
class Stored:
    """Numbers that lie outside the pickle: of which kind, under which key, how many."""

    dtype: torch.dtype
    key: str
    count: int


@dataclass(frozen=True)
class View:
    """A tensor as the pickle tells of it: a part of what is stored, no number of it used twice."""

    stored: Stored
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def __post_init__(self) -> None:
        """Compare the view with what is stored. Raises: ValueError."""
        n_dimensions = len(self.shape)
        if len(self.stride) != n_dimensions or n_dimensions > _MOST_DIMENSIONS:
            raise ValueError(f"a tensor has {n_dimensions} dimensions")
        numbers = (self.offset, *self.shape, *self.stride)
        if not all(type(each) is int and 0 <= each < 2**62 for each in numbers):
            raise ValueError("a tensor's shape is not made of numbers")
        steps = zip(self.shape, self.stride, strict=True)
        last = self.offset + sum((size - 1) * step for size, step in steps)
        size = prod(self.shape)
        if size > self.stored.count or (size and last >= self.stored.count):
            held = self.stored.count * self.stored.dtype.itemsize
            raise ValueError(f"it has a tensor of {size} numbers in {held} bytes")
        if size and self._overlaps():
            raise ValueError("it has a tensor that uses a number twice")

    def _overlaps(self) -> bool:
        """Whether a step is no longer than all that lies within it, as after no slice or turn."""
        within = 0
        for step, length in sorted(zip(self.stride, self.shape, strict=True)):
            if length > 1:
                if step <= within:
                    return True
                within += (length - 1) * step
        return False


@dataclass(frozen=True)
class Plain:
    """What a pickle holds: texts, numbers, tuples, lists, dicts by text, and `View`s.

    stored: by its key, all that lies outside of it.
    """

    content: object
    stored: Mapping[str, Stored]


@dataclass(frozen=True)
class _Named:
    """Something of Python's that the pickle names; all that is known of it is the name."""

    name: str


def read_plain(file: BinaryIO) -> Plain:
    """Read one pickle up to its end.

    file: at the start of the pickle; no longer than MAX_BYTES. Left after its last byte.

    Raises: ValueError, IndexError or KeyError when it is damaged, or asks for anything else.
    """
    machine = _Machine()
    for step, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if step >= _MOST_STEPS:
            raise ValueError(f"it has more than {_MOST_STEPS} instructions")
        if opcode.name == "STOP":
            break
        machine.step(opcode.name, argument)
    return Plain(machine.stack.pop(), machine.stored)


class _Machine:
    def __init__(self) -> None:
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[object, object] = {}
        self.stored: dict[str, Stored] = {}

    def step(self, opcode: str, argument: object) -> None:
        """Do one instruction."""
        stack = self.stack
        if opcode in _AS_THEY_ARE:
            stack.append(argument)
        elif opcode in _CONSTANTS:
            stack.append(_CONSTANTS[opcode])
        elif opcode in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif opcode == "MARK":
            self.marks.append(len(stack))
        elif opcode == "GLOBAL":
            stack.append(_named(str(argument)))
        elif opcode != "PROTO":
            self._make(opcode)

    def _make(self, opcode: str) -> None:
        """Make a value of what lies on the stack, or put more into one."""
        stack = self.stack
        if opcode == "EMPTY_DICT":
            stack.append({})
        elif opcode == "EMPTY_LIST":
            stack.append([])
        elif opcode in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(self._take(int(opcode[-1]))))
        elif opcode == "TUPLE":
            stack.append(tuple(self._take_marked()))
        elif opcode in ("APPEND", "APPENDS"):
            values = self._take(1) if opcode == "APPEND" else self._take_marked()
            _list(stack[-1]).extend(values)
        elif opcode in ("SETITEM", "SETITEMS"):
            values = self._take(2) if opcode == "SETITEM" else self._take_marked()
            _put(stack[-1], values)
        elif opcode == "BINPERSID":
            stored = _stored(stack.pop())
            if self.stored.setdefault(stored.key, stored) != stored:
                raise ValueError("it reads the same numbers in two ways")
            stack.append(stored)
        elif opcode == "REDUCE":
            stack.append(_rebuilt(*self._take(2)))
        elif opcode == "BUILD":  # attributes: the versions of modules, which say nothing here
            stack.pop()
        else:
            raise ValueError(f"it has the instruction {opcode}")

    def _take(self, count: int) -> list[object]:
        if len(self.stack) < count:
            raise IndexError("it takes more values than it has")
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    def _take_marked(self) -> list[object]:
        mark = self.marks.pop()
        taken = self.stack[mark:]
        del self.stack[mark:]
        return taken


def _named(name: str) -> _Named:
    if name not in _NAMES:
        raise ValueError(f"it asks for {name.replace(' ', '.'):.60}")
    return _Named(name)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("it appends to what is no list")
    return value


def _put(record: object, values: list[object]) -> None:
    if not isinstance(record, dict) or len(values) % 2:
        raise ValueError("it puts entries into what is no record")
    for key, value in zip(values[::2], values[1::2], strict=True):
        # As text, others not at all: a tuple's hash can take for ever, numbers be made to collide.
        if isinstance(key, (str, int)):
            record[str(key)] = value


def _stored(saved: object) -> Stored:
    """What a persistent id says; before 2020 it ended with None, where a view could be."""
    if isinstance(saved, tuple) and len(saved) == 6 and saved[5] is None:
        saved = saved[:5]
    match saved:
        case ("storage", _Named(name), str(key), str(), int(count)):
            dtype = _DTYPES.get(name.removeprefix("torch "))
            if dtype is not None and count >= 0:
                return Stored(dtype, key, count)
    raise ValueError("it refers to something that is no storage")


def _rebuilt(function: object, arguments: object) -> object:
    match function, arguments:
        case _Named("collections OrderedDict"), ():
            return {}
        case (
            _Named("torch._utils _rebuild_tensor_v2"),
            (Stored() as stored, int(offset), tuple(shape), tuple(stride), *_),
        ):
            return View(stored, offset, shape, stride)
        case _Named("torch._utils _rebuild_parameter"), (View() as view, *_):
            return view
    raise ValueError("it calls something with what it does not take")
