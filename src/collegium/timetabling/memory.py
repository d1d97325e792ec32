# mypy: ignore-errors
"""Many arrays as one argument of compiled functions.

The search works on some fifty arrays. As arguments, or as a tuple, each would be
seven words in every call, and compiling would take minutes. Here one pointer leads
to a table with the address and row length of each array, and ``model.classes[c, 3]``
compiles to two loads. Indices are trusted: they are never negative (no wrapping
around) and not checked.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, get_type_hints

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import PrimitiveModel, StructModel, register_default
from numba.core.imputils import lower_builtin, lower_getattr_generic
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer_getattr,
    infer_global,
    signature,
)
from numba.extending import NativeValue, typeof_impl, unbox
from numpy.typing import NDArray

_WORDS = 3  # of a field in the table: address, rows, columns


class Memory:
    """A set of named arrays that compiled functions take as one argument.

    Subclasses name their arrays by annotations of the types below.
    """

    fields: ClassVar[Mapping[str, tuple[type[np.generic], int]]] = {}

    def __init_subclass__(cls) -> None:
        hints = get_type_hints(cls, include_extras=True)
        cls.fields = {
            name: hint.__metadata__
            for name, hint in hints.items()
            if hasattr(hint, "__metadata__")
        }

    def __init__(self, **arrays: NDArray[Any] | int) -> None:
        if arrays.keys() != self.fields.keys():
            raise TypeError(f"Wrong fields: {arrays.keys() ^ self.fields.keys()}.")
        self._table = np.zeros(_WORDS * len(self.fields), np.int64)
        for k, (name, (dtype, n_dimensions)) in enumerate(self.fields.items()):
            value = arrays[name]
            words = self._table[_WORDS * k : _WORDS * k + _WORDS]
            if n_dimensions == 0:
                words[0] = int(value)
            else:
                value = np.require(value, dtype, ["C", "A", "W"])
                if value.ndim != n_dimensions:
                    raise TypeError(f"{name} has {value.ndim} dimensions.")
                words[:] = value.ctypes.data, len(value), value.shape[-1]
            setattr(self, name, value)
        self.address = int(self._table.ctypes.data)


Whole = Annotated[int, np.int64, 0]
List32 = Annotated[NDArray[np.int32], np.int32, 1]
List64 = Annotated[NDArray[np.int64], np.int64, 1]
ListU64 = Annotated[NDArray[np.uint64], np.uint64, 1]
TableU8 = Annotated[NDArray[np.uint8], np.uint8, 2]
Table16 = Annotated[NDArray[np.int16], np.int16, 2]
Table32 = Annotated[NDArray[np.int32], np.int32, 2]
Table64 = Annotated[NDArray[np.int64], np.int64, 2]


class _MemoryType(types.Type):
    def __init__(self, kind: type[Memory]) -> None:
        self.kind = kind
        super().__init__(name=f"Memory({kind.__name__})")


class _GridType(types.Type):
    def __init__(self, dtype: types.Type, n_dimensions: int) -> None:
        self.dtype, self.n_dimensions = dtype, n_dimensions
        super().__init__(name=f"Grid({dtype}, {n_dimensions})")


@register_default(_MemoryType)
class _MemoryModel(PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: _MemoryType) -> None:
        super().__init__(dmm, fe_type, ir.IntType(64).as_pointer())


@register_default(_GridType)
class _GridModel(StructModel):
    def __init__(self, dmm: Any, fe_type: _GridType) -> None:
        members = [
            ("data", types.CPointer(fe_type.dtype)),
            ("rows", types.int64),
            ("columns", types.int64),
        ]
        super().__init__(dmm, fe_type, members)


def _field_type(kind: type[Memory], name: str) -> types.Type | None:
    if name not in kind.fields:
        return None
    dtype, n_dimensions = kind.fields[name]
    if n_dimensions == 0:
        return types.int64
    return _GridType(getattr(types, np.dtype(dtype).name), n_dimensions)


@typeof_impl.register(Memory)
def _typeof(value: Memory, _context: Any) -> _MemoryType:
    return _MemoryType(type(value))


@unbox(_MemoryType)
def _unbox(_type: _MemoryType, value: Any, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(value, "address")
    pointer = c.builder.inttoptr(
        c.pyapi.long_as_ulonglong(address), ir.IntType(64).as_pointer()
    )
    c.pyapi.decref(address)
    return NativeValue(pointer)


@infer_getattr
class _MemoryAttributes(AttributeTemplate):
    key = _MemoryType

    def generic_resolve(self, memory: _MemoryType, name: str) -> types.Type | None:
        return _field_type(memory.kind, name)


@lower_getattr_generic(_MemoryType)
def _get_field(
    context: Any, builder: Any, memory: _MemoryType, pointer: Any, name: str
) -> Any:
    first = _WORDS * list(memory.kind.fields).index(name)
    words = [
        builder.load(builder.gep(pointer, [ir.Constant(ir.IntType(64), first + i)]))
        for i in range(_WORDS)
    ]
    field_type = _field_type(memory.kind, name)
    if field_type == types.int64:
        return words[0]
    grid = cgutils.create_struct_proxy(field_type)(context, builder)
    element = context.get_value_type(field_type.dtype).as_pointer()
    grid.data = builder.inttoptr(words[0], element)
    grid.rows, grid.columns = words[1], words[2]
    return grid._getvalue()  # noqa: SLF001


def _index_type(grid: _GridType) -> types.Type:
    return types.intp if grid.n_dimensions == 1 else types.UniTuple(types.intp, 2)


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        grid = args[0]
        if isinstance(grid, _GridType):
            return signature(grid.dtype, grid, _index_type(grid))
        return None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        grid = args[0]
        if isinstance(grid, _GridType):
            return signature(types.none, grid, _index_type(grid), grid.dtype)
        return None


@infer_global(len)
class _Len(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], _GridType):
            return signature(types.intp, args[0])
        return None


@lower_builtin(len, _GridType)
def _lower_len(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return cgutils.create_struct_proxy(sig.args[0])(context, builder, args[0]).rows


@lower_builtin(operator.getitem, _GridType, types.Any)
def _lower_getitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.load(_pointer(context, builder, sig.args[0], args[0], args[1]))


@lower_builtin(operator.setitem, _GridType, types.Any, types.Any)
def _lower_setitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    builder.store(args[2], _pointer(context, builder, sig.args[0], args[0], args[1]))
    return context.get_dummy_value()


def _pointer(
    context: Any, builder: Any, grid_type: _GridType, value: Any, index: Any
) -> Any:
    grid = cgutils.create_struct_proxy(grid_type)(context, builder, value)
    if grid_type.n_dimensions == 2:
        row, column = cgutils.unpack_tuple(builder, index, 2)
        index = builder.add(builder.mul(row, grid.columns), column)
    return builder.gep(grid.data, [index], inbounds=True)
