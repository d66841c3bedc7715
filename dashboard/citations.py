"""The papers behind the methods, as they are cited."""

from __future__ import annotations

from collections.abc import Mapping

LUECKMANN = (
    "Lueckmann J-M, Gonçalves PJ, Bassetto G, Öcal K, Nonnenmacher M, Macke JH (2017). Flexible statistical "
    "inference for mechanistic models of neural dynamics. NeurIPS 30."
)
GONCALVES = (
    "Gonçalves PJ, Lueckmann J-M, Deistler M, et al. (2020). Training deep neural density estimators to "
    "identify mechanistic models of neural dynamics. eLife 9:e56261. doi:10.7554/eLife.56261"
)
RODRIGUES = (
    "Rodrigues PLC, Moreau T, Louppe G, Gramfort A (2021). HNPE: Leveraging global parameters for neural "
    "posterior estimation. NeurIPS 34."
)
BITTNER = (
    "Bittner SR, Palmigiano A, Piet AT, et al. (2021). Interrogating theoretical models of neural "
    "computation with emergent property inference. eLife 10:e56265. doi:10.7554/eLife.56265"
)
HOFFMAN = (
    "Hoffman MD, Gelman A (2014). The No-U-Turn Sampler: adaptively setting path lengths in Hamiltonian "
    "Monte Carlo. Journal of Machine Learning Research 15:1593-1623."
)
PHAN = (
    "Phan D, Pradhan N, Jankowiak M (2019). Composable effects for flexible and accelerated probabilistic "
    "programming in NumPyro. arXiv:1912.11554"
)
POLSON = (
    "Polson NG, Scott JG, Windle J (2013). Bayesian inference for logistic models using Pólya-Gamma latent "
    "variables. Journal of the American Statistical Association 108:1339-1349."
)
BEAUMONT_2002 = (
    "Beaumont MA, Zhang W, Balding DJ (2002). Approximate Bayesian computation in population genetics. "
    "Genetics 162:2025-2035."
)
BEAUMONT_2009 = (
    "Beaumont MA, Cornuet J-M, Marin J-M, Robert CP (2009). Adaptive approximate Bayesian computation. "
    "Biometrika 96:983-990."
)
VAN_GEIT = (
    "Van Geit W, Gevaert M, Chindemi G, et al. (2016). BluePyOpt: leveraging open source software and cloud "
    "infrastructure to optimise model parameters in neuroscience. Frontiers in Neuroinformatics 10:17."
)
OF_METHOD: Mapping[str, tuple[str, ...]] = {
    "snpe": (LUECKMANN, GONCALVES),
    "hnpe": (RODRIGUES,),
    "epi": (BITTNER,),
    "nuts": (HOFFMAN, PHAN),
    "polya_gamma": (POLSON,),
    "rejection_abc": (BEAUMONT_2002,),
    "smc_abc": (BEAUMONT_2009,),
    "genetic": (VAN_GEIT,),
}
