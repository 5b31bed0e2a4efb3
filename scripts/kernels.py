"""How the error of the linear kernel, and the gap to the linear model in training, fall with the input dimension d.

    python scripts/kernels.py                                   erf, n = m = d^1.25, d = 32 to 256, 5 seeds: 5 minutes
    python scripts/kernels.py --study=kernel --activation=gelu                           the kernel alone: seconds
    python scripts/kernels.py --flagfile=scripts/experiments/kernels/erf.flags   20 seeds, d = 32 to 512: a minute

Writes a run directory, runs/<time> unless --run_dir names it: errors.csv, ||Theta - Theta_lin|| d / n of each seed;
gaps.csv, the largest mean of (f - f_lin)^2 before T = c d log d / eta; exponents.csv, fitted exponents with confidence
intervals; and figures. The first run shows kernel errors that fall as d^-0.5 (first layer) and d^-0.1 (second, both),
and test gaps that fall as d^-0.6, d^-0.3 and d^-0.4, each within 0.2. Experiments are flagfiles in
scripts/experiments/kernels; flags after --flagfile change them.
"""

import entry  # first: it sets up the process

from tf_earlydyn import flags
from tf_earlydyn.config import ExecutionConfig, KernelStudyConfig
from tf_earlydyn.errors import InputError


def main(arguments: list[str]) -> None:
    if arguments:
        raise InputError(f"kernels.py takes flags alone. Received: {' '.join(arguments)}.")
    config = flags.read(KernelStudyConfig, execution=flags.read(ExecutionConfig))

    from tf_earlydyn.studies import kernel_scaling  # late, so that --help and wrong flags are answered at once

    with entry.computing(config.execution):
        directory = kernel_scaling.run(config)
    print(f"Figures: {directory.figures}")
    print(f"Report: {directory.report}")


if __name__ == "__main__":
    flags.define_flags(KernelStudyConfig)
    flags.define_flags(ExecutionConfig)
    flags.run_script(main, __doc__)
