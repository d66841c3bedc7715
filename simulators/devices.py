"""What a GPU wants different from a CPU: many rows at once, and few kernels for them."""

from __future__ import annotations

import jax

GPU_ROWS = 131_072  # enough for every unit of a GPU; four times as many are 1.2 times as fast
GPU_BYTES = 8 * 2**30  # recordings held at once, where features need the whole recording
GPU_UNROLL = 4  # steps of a scan that are compiled into one: 4 to 10 times the speed where a step is small


def on_gpu() -> bool:
    """Whether JAX computes on something else than the CPU."""
    return jax.default_backend() != "cpu"


def unrolled() -> int:
    """How many steps of a long scan to compile into one; a CPU is no faster with several."""
    return GPU_UNROLL if on_gpu() else 1
