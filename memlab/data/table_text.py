"""Text of a table file: its bytes decoded, or an error that says what the file is."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from memlab.errors import DataError
from memlab.image_files import shown, what_is

_OTHERS = {
    b"PK\x03\x04": "a workbook (Excel, OpenDocument) or zip file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF file",
    b"SQLite": "a database",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"{\\rtf": "a document of a word processor",
}
"""Descriptions of other file types, by their first bytes."""


_MARKS = (  # longer marks first: the UTF-32 mark begins with the UTF-16 mark
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def cut(text: str, most: int = 60) -> str:
    """Return a cell for a message, shortened if it is long."""
    told = shown(text)
    return told if len(told) <= most else f"{told[: most - 3]}..."


def content_of_table(path: Path) -> bytes:
    """Return the bytes of a table, or raise a DataError that says what else the file is."""
    told = shown(path)
    kind = what_is(path)
    if kind == "nothing":
        raise DataError(f"{told}: no such file")
    if kind != "file":
        raise DataError(f"{told}: not a table, but {kind.replace('folder', 'a folder')}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{told}: cannot be read: {error.strerror}") from error
    for start, other in _OTHERS.items():
        if content.startswith(start):
            remedy = "give its folder" if other == "an image" else "save the table as CSV (UTF-8)"
            raise DataError(f"{told}: is {other}, not a CSV file; {remedy}")
    if not content.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe\x1a"):
        raise DataError(f"{told}: is empty; a table has a line of names, such as image,score")
    if re.match(rb"\s*(<!doctype|<html|<table|<\?xml)", content, re.IGNORECASE):
        raise DataError(f"{told}: is HTML or XML, not a CSV file; save the table as CSV (UTF-8)")
    return content


def text_of_table(
    content: bytes, encoding: str | None, told: str, option: str | None
) -> tuple[str, str | None]:
    """Return the text, and the name of its encoding if it should be reported."""
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    name = encoding or marked or _wide(content) or "utf-8"
    try:
        text = content.decode(name).removeprefix("\ufeff")
    except (LookupError, ValueError) as error:  # Python's codecs may raise either
        if isinstance(error, UnicodeDecodeError) and encoding is None:
            raise DataError(_undecoded(content, error, told, option)) from error
        reason = " ".join(str(error).split())
        raise DataError(f"{told}: cannot be read as {name}: {reason}") from error
    if encoding is not None and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(f"{told}: is no text in {encoding}; give another encoding") from error
    if "\0" in text:
        at = text.index("\0")
        line = text.count("\n", 0, at) + 1
        raise DataError(f"{told}: line {line}: a NUL byte: the file is damaged, or no text")
    plain = name in ("utf-8", "utf-8-sig") or encoding is not None
    return text.rstrip("\x1a"), None if plain else name.upper().removesuffix("-SIG")


def _wide(content: bytes) -> str | None:
    """Detect UTF-16 without a byte-order mark: in plain text every other byte is 0."""
    start = content[:4000]
    start = start[: len(start) // 2 * 2]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if len(content) % 2 or max(even, odd) < 0.4 * len(start) / 2:
        return None
    if even == 0:
        return "utf-16-le"
    return "utf-16-be" if odd == 0 else None


def _undecoded(content: bytes, error: UnicodeDecodeError, told: str, option: str | None) -> str:
    at = error.start
    line = content.count(b"\n", 0, at) + 1
    name = error.encoding.upper()
    what = f"{told}: line {line}: byte 0x{content[at]:02x} (number {at + 1}) is not {name}"
    save = "save the table as CSV (UTF-8)"
    if option is None or error.encoding not in ("utf-8", "utf8"):
        return f"{what}; {save}"
    around = content[content.rfind(b"\n", 0, at) + 1 :].partition(b"\n")[0]
    try:
        read = around[:60].decode("cp1252").strip()
    except UnicodeDecodeError:
        return f"{what}; {save}, or name its encoding: {option}.encoding NAME"
    return f"{what}; if this is right: {read!r}, give {option}.encoding cp1252; else {save}"
