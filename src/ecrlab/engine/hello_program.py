"""Programs of some 180 bytes for either processor, the smallest images that can be run: one says a line, one waits."""

from __future__ import annotations

import struct
from typing import Literal

Processor = Literal["amd64", "arm64"]
PROCESSORS: tuple[Processor, ...] = ("amd64", "arm64")
LINE = b"Harbour Bikes: open from eight\n"
MACHINES: dict[Processor, int] = {"amd64": 0x3E, "arm64": 0xB7}
"""What stands at bytes 18 and 19 of an ELF file: `e_machine` of elf(5). The kernel compares it before it starts one."""
_BASE = 0x400000
_HEADERS = 120  # an ELF header of 64 bytes and one program header of 56


def hello_program(processor: Processor) -> bytes:
    """Return the ELF file for Linux on that processor: it writes LINE and exits with 0, and needs no library."""
    return _program(processor, _AMD64 if processor == "amd64" else _ARM64)


def waiting_program(processor: Processor) -> bytes:
    """Return the ELF file for Linux on that processor that waits until it is killed: a server nobody asks."""
    return _program(processor, _WAITS_AMD64 if processor == "amd64" else _WAITS_ARM64)


def _program(processor: Processor, code: bytes) -> bytes:
    size = _HEADERS + len(code)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, MACHINES[processor], 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000) + code


def _words(*words: int) -> bytes:
    return b"".join(struct.pack("<I", word) for word in words)


# mov eax, 1; mov edi, 1; lea rsi, [rip + 16]; mov edx, N; syscall (write); mov eax, 60; xor edi, edi; syscall (exit)
_AMD64 = (
    b"\xb8\x01\0\0\0\xbf\x01\0\0\0\x48\x8d\x35"
    + struct.pack("<i", 5 + 2 + 5 + 2 + 2)
    + b"\xba"
    + struct.pack("<i", len(LINE))
    + b"\x0f\x05\xb8\x3c\0\0\0\x31\xff\x0f\x05"
    + LINE
)
# mov x0, 1; adr x1, LINE; mov x2, N; mov x8, 64; svc 0 (write); mov x0, 0; mov x8, 93; svc 0 (exit)
_ARM64 = (
    _words(
        0xD2800020,
        0x10000000 | (((8 * 4 - 4) >> 2) << 5) | 1,
        0xD2800002 | (len(LINE) << 5),
        0xD2800808,
        0xD4000001,
        0xD2800000,
        0xD2800BA8,
        0xD4000001,
    )
    + LINE
)
# xor edi, edi; xor esi, esi; xor edx, edx; xor r10d, r10d; mov eax, 271; syscall (ppoll); jmp to the first
_WAITS_AMD64 = b"\x31\xff\x31\xf6\x31\xd2\x45\x31\xd2\xb8\x0f\x01\0\0\x0f\x05\xeb\xee"
# mov x0, 0; mov x1, 0; mov x2, 0; mov x3, 0; mov x8, 73; svc 0 (ppoll); b to the first
_WAITS_ARM64 = _words(0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003, 0xD2800928, 0xD4000001, 0x17FFFFFA)
