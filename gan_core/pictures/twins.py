"""Finding a picture that comes again: pixel for pixel, or saved anew by another program.

Decides on squares of one size; which of the two is kept, and what is said, is for `dataset`.
"""

from __future__ import annotations

import hashlib

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Measured on 104 emoji faces, 120 flowers and 3,000 painted faces, all different: the patch
# that differs most differs by 28 grey levels or more, also where all 64 bits of the hash agree
# (a closed eye on the same yellow disc). The same pictures saved as JPEG (quality 60), at half
# size or cut by 1 % differ by 3 to 20 levels there, and by 4 bits or fewer in nine of ten.
MOST_BITS = 8  # of the 64 of the perceptual hash
MOST_LEVELS = 16  # mean difference in the worst patch of an 8 x 8 grid, in grey levels

_ONES = np.array([byte.bit_count() for byte in range(256)], dtype=np.uint8)


class Twins:
    """Remembers every different picture so far, to find one that comes again."""

    def __init__(self, also_near: bool) -> None:
        self.also_near = also_near
        self._exact: dict[bytes, str] = {}
        self._names: list[str] = []
        self._thumbs: list[NDArray[np.int16]] = []
        self._hashes = np.empty((256, 8), np.uint8)  # 64 bits a row; doubled when full

    def reason_to_drop(self, name: str, square: NDArray[np.uint8]) -> str:
        """Say which picture the uint8 square [S, S, 3] repeats; "" if new, and remember it."""
        digest = hashlib.sha256(square.tobytes()).digest()
        if digest in self._exact:
            return f"same picture as another ({self._exact[digest]})"
        self._exact[digest] = name
        return self._near(name, square) if self.also_near else ""

    def _near(self, name: str, square: NDArray[np.uint8]) -> str:
        image = Image.fromarray(square)
        code = np.packbits(imagehash.phash(image).hash)
        thumb = np.array(image.resize((32, 32), Image.Resampling.BOX), dtype=np.int16)
        n = len(self._names)
        bits_apart = _ONES[self._hashes[:n] ^ code].sum(axis=1)
        for index in np.flatnonzero(bits_apart <= MOST_BITS):
            if worst_patch(self._thumbs[index], thumb) <= MOST_LEVELS:
                return f"almost the same as another ({self._names[index]})"
        if n == len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.empty_like(self._hashes)])
        self._hashes[n] = code
        self._names.append(name)
        self._thumbs.append(thumb)
        return ""


def worst_patch(a: NDArray[np.int16], b: NDArray[np.int16]) -> float:
    """Give the mean absolute difference of [32, 32, 3] pictures in their worst 4 x 4 patch."""
    patches = np.abs(a - b).reshape(8, 4, 8, 4, 3).mean(axis=(1, 3, 4))
    return float(patches.max())
