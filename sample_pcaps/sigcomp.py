"""Compressors for SigComp (RFC 3320): bytecode, its assembler, and messages that the bytecode decompresses.

Each compressor plans what the receiver's memory will be, so that it knows the identifiers of the state that it leaves
there. Nothing of the analyzer is imported, and no bytecode is run here.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import TypeAlias

Operand: TypeAlias = int | str
Line: TypeAlias = str | tuple[Operand, ...]

# Kinds of operands: literal, reference, multitype, address (RFC 3320 §8.5); `*`: the rest, of the kind before.
INSTRUCTIONS = {
    "DECOMPRESSION-FAILURE": (0, ""), "AND": (1, "$%"), "OR": (2, "$%"), "NOT": (3, "$"), "LSHIFT": (4, "$%"),
    "RSHIFT": (5, "$%"), "ADD": (6, "$%"), "SUBTRACT": (7, "$%"), "MULTIPLY": (8, "$%"), "DIVIDE": (9, "$%"),
    "REMAINDER": (10, "$%"), "SORT-ASCENDING": (11, "%%%"), "SORT-DESCENDING": (12, "%%%"), "SHA-1": (13, "%%%"),
    "LOAD": (14, "%%"), "MULTILOAD": (15, "%#%*"), "PUSH": (16, "%"), "POP": (17, "%"), "COPY": (18, "%%%"),
    "COPY-LITERAL": (19, "%%$"), "COPY-OFFSET": (20, "%%$"), "MEMSET": (21, "%%%%"), "JUMP": (22, "@"),
    "COMPARE": (23, "%%@@@"), "CALL": (24, "@"), "RETURN": (25, ""), "SWITCH": (26, "#%@*"), "CRC": (27, "%%%@"),
    "INPUT-BYTES": (28, "%%@"), "INPUT-BITS": (29, "%%@"), "INPUT-HUFFMAN": (30, "%@#%*"),
    "STATE-ACCESS": (31, "%%%%%%"), "STATE-CREATE": (32, "%%%%%"), "STATE-FREE": (33, "%%"), "OUTPUT": (34, "%%"),
    "END-MESSAGE": (35, "%%%%%%%"),
}  # fmt: skip


def word(value: int) -> bytes:
    return struct.pack("!H", value & 0xFFFF)


def operand(kind: str, value: int, memory: bool) -> bytes:
    """An operand in the longest form that every value has: where the code lies does not depend on what it says."""
    if kind == "$":
        return b"\xc0" + word(value)
    if kind == "#":
        return bytes([value]) if value < 128 else b"\xc0" + word(value)
    if memory:
        return b"\x81" + word(value)
    return bytes([value]) if 0 <= value < 64 and kind == "%" else b"\x80" + word(value)


def assemble(lines: list[Line], origin: int) -> tuple[bytes, dict[str, int]]:
    """Bytecode from instructions (tuples), labels (`name:`) and bytes (tuples that begin with BYTES); and the labels.

    An operand is a number, a label, or the memory that one of them names, marked with `$`.
    """
    labels: dict[str, int] = {}
    code = b""
    for _ in range(2):
        code = b""
        for line in lines:
            at = origin + len(code)
            if isinstance(line, str):
                labels[line.removesuffix(":")] = at
                continue
            name, *values = line
            if name == "BYTES":
                code += bytes(int(value) for value in values)
                continue
            opcode, kinds = INSTRUCTIONS[str(name)]
            if kinds.endswith("*"):
                kinds = kinds[:-1] + kinds[-2] * (len(values) - len(kinds) + 1)
            piece = bytes([opcode])
            for kind, value in zip(kinds, values, strict=True):
                text = str(value).removeprefix("$")
                number = int(text) if text.lstrip("-").isdigit() else labels.get(text, 0x4000)
                memory = str(value).startswith("$") and kind != "$"
                # In the first pass a label is long whatever it will be.
                wide = not text.isdigit() and not memory and kind == "%"
                if kind == "@" and not memory:
                    number -= at
                piece += b"\x80" + word(number) if wide else operand(kind, number, memory)
            code += piece
    return code, labels


def state_identifier(value: bytes, address: int, instruction: int, minimum: int = 6) -> bytes:
    """RFC 3320 §9.4.9."""
    head = word(len(value)) + word(address) + word(instruction) + word(minimum)
    return hashlib.sha1(head + value).digest()


def uploaded(code: bytes, address: int, data: bytes, feedback: bytes = b"") -> bytes:
    """A message that brings its bytecode (RFC 3320 §7.3)."""
    first = 0xFC if feedback else 0xF8
    return bytes([first]) + feedback + word(len(code) << 4 | (address // 64 - 1)) + code + data


def from_state(identifier: bytes, data: bytes, feedback: bytes = b"") -> bytes:
    """A message that names its bytecode by the first 6, 9 or 12 bytes of an identifier (RFC 3320 §7.2)."""
    first = (0xFC if feedback else 0xF8) + len(identifier) // 3 - 1
    return bytes([first]) + feedback + identifier + data


def nack(failed: bytes, reason: int, opcode: int = 0, address: int = 0, details: bytes = b"") -> bytes:
    """What its receiver says of a message that it cannot decompress (RFC 4077 §3.1)."""
    return b"\xf8\x00\x01" + bytes([reason, opcode]) + word(address) + hashlib.sha1(failed).digest() + details


def marked(message: bytes) -> bytes:
    """A message as it goes over a stream, with its delimiter (RFC 3320 §4.2.2)."""
    return message.replace(b"\xff", b"\xff\x00") + b"\xff\xff"


# Words of SIP and SDP that every endpoint has (RFC 3485): bytes of state that need not be sent.
DICTIONARY = (
    Path(__file__).resolve().parents[1] / "analyzer/_rust/sip-core/src/sigcomp/rfc3485.dictionary"
).read_bytes()
DICTIONARY_ID = bytes.fromhex("fbe507dfe5e6")

# RFC 1951 §3.2.5.
LENGTHS = [(0, 3 + n) for n in range(8)] + [
    (extra, base) for extra, first in ((1, 11), (2, 19), (3, 35), (4, 67), (5, 131))
    for base in range(first, first + (4 << extra), 1 << extra)
]  # fmt: skip
LENGTHS[-1:] = [(5, 227), (0, 258)]
DISTANCES = [(0, 1), (0, 2), (0, 3), (0, 4)] + [
    (extra, (2 << extra) + 1 + (half << extra)) for extra in range(1, 14) for half in range(2)
]


class Deflate:
    """DEFLATE with the fixed codes (RFC 1951 §3.2.6). Each message leaves the memory with what it decompressed to, and
    the next one goes on from there. `parameters`: what the sender says of itself (RFC 3320 figure 13)."""

    SYMBOL, EXTRA, BASE, MORE, DISTANCE, START, SAID = 32, 34, 36, 38, 40, 42, 44
    POINTER, TABLES = 72, 74
    ORIGIN, RING = 320, 1536

    def __init__(self, ring_end: int = 8192, *, dictionary: bool = True, parameters: int = 0, version: int = 2) -> None:
        self.end = ring_end
        self.distances = self.TABLES + 4 * len(LENGTHS)
        self.code, labels = assemble(self.program(dictionary, parameters << 8 | version), self.ORIGIN)
        assert self.ORIGIN + len(self.code) <= self.RING
        self.again = labels["again"]
        self.memory = bytearray(ring_end)
        self.pointer = self.RING
        tables = b"".join(word(extra) + word(base) for extra, base in LENGTHS + DISTANCES)
        self.memory[64:74] = word(self.RING) + word(ring_end) + word(5) + word(0) + word(self.RING)
        self.memory[self.TABLES : self.TABLES + len(tables)] = tables
        self.memory[self.ORIGIN : self.ORIGIN + len(self.code)] = self.code
        self.written = b""
        if dictionary:
            self.write(DICTIONARY)
        self.identifier: bytes | None = None

    def program(self, dictionary: bool, said: int) -> list[Line]:
        tables = [value for pair in LENGTHS + DISTANCES for value in pair]
        known: list[Line] = [
            ("STATE-ACCESS", "words", 6, 0, 0, self.RING, 0),
            ("LOAD", self.POINTER, self.RING + len(DICTIONARY)),
        ] if dictionary else []  # fmt: skip
        return [
            ("MULTILOAD", 64, 5 + len(tables), self.RING, self.end, 5, 0, self.RING, *tables), *known,
            "again:",
            ("LOAD", self.SAID, said),
            ("INPUT-BITS", 3, self.SYMBOL, "fail"),
            "next:",
            ("INPUT-HUFFMAN", self.SYMBOL, "end", 4,
             7, 0, 23, 256, 1, 48, 191, 0, 0, 192, 199, 280, 1, 400, 511, 144),
            ("COMPARE", f"${self.SYMBOL}", 256, "literal", "end", "match"),
            "literal:",
            ("OUTPUT", self.SYMBOL + 1, 1),
            ("COPY-LITERAL", self.SYMBOL + 1, 1, self.POINTER),
            ("JUMP", "next"),
            "match:",
            ("SUBTRACT", self.SYMBOL, 257),
            ("MULTIPLY", self.SYMBOL, 4),
            ("ADD", self.SYMBOL, self.TABLES),
            ("COPY", f"${self.SYMBOL}", 4, self.EXTRA),
            ("INPUT-BITS", f"${self.EXTRA}", self.EXTRA, "fail"),
            ("ADD", self.BASE, f"${self.EXTRA}"),
            ("INPUT-HUFFMAN", self.SYMBOL, "fail", 1, 5, 0, 31, 0),
            ("MULTIPLY", self.SYMBOL, 4),
            ("ADD", self.SYMBOL, self.distances),
            ("COPY", f"${self.SYMBOL}", 4, self.MORE),
            ("INPUT-BITS", f"${self.MORE}", self.MORE, "fail"),
            ("ADD", self.DISTANCE, f"${self.MORE}"),
            ("LOAD", self.START, f"${self.POINTER}"),
            ("COPY-OFFSET", f"${self.DISTANCE}", f"${self.BASE}", self.POINTER),
            ("OUTPUT", f"${self.START}", f"${self.BASE}"),
            ("JUMP", "next"),
            "fail:",
            ("DECOMPRESSION-FAILURE",),
            "end:",
            ("END-MESSAGE", 0, self.SAID, self.end - 64, 64, "again", 6, 0),
            "words:",
            ("BYTES", *DICTIONARY_ID),
        ]  # fmt: skip

    def write(self, data: bytes) -> None:
        """As byte copying does (RFC 3320 §8.4)."""
        for byte in data:
            self.memory[self.pointer] = byte
            self.pointer = self.RING if self.pointer + 1 == self.end else self.pointer + 1
        self.memory[self.POINTER : self.POINTER + 2] = word(self.pointer)
        self.written = (self.written + data)[-4096:]

    def compress(self, text: bytes, *, identifier: int = 6, feedback: bytes = b"") -> bytes:
        """The next message. Its receiver keeps what it leaves."""
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -12, 9, zlib.Z_FIXED, self.written)
        data = squeeze.compress(text) + squeeze.flush()
        assert data[0] & 7 == 3  # the last block, with fixed codes
        if self.identifier is None:
            message = uploaded(self.code, self.ORIGIN, data, feedback)
        else:
            message = from_state(self.identifier[:identifier], data, feedback)
        self.write(text)
        self.identifier = state_identifier(bytes(self.memory[64 : self.end]), 64, self.again)
        return message
