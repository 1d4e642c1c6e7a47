"""Opening a .qdpx file defensively: a ZIP archive from somebody else's computer is not to be trusted.

Nothing is ever extracted to disk. Members are looked up by name and read into memory under the caps below.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from clustereffects.errors import FileError, Problem, UnsafeFileError

MAX_MEMBERS = 50_000
"""Members in the archive; a project has one per source and note."""
MAX_PROJECT_BYTES = 256 * 2**20
"""Size of the project description (.qde) after decompression."""
MAX_TEXT_BYTES = 32 * 2**20
"""Size of one plain-text source after decompression."""
MAX_TOTAL_BYTES = 16 * 2**30
"""Declared size of all members together; recordings count, although they are never read."""
MAX_RATIO = 200
"""Compression ratio of a member larger than ``RATIO_FROM_BYTES``; text compresses about 1:10, repetitive XML 1:40."""
RATIO_FROM_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Archive:
    """An opened and checked .qdpx file."""

    zipped: zipfile.ZipFile
    name: str
    members: dict[str, zipfile.ZipInfo]

    def project(self) -> bytes:
        """The project description: the only member that ends in ``.qde``, whatever its name."""
        found = [info for path, info in self.members.items() if path.endswith(".qde")]
        if len(found) != 1:
            names = ", ".join(sorted(info.filename for info in found)[:5])
            raise FileError(
                Problem(
                    what=f"{len(found)} project descriptions in the archive",
                    where=names or f"{len(self.members)} members",
                    expected="exactly one member that ends in .qde",
                    remedy="export the project again as REFI-QDA (.qdpx)",
                    file=self.name,
                )
            )
        return self._read(found[0], MAX_PROJECT_BYTES)

    def text(self, reference: str) -> bytes | None:
        """Plain text that an ``internal://`` reference points to, or None if it is not in the archive."""
        scheme, separator, path = reference.partition(":")
        if not separator or scheme.casefold() != "internal":
            return None
        path = path.lstrip("/").casefold()
        _refuse_path(path, self.name)
        info = self.members.get(f"sources/{path}") or self.members.get(path)
        return None if info is None else self._read(info, MAX_TEXT_BYTES)

    def _read(self, info: zipfile.ZipInfo, cap: int) -> bytes:
        if info.file_size > cap:
            raise self._too_large(info, cap)
        try:
            with self.zipped.open(info) as handle:
                content = handle.read(cap + 1)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError) as error:
            raise FileError(
                Problem(
                    what=f"member {info.filename!r} cannot be read",
                    where=str(error)[:200],
                    expected="an undamaged, unencrypted member",
                    remedy="export the project again without a password",
                    file=self.name,
                )
            ) from error
        if len(content) > cap:
            raise self._too_large(info, cap)
        return content

    def _too_large(self, info: zipfile.ZipInfo, cap: int) -> UnsafeFileError:
        return _unsafe(f"member {info.filename!r} is too large", f"{info.file_size} bytes", f"≤ {cap}", self.name)


@contextmanager
def open_archive(path: str | Path) -> Iterator[Archive]:
    """Open a .qdpx file, refuse it if anything about it is dangerous, and close it afterwards."""
    path = Path(path)
    try:
        zipped = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FileError(
            Problem(
                what="the file cannot be opened as a REFI-QDA project",
                where=getattr(error, "strerror", None) or str(error)[:200],
                expected="a .qdpx file, which is a ZIP archive",
                remedy="export the project as REFI-QDA; a .qdc file holds a codebook only",
                file=path.name,
            )
        ) from error
    with zipped:
        members = _checked_members(zipped.infolist(), path.name)
        yield Archive(zipped, path.name, members)


def _checked_members(listed: list[zipfile.ZipInfo], name: str) -> dict[str, zipfile.ZipInfo]:
    if len(listed) > MAX_MEMBERS:
        raise _unsafe("the archive has too many members", f"{len(listed)} members", f"at most {MAX_MEMBERS}", name)
    total = sum(info.file_size for info in listed)
    if total > MAX_TOTAL_BYTES:
        raise _unsafe("the archive unpacks to too much", f"{total} bytes", f"at most {MAX_TOTAL_BYTES}", name)
    for info in listed:
        _refuse_path(info.filename, name)
        _refuse_bomb(info, name)
    files = [info for info in listed if not info.is_dir() and not info.filename.startswith("__MACOSX/")]
    members = {info.filename.replace("\\", "/").casefold(): info for info in files}
    if len(members) < len(files):
        twice = [
            key for key, count in Counter(i.filename.replace("\\", "/").casefold() for i in files).items() if count > 1
        ]
        raise _unsafe("two members have the same name", ", ".join(sorted(twice)[:5]), "every name once", name)
    return members


def _refuse_path(path: str, name: str) -> None:
    parts = PurePosixPath(path.replace("\\", "/")).parts
    drive = bool(parts) and len(parts[0]) >= 2 and parts[0][1] == ":"
    if ".." in parts or path.startswith(("/", "\\")) or drive or "\x00" in path:
        raise _unsafe(f"member {path!r} points outside the archive", "", "relative paths without '..'", name)


def _refuse_bomb(info: zipfile.ZipInfo, name: str) -> None:
    if info.file_size > RATIO_FROM_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise _unsafe(
            f"member {info.filename!r} is compressed suspiciously well",
            f"{info.compress_size} bytes unpack to {info.file_size}",
            f"a ratio of at most {MAX_RATIO}",
            name,
        )


def _unsafe(what: str, where: str, expected: str, name: str) -> UnsafeFileError:
    return UnsafeFileError(
        Problem(
            what=what,
            where=where,
            expected=expected,
            remedy="do not open it; ask whoever sent it for a fresh export",
            file=name,
        )
    )
