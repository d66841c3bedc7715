"""Runge-Kutta of order 4 with a fixed step, kept at equally spaced times."""

import jax
import jax.numpy as jnp


def solve(slope, start, interval, num_steps, num_times):
    """States at times 0, interval, 2 interval, ...; shape (num_times, size of the state).

    Args:
        slope: state -> its time derivative.
        start: state at time 0.
        interval: between kept times.
        num_steps: steps in each interval.
        num_times: how many states are kept, the start included.
    """
    dt = interval / num_steps

    def step(_, state):
        a = slope(state)
        b = slope(state + 0.5 * dt * a)
        c = slope(state + 0.5 * dt * b)
        d = slope(state + dt * c)
        return state + dt / 6 * (a + 2 * b + 2 * c + d)

    def advance(state, _):
        state = jax.lax.fori_loop(0, num_steps, step, state)
        return state, state

    _, states = jax.lax.scan(advance, start, length=num_times - 1)
    return jnp.concatenate([start[None], states])
