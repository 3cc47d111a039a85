"""Noise schedules and the coefficients of reverse steps, computed once on the host in double precision.

Levels are numbered 1 … T; level k has noise share 1 - ᾱ_k, with ᾱ_k = ∏ (1 - β_i) over i ≤ k, and ᾱ_0 = 1.
"""

import functools
from typing import NamedTuple

import numpy as np

_LARGEST_BETA = 0.999


def betas(schedule: str, steps: int) -> np.ndarray:
    """β_1 … β_T.

    - `vp`: 1 - exp(-0.1/T - 0.5·9.9·(2k - 1)/T²), the variance-preserving process between 0.1 and 10 (Diffusion-QL).
    - `linear`: 10⁻⁴ … 2·10⁻² for T = 1000 (Ho et al., arXiv 2006.11239), scaled by 1000/T so that a shorter chain ends
      in as much noise (Nichol & Dhariwal, arXiv 2102.09672), and at most 0.999; meant for T of about 50 and more.
    - `cosine`: ᾱ_k ∝ cos²((k/T + 0.008)/1.008 · π/2), β at most 0.999 (Nichol & Dhariwal).
    """
    k = np.arange(1, steps + 1, dtype=np.float64)
    if schedule == "vp":
        return 1.0 - np.exp(-0.1 / steps - 0.5 * 9.9 * (2 * k - 1) / steps**2)
    if schedule == "linear":
        return np.minimum(np.linspace(1e-4, 2e-2, steps) * 1000.0 / steps, _LARGEST_BETA)
    if schedule == "cosine":
        share = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
        return np.minimum(1.0 - share[1:] / share[:-1], _LARGEST_BETA)
    raise ValueError(f"there is no noise schedule {schedule!r}")


@functools.lru_cache(maxsize=64)
def signal(schedule: str, steps: int) -> np.ndarray:
    """ᾱ_0 … ᾱ_T."""
    share = np.concatenate([[1.0], np.cumprod(1.0 - betas(schedule, steps))])
    share.flags.writeable = False
    return share


class ReverseSteps(NamedTuple):
    """Steps from level to level down to 0: x ← clean·x̂₀ + noisy·x + spread·ε, each an array over the steps taken.

    Both samplers are linear in the clean estimate x̂₀ and in x, so that one loop runs them.
    """

    level: np.ndarray
    clean: np.ndarray
    noisy: np.ndarray
    spread: np.ndarray


@functools.lru_cache(maxsize=64)
def ancestral(schedule: str, steps: int) -> ReverseSteps:
    """DDPM: draws from the posterior q(x_{k-1} | x_k, x̂₀), whose variance is 0 in the last step."""
    share, beta = signal(schedule, steps), betas(schedule, steps)
    now, before = share[1:], share[:-1]
    clean = np.sqrt(before) * beta / (1 - now)
    noisy = np.sqrt(1 - beta) * (1 - before) / (1 - now)
    spread = np.sqrt(beta * (1 - before) / (1 - now))
    return ReverseSteps(*(part[::-1] for part in (np.arange(1, steps + 1), clean, noisy, spread)))


@functools.lru_cache(maxsize=64)
def implicit(schedule: str, steps: int, taken: int) -> ReverseSteps:
    """DDIM with η = 0 (arXiv 2010.02502): x_j = √ᾱ_j·x̂₀ + √(1 - ᾱ_j)·ε̂ on `taken` levels spread evenly over 1 … T.

    ε̂ is what x and x̂₀ imply, so that it follows where x̂₀ is clamped.
    """
    share = signal(schedule, steps)
    level = np.floor(np.linspace(steps, 1, taken) + 0.5).astype(np.int64)
    now, before = share[level], share[np.append(level[1:], 0)]
    noisy = np.sqrt((1 - before) / (1 - now))
    clean = np.sqrt(before) - noisy * np.sqrt(now)
    return ReverseSteps(level, clean, noisy, np.zeros(taken))
