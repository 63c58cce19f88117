"""Colours of the content kept: by taking only light and dark from the pastiche, or beforehand.

Gatys et al. 2017 (arXiv:1606.05897, section 5): luminance-only transfer, and colour matching.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# ITU-R BT.601, as Gatys et al. use it by way of YIQ.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def luminance(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [H, W, 3] -> float32 [H, W], 0 to 255."""
    light: NDArray[np.float32] = pixels.astype(np.float32) @ _LUMA
    return light


def keep_colors(pastiche: NDArray[np.uint8], content: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pastiche's light and dark with the content's colours.

    Both uint8 [H, W, 3] of one size. What R, G and B have beyond the luminance is the content's.
    Where that would leave 0..255 it is made paler, not cut off, so that the hue stays: colour
    differences are the content's times a factor in [0, 1] of each pixel, within rounding.
    """
    light = luminance(pastiche)[..., None]
    color = content.astype(np.float32) - luminance(content)[..., None]
    room = np.where(color > 0, 255 - light, light)
    size = np.abs(color)
    factor = np.min(np.where(size > room, room / np.maximum(size, 1e-6), 1), -1, keepdims=True)
    mixed: NDArray[np.uint8] = (light + color * factor).round().clip(0, 255).astype(np.uint8)
    return mixed


def match_colors(style: NDArray[np.uint8], content: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The style recoloured: its mean and covariance of RGB become the content's.

    Any sizes, uint8 [H, W, 3]. Of all linear maps that do so, the one by symmetric square roots.
    """
    pixels = style.reshape(-1, 3).astype(np.float64)
    mean_s, root_s = _moments(pixels)
    mean_c, root_c = _moments(content.reshape(-1, 3).astype(np.float64))
    matched = (pixels - mean_s) @ (root_c @ np.linalg.inv(root_s)).T + mean_c
    result: NDArray[np.uint8] = matched.round().clip(0, 255).astype(np.uint8).reshape(style.shape)
    return result


def _moments(pixels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean [3], and the symmetric square root of the covariance [3, 3]."""
    covariance = np.cov(pixels, rowvar=False) + 1e-2 * np.eye(3)  # a grey picture has none
    values, vectors = np.linalg.eigh(covariance)
    return pixels.mean(0), (vectors * np.sqrt(values)) @ vectors.T
