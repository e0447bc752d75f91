"""What this process computes with."""

from functools import cache
from importlib.metadata import version

import numpy as np
from llvmlite import binding

from backend.core.jobs.provenance import Machine
from market_data.kernel_cache import kernel_state


@cache
def this_machine() -> Machine:
    """Return the processor, the state of the kernels, and the versions that numbers and files depend on."""
    return Machine(
        cpu=binding.get_host_cpu_name(),
        kernels=kernel_state(),
        numba=version("numba"),
        numpy=np.__version__,
        pyarrow=version("pyarrow"),
    )
