"""Mechanistic models, their priors and features, and real recordings."""

from simulators.base import FeatureAxis as FeatureAxis
from simulators.base import ImageAxes as ImageAxes
from simulators.base import Observed as Observed
from simulators.base import RecordingAxes as RecordingAxes
from simulators.base import Simulator as Simulator
from simulators.catalogue import SIMULATORS as SIMULATORS
from simulators.catalogue import all_simulators as all_simulators
from simulators.catalogue import get_simulator as get_simulator
from simulators.catalogue import load_simulators as load_simulators
from simulators.extras import simulate_extra as simulate_extra
from simulators.prior import Prior as Prior
from simulators.simulate import Simulations as Simulations
from simulators.simulate import simulate_batch as simulate_batch

__all__ = [
    "SIMULATORS",
    "FeatureAxis",
    "Observed",
    "Prior",
    "ImageAxes",
    "RecordingAxes",
    "Simulations",
    "Simulator",
    "all_simulators",
    "get_simulator",
    "load_simulators",
    "simulate_batch",
    "simulate_extra",
]
