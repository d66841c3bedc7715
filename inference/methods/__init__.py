"""The methods on offer: one per file, each a frozen config and a run function."""

from collections.abc import Mapping

from inference.methods.base import Method
from simulators.registry import Registry

METHODS: Mapping[str, Method] = Registry(
    "method",
    {
        "snpe": "inference.methods.snpe:snpe",
        "nuts": "inference.methods.nuts:nuts",
        "polya_gamma": "inference.methods.polya_gamma:polya_gamma_gibbs",
        "rejection_abc": "inference.methods.rejection_abc:rejection_abc",
        "smc_abc": "inference.methods.smc_abc:smc_abc",
        "genetic": "inference.methods.genetic:genetic",
    },
    group="posterior_lab.methods",
)
