"""The methods on offer: one per file, each a frozen config and a run function.

Of those with exact draws, one for special models comes before one for many: the first that suits a model is
the best reference for it.
"""

from collections.abc import Mapping

from inference.methods.base import Method
from simulators.registry import Registry

METHODS: Mapping[str, Method] = Registry(
    "method",
    {
        "snpe": "inference.methods.snpe:snpe",
        "hnpe": "inference.methods.hnpe:hnpe",
        "epi": "inference.methods.epi:epi",
        "polya_gamma": "inference.methods.polya_gamma:polya_gamma_gibbs",
        "nuts": "inference.methods.nuts:nuts",
        "rejection_abc": "inference.methods.rejection_abc:rejection_abc",
        "smc_abc": "inference.methods.smc_abc:smc_abc",
        "genetic": "inference.methods.genetic:genetic",
    },
    group="posterior_lab.methods",
)
