"""Simulator: a mechanistic model as a value, with its prior, its features and its default observation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from simulators.black_box import call_black_box
from simulators.prior import Prior

if TYPE_CHECKING:
    from simulators.recordings import RecordingKind

Theta = dict[str, Any]  # named parameters, as ``Prior.as_dict`` gives them


@dataclass(frozen=True, eq=False)
class RecordingAxes:
    """How to draw a recording: its time axis, its channel and the stimulus that drove it.

    Attributes:
        time: shape (T,), in ``time_unit``.
        channel, unit: what was recorded, for instance "voltage" in "mV".
        stimulus: shape (T,) or None, in ``stimulus_unit``.
        rows: what each row of a recording of shape (len(rows), T) is, for instance the names of cells;
            () for a recording of shape (T,).
        overlaid: rows are drawn in one frame (sweeps of a protocol) rather than below each other (cells).
    """

    time: np.ndarray
    channel: str
    unit: str
    time_unit: str = "ms"
    stimulus: np.ndarray | None = None
    stimulus_name: str = "current"
    stimulus_unit: str = ""
    rows: tuple[str, ...] = ()
    overlaid: bool = False


@dataclass(frozen=True, eq=False)
class ImageAxes:
    """How to draw an image, for instance a receptive field.

    Attributes:
        x, y: places of the columns and rows, shapes (W,) and (H,), in ``place_unit``.
        name, unit: what the image shows.
    """

    x: np.ndarray
    y: np.ndarray
    name: str
    unit: str = ""
    place_unit: str = ""


@dataclass(frozen=True, eq=False)
class FeatureAxis:
    """Along what the values of an array of features lie, for instance the frequencies of a spectrum.

    Attributes:
        places: one per value, increasing, in ``unit``.
        name: what the places are.
    """

    places: np.ndarray
    name: str
    unit: str = ""


@dataclass(frozen=True, eq=False)
class Observed:
    """An observation that comes with a simulator.

    Attributes:
        x: features, shape (num_features,), float32.
        theta: the parameters that made it, shape (dim,); None for a real recording.
        recording: what is drawn on the simulator's axes: of the shape of ``Simulator.picture`` where there is
            one, else of what ``Simulator.simulate`` returns; None if unknown.
        label: what to call it in titles.
        told: what the model took from a recording beside its samples, for people: a sentence, or nothing.
    """

    x: np.ndarray
    theta: np.ndarray | None = None
    recording: np.ndarray | None = None
    label: str = ""
    told: str = ""


@dataclass(frozen=True, eq=False)
class Simulator:
    """A stochastic model: one parameter setting in, one recording out.

    In x, NaN means that a feature is undefined (no spike, no latency), and an infinite value that the state
    of the simulation itself was not finite: it blew up. Such a row is never valid.

    Args:
        name: identifier in the registry, lower case with underscores.
        prior: distribution of the parameters.
        simulate: ``(key, theta) -> recording``, pure JAX, theta as from ``Prior.as_dict``; vmap-able.
        features: ``recording -> dict of numbers/arrays, or one array``, NaN where undefined, inf where
            the recording is not finite.
            None: x is the recording itself.
        feature_units, feature_labels: flat feature name -> unit, label for plots.
        feature_axes: name of a one-dimensional array of features -> its axis, where it is drawn as a curve.
        log_likelihood: ``(theta, x) -> log p(x | theta)``, a scalar, where it is known.
        logistic_design: X, shape (num_bins, dim), of a model of spikes z_t ~ Bernoulli(1 / (1 + exp(-psi_t)))
            with psi = X theta and the features X'z; for Polya-Gamma sampling.
        differentiable: whether gradients through ``simulate`` are meaningful.
        simulate_features: ``(key, theta) -> features(simulate(key, theta))`` without storing the recording.
        is_valid: ``x -> bool``; None: a simulation is valid when all its features are finite.
        axes: how to draw recordings (or pictures); None when there is nothing to draw.
        targets: flat feature name -> mean and sd, in its unit, of the emergent property that the source asks
            for; the form of EPI begins with them.
        picture: ``(key, theta) -> array`` to draw on ``axes`` where that is not the recording itself.
        chunk_size: rows that are simulated fastest together; None: by the number of time steps.
        true_theta: parameters of the built-in synthetic observation, shape (dim,).
        observed: the default observation where it is not synthetic.
        recordings: which kind of recording ``drive`` takes; None: one current-clamp sweep.
        drive: ``recording -> Simulator`` with that recording's observation, and with its stimulus and its
            duration where the model has a stimulus.
        exact_posterior: ``(key, x, num) -> (num, dim)`` exact posterior draws, for yardsticks; with shared
            parameters also ``(key, x, num, extra=(N, num_features))``, where extra or None shares them.
        function: black box ``(theta: dict[str, float], seed: int) -> array``; use ``Simulator.from_numpy``.
        timeout: seconds that one call of the black box may take; None: any.
        title, summary, source: words for people; ``source`` cites the paper.
    """

    name: str
    prior: Prior
    simulate: Callable[[Key[Array, ""], Theta], Any]
    features: Callable[[Any], Any] | None = None
    feature_units: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    feature_labels: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    feature_axes: Mapping[str, FeatureAxis] = field(default_factory=dict, kw_only=True)
    log_likelihood: Callable[[Theta, Array], Array] | None = field(default=None, kw_only=True)
    logistic_design: np.ndarray | None = field(default=None, kw_only=True)
    differentiable: bool = field(default=True, kw_only=True)
    simulate_features: Callable[[Key[Array, ""], Theta], Any] | None = field(default=None, kw_only=True)
    is_valid: Callable[[Array], Array] | None = field(default=None, kw_only=True)
    targets: Mapping[str, tuple[float, float]] = field(default_factory=dict, kw_only=True)
    axes: RecordingAxes | ImageAxes | None = field(default=None, kw_only=True)
    picture: Callable[[Key[Array, ""], Theta], Any] | None = field(default=None, kw_only=True)
    chunk_size: int | None = field(default=None, kw_only=True)
    true_theta: np.ndarray | None = field(default=None, kw_only=True)
    observed: Observed | None = field(default=None, kw_only=True)
    recordings: RecordingKind | None = field(default=None, kw_only=True)
    drive: Callable[[Any], Simulator] | None = field(default=None, kw_only=True)
    exact_posterior: Callable[..., Array] | None = field(default=None, kw_only=True)
    function: Callable[[dict[str, float], int], Any] | None = field(default=None, kw_only=True)
    timeout: float | None = field(default=None, kw_only=True)
    title: str = field(default="", kw_only=True)
    summary: str = field(default="", kw_only=True)
    source: str = field(default="", kw_only=True)

    def __call__(self, key: Key[Array, ""], theta: Float[Array, " dim"]) -> Float[Array, " num_features"]:
        """Features x of one simulation at one parameter row; float32, NaN where undefined."""
        named = self.prior.as_dict(jnp.asarray(theta, jnp.float32))
        return feature_row(self._raw_features(key, named))

    @cached_property
    def feature_shapes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Name and shape of each feature, in the order of x; () for a scalar."""
        shapes: list[tuple[str, tuple[int, ...]]] = []

        def trace(key: Array, theta: Array) -> None:
            """Read the names inside the trace: dictionaries that leave one come back sorted."""
            raw = self._raw_features(key, self.prior.as_dict(theta))
            for name, value in (raw if isinstance(raw, Mapping) else {"x": raw}).items():
                shapes.append((name, tuple(jnp.shape(value))))

        row = jax.ShapeDtypeStruct((self.prior.dim,), jnp.float32)
        jax.eval_shape(trace, jax.eval_shape(jax.random.key, 0), row)
        return tuple(shapes)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Flat names of the features, in the order of x."""
        return tuple(flat for name, shape in self.feature_shapes for flat in _flat_names(name, shape))

    @cached_property
    def num_features(self) -> int:
        """Length of x."""
        return len(self.feature_names)

    def only(self, *names: str) -> Simulator:
        """The same model observed through some of its features, in the model's order.

        Args:
            names: features as ``features`` names them, an array by its own name.

        Raises:
            ValueError: a name that the model has not; a model whose validity depends on all its features.
        """
        known = [name for name, _ in self.feature_shapes]
        unknown = sorted(set(names) - set(known))
        if unknown or not names:
            raise ValueError(
                f"'{self.name}' has no feature {', '.join(map(repr, unknown)) or 'of no name'}; choose from "
                f"{', '.join(known)}."
            )
        if self.is_valid is not None:
            raise ValueError(f"Whether a simulation of '{self.name}' is valid depends on all its features.")
        kept = [name for name in known if name in names]

        def chosen(raw: Any) -> dict[str, Any]:
            return {name: raw[name] for name in kept}

        fused, features, observed = self.simulate_features, self.features, self.observed
        if observed is not None:
            observed = replace(observed, x=np.asarray(observed.x)[self._columns(kept)])
        return replace(
            self,
            features=None if features is None else lambda recording: chosen(features(recording)),
            simulate_features=None if fused is None else lambda key, theta: chosen(fused(key, theta)),
            observed=observed,
            targets={name: pair for name, pair in self.targets.items() if name.split("[")[0] in kept},
            log_likelihood=None,
            logistic_design=None,
            exact_posterior=None,
            function=None,
            drive=None,
        )

    def _columns(self, names: list[str]) -> np.ndarray:
        """Which columns of x belong to these features."""
        owners = [name for name, shape in self.feature_shapes for _ in range(int(np.prod(shape)))]
        return np.isin(owners, names)

    def default_observation(self) -> Observed:
        """The observation of the model: a recording, or one simulation at ``true_theta`` with key 0.

        Raises:
            ValueError: the simulator has neither.
        """
        if self.observed is not None:
            return self.observed
        if self.true_theta is None:
            raise ValueError(f"Simulator '{self.name}' has no default observation; give one.")
        theta, key = np.asarray(self.true_theta, np.float32), jax.random.key(0)
        shown = self.drawn(key, self.prior.as_dict(jnp.asarray(theta)))
        recording = np.asarray(shown) if isinstance(shown, jax.Array | np.ndarray) else None
        x = np.asarray(self(key, jnp.asarray(theta)))
        return Observed(x, theta, recording, "built-in synthetic observation")

    def drawn(self, key: Key[Array, ""], theta: Theta) -> Any:
        """What is drawn on ``axes``: the picture where the model has one, else the recording itself."""
        return (self.picture or self.simulate)(key, theta)

    def _raw_features(self, key: Key[Array, ""], theta: Theta) -> Any:
        if self.simulate_features is not None:
            return self.simulate_features(key, theta)
        recording = self.simulate(key, theta)
        return recording if self.features is None else self.features(recording)

    @classmethod
    def from_numpy(
        cls,
        name: str,
        prior: Prior,
        function: Callable[[dict[str, float], int], Any],
        feature_names: tuple[str, ...] | list[str],
        **described: Any,
    ) -> Simulator:
        """A black-box simulator from ``function(theta: dict[str, float], seed: int) -> (num_features,)``.

        ``simulate_batch`` runs it in worker processes; an exception, a NaN, a dead process, or one that takes
        longer than ``timeout`` seconds for a row (and is killed), makes the row invalid.
        ``described`` are further fields of ``Simulator`` (``timeout``, ``feature_units``, ``title``, ...).

        Raises:
            ValueError: no feature names, or names that repeat; a timeout that is not positive.
        """
        names = tuple(feature_names)
        if not names or len(set(names)) < len(names):
            raise ValueError(f"Feature names must be given and differ from each other; got {list(names)}.")

        timeout = described.get("timeout")
        if timeout is not None and not timeout > 0:
            raise ValueError(
                f"The timeout of '{name}' must be a positive number of seconds; got {timeout!r}."
            )

        simulate = partial(_simulate_black_box, function=function, parameters=prior.names, num=len(names))
        features = partial(_named_features, names=names)
        return cls(name, prior, simulate, features, differentiable=False, function=function, **described)


def _simulate_black_box(
    key: Key[Array, ""], theta: Theta, *, function: Callable, parameters: tuple[str, ...], num: int
) -> Array:
    def call(row: Array, seed: Array) -> np.ndarray:
        return call_black_box(function, parameters, np.asarray(row), int(seed), num)

    seed = jax.random.bits(key, dtype=jnp.uint32)
    row = jnp.concatenate([jnp.ravel(value) for value in theta.values()])
    return jax.pure_callback(
        call, jax.ShapeDtypeStruct((num,), jnp.float32), row, seed, vmap_method="sequential"
    )


def _named_features(recording: Array, *, names: tuple[str, ...]) -> dict[str, Array]:
    return dict(zip(names, recording, strict=True))


def feature_row(features: Any) -> Array:
    """One row of the features that a model returns, in the order in which it names them.

    Inside a compiled function if it is to be compiled at all: what such a function returns is sorted by name.
    """
    values = list(features.values()) if isinstance(features, Mapping) else [features]
    return jnp.concatenate([jnp.ravel(value) for value in values]).astype(jnp.float32)


def _flat_names(name: str, shape: tuple[int, ...]) -> list[str]:
    return [name] if not shape else [f"{name}[{i}]" for i in range(int(np.prod(shape)))]
