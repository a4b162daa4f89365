"""The test files, inside or outside the page cache."""

import contextlib
import ctypes
import mmap
import os
import shutil

from .figures import MIB, format_size
from .measure import Failed, Unavailable

_PIECE = 4 * MIB
_LOWEST_BIT = bytes(value & 1 for value in range(256))  # mincore(2): the other bits are reserved


def noise_file(directory, size):
    """Returns a file of random bytes, which cannot be compressed; creates it at the first call."""
    path = os.path.join(directory, f"noise-{size}")
    if os.path.exists(path) and os.path.getsize(path) == size:
        return path
    space = os.statvfs(directory)
    if space.f_bavail * space.f_frsize < size + 256 * MIB:
        raise Unavailable(
            f"not enough disk space in {directory} for {format_size(size)}; "
            "choose another --dir or a smaller --size"
        )
    unfinished = path + ".part"
    try:
        with open(unfinished, "wb") as file:
            left = size
            while left > 0:
                left -= file.write(os.urandom(min(left, _PIECE)))
            file.flush()
            os.fsync(file.fileno())  # dirty pages cannot be evicted
        os.rename(unfinished, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unfinished)
        raise
    return path


def noise_files(directory, count, size):
    """Returns a directory of `count` different random files; creates it at the first call."""
    path = os.path.join(directory, f"noise-{count}x{size}")
    if os.path.isdir(path):
        return path
    whole = noise_file(directory, count * size)
    unfinished = path + ".part"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        os.mkdir(unfinished)
        with open(whole, "rb") as source:
            for number in range(count):
                with open(os.path.join(unfinished, f"{number:06}"), "wb") as file:
                    file.write(source.read(size))
        os.rename(unfinished, path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    os.sync()  # otherwise the disk writes them during the first runs
    return path


def resident(path):
    """Returns the fraction of the file in the page cache. Uses mincore(2), because reading would
    start read-ahead."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as memory:
        start = ctypes.c_char.from_buffer(memory)
        pages = (ctypes.c_ubyte * (-(-len(memory) // mmap.PAGESIZE)))()
        code = libc.mincore(
            ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(len(memory)), pages
        )
        del start  # otherwise the mapping cannot be closed
        if code != 0:
            raise OSError(ctypes.get_errno(), "mincore", path)
        return bytes(pages).translate(_LOWEST_BIT).count(1) / len(pages)


def evict(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    share = resident(path)
    if share > 0.02:
        raise Unavailable(
            f"cannot evict {path} from the page cache ({share:.0%} remain cached); "
            "choose a --dir on a disk, not in memory"
        )


def warm(path):
    """Reads the whole file into the page cache."""
    size = os.path.getsize(path)
    if resident(path) == 1.0:
        return
    with open("/proc/meminfo", encoding="ascii") as lines:
        available = next(
            int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")
        )
    if available < size * 1.25:
        raise Unavailable(
            f"not enough memory to cache a file of {format_size(size)}: {format_size(available)} "
            "are free; choose a smaller --size"
        )
    memory = bytearray(_PIECE)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(memory) > 0:
            pass
    if resident(path) < 0.98:
        raise Failed(
            f"cannot keep {path} in the page cache: other programs need the memory"
        )
