"""Load kernels from an object file that kernel_image_builder made: no compiler, no linker, no numba in this process.

The object file (ELF, 64 bits) is compiled for the large code model: references to another place are complete addresses
(on AArch64 also loads from a table of addresses, and calls, which go through a jump next to the code because other
libraries may be too far away). Loading means copying the sections and writing the addresses of symbols.
Sources: System V ABI, chapter 4; its supplements for AMD64 (4.4) and AArch64 (5.7) [M].
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from dsp import _jit

PREFIX = "dsp."  # of the functions that Python may call
NDARRAY = "magwatt_ndarray"  # symbol: the type of numpy's arrays

_ALLOC, _WRITE = 2, 1  # flags of a section
_RELA, _SYMTAB, _NO_BITS = 4, 2, 8  # types of a section
_UNWIND = ".eh_frame"  # only debuggers and C++ exceptions read it
_FASTCALL = 0x80  # METH_FASTCALL
_X86_64, _AARCH64 = 62, 183
# types of relocations; the names are those of the supplements without R_X86_64_ and R_AARCH64_
_ABSOLUTE = {(_X86_64, 1), (_AARCH64, 257)}  # 64, ABS64
_MOVES = {263: 0, 264: 0, 265: 16, 266: 16, 267: 32, 268: 32, 269: 48}  # MOVW_UABS_G0 .. G3: 16 bits of an address
_JUMP26, _CALL26, _GOT_PAGE, _GOT_LOW = 282, 283, 311, 312
_SLOT = struct.Struct("<QIIQ")  # an address; and `ldr x16, #8`, `br x16` with the address behind them
_LOAD_16, _BRANCH_16 = 0x58000050, 0xD61F0200

_kept: list[Any] = []  # memory that loaded functions use, until the process ends


class _Section(NamedTuple):
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int


class _Definition(ctypes.Structure):
    """PyMethodDef of CPython."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def use(read: Callable[[], bytes | None]) -> None:
    """Take the kernels of this package from an image and never import numba; call it before importing the package.

    read: returns the image, or None as long as there is none.
    """
    loaded: dict[str, Callable[..., Any]] = {}

    def kernels() -> dict[str, Callable[..., Any]]:
        if not loaded and (image := read()) is not None:
            loaded.update(load(image))
        return loaded

    _jit.use_image(kernels)


def load(image: bytes) -> dict[str, Callable[..., Any]]:
    """The functions of an object file whose names begin with PREFIX, by name.

    Raises ValueError for a file that is damaged or that needs something else than described above, and OSError if the
    system does not allow memory to become executable.
    """
    try:
        addresses = _load(image)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"damaged kernel image: {error}") from error
    return {name: _callable(name, address) for name, address in addresses.items()}


def _load(image: bytes) -> dict[str, int]:
    if image[:6] != b"\x7fELF\x02\x01":
        raise ValueError("damaged kernel image: no ELF file of 64 bits")
    (machine,) = struct.unpack_from("<H", image, 18)
    (table,) = struct.unpack_from("<Q", image, 40)
    size, count, names = struct.unpack_from("<HHH", image, 58)
    sections = [_Section(*struct.unpack_from("<IIQQQQIIQQ", image, table + k * size)) for k in range(count)]
    places: dict[int, int] = {}
    end = 0
    for k, section in enumerate(sections):
        if section.flags & _ALLOC and section.size and _text(image, sections[names], section.name) != _UNWIND:
            end = -(-end // max(section.align, 1)) * max(section.align, 1)
            places[k] = end
            end += section.size
    symtab = next(section for section in sections if section.type == _SYMTAB)
    slots = -(-end // 8) * 8
    memory = mmap.mmap(-1, slots + symtab.size)  # a slot is as large as an entry of the table of symbols
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for k, place in places.items():
        if sections[k].type != _NO_BITS:
            memory[place : place + sections[k].size] = _bytes(image, sections[k])
    symbols = list(_symbols(image, symtab, sections[symtab.link], {k: start + place for k, place in places.items()}))
    for section in sections:
        if section.type == _RELA and section.info in places:
            for at, info, addend in struct.iter_unpack("<QQq", _bytes(image, section)):
                number, kind = info >> 32, info & 0xFFFFFFFF
                name, address = symbols[number]
                value = (_external(name) if address is None else address) + addend
                if machine == _AARCH64:
                    slot = slots + number * _SLOT.size
                    _SLOT.pack_into(memory, slot, value, _LOAD_16, _BRANCH_16, value)
                    near = slot + 8 if address is None else address + addend - start
                    _relocate_aarch64(memory, places[section.info] + at, kind, value, slot, near)
                elif (machine, kind) in _ABSOLUTE:
                    struct.pack_into("<Q", memory, places[section.info] + at, value)
                else:
                    raise ValueError(
                        f"kernel image with relocation {kind} of machine {machine}, which is not supported"
                    )
    libc = ctypes.CDLL(None, use_errno=True)
    if machine == _AARCH64:  # its instruction cache does not see what was written
        clear = getattr(ctypes.CDLL("libgcc_s.so.1"), "__clear_cache")
        clear(ctypes.c_void_p(start), ctypes.c_void_p(start + len(memory)))
    if libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(len(memory)), mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), "memory with kernels cannot be made executable")
    _kept.append(memory)
    return {name: address for name, address in symbols if address is not None and name.startswith(PREFIX)}


def _symbols(
    image: bytes, table: _Section, names: _Section, places: dict[int, int]
) -> Iterator[tuple[str, int | None]]:
    """Names and addresses; None for symbols of other libraries."""
    for name, _info, _other, section, value, _size in struct.iter_unpack("<IBBHQQ", _bytes(image, table)):
        address = None if section == 0 else places.get(section, 0) + value
        yield _text(image, names, name), address


def _relocate_aarch64(memory: mmap.mmap, at: int, kind: int, value: int, slot: int, near: int) -> None:
    """Write an address into the instruction at `at`.

    value: address. slot: place of its entry in the table of addresses. near: place that a call of it can reach.
    """
    (word,) = struct.unpack_from("<I", memory, at)
    if (_AARCH64, kind) in _ABSOLUTE:
        struct.pack_into("<Q", memory, at, value)
        return
    if kind in _MOVES:
        word = word & ~(0xFFFF << 5) | (value >> _MOVES[kind] & 0xFFFF) << 5
    elif kind in (_JUMP26, _CALL26):
        word = word & ~0x3FFFFFF | (near - at) // 4 & 0x3FFFFFF
    elif kind == _GOT_PAGE:  # the memory begins with a page
        pages = slot // 4096 - at // 4096
        word = word & ~(3 << 29 | 0x7FFFF << 5) | (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5
    elif kind == _GOT_LOW:
        word = word & ~(0xFFF << 10) | (slot & 0xFFF) // 8 << 10
    else:
        raise ValueError(f"kernel image with relocation {kind} of AArch64, which is not supported")
    struct.pack_into("<I", memory, at, word)


def _external(name: str) -> int:
    if name == NDARRAY:
        return id(np.ndarray)
    for library in (ctypes.pythonapi, ctypes.CDLL(None), ctypes.CDLL("libm.so.6")):
        try:
            return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
        except AttributeError:
            continue
    raise ValueError(f"kernel image with unknown symbol {name!r}")


def _callable(name: str, address: int) -> Callable[..., Any]:
    definition = _Definition(name.encode(), address, _FASTCALL, None)
    _kept.append(definition)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.argtypes, new.restype = (ctypes.c_void_p,) * 3, ctypes.py_object
    made: Callable[..., Any] = new(ctypes.byref(definition), None, None)
    return made


def _bytes(image: bytes, section: _Section) -> bytes:
    found = image[section.offset : section.offset + section.size]
    if len(found) != section.size:
        raise IndexError("it ends early")
    return found


def _text(image: bytes, section: _Section, at: int) -> str:
    begin = section.offset + at
    return image[begin : image.index(b"\0", begin)].decode()
