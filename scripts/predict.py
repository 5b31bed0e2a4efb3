r"""Foretells the beginning of a network's training, without training: its learning curve by the network's affine twin.

    python scripts/predict.py                                               Figure 1's network: seconds on 2 CPU cores
    python scripts/predict.py --flagfile=scripts/experiments/figure2_mlp.flags --data_dir=DIR          Figure 2's MLP
    python scripts/predict.py --network_file=F.keras --data=npz --data_file=D.npz \
        --preprocess=none --learning_rate=0.1                                your own: README.md, The affine twin

Takes the flags of train.py. Prints what was done to the inputs, the largest stable learning rate, the loss at which the
linear phase ends and how linear the start is, and writes a run directory, runs/<time> unless --run_dir names it:
prediction.csv, the losses at log-spaced steps, summary.json, and a figure. Of Figure 1's network it foretells a
training loss of 0.318 at step 28, where training reaches 0.316. Of a network that is not zero at step 0, the twin is
that of the change since then.
"""

import entry  # first: it sets up the process

from tf_earlydyn import flags
from tf_earlydyn.errors import InputError


def main(arguments: list[str]) -> None:
    if arguments:
        raise InputError(f"predict.py takes flags alone. Received: {' '.join(arguments)}.")
    config = flags.run_config()

    from tf_earlydyn.rundir import read_json  # late, so that --help and wrong flags are answered at once
    from tf_earlydyn.studies import prediction

    with entry.computing(config.execution):
        directory = prediction.run(config)
    if directory is not None:
        print(prediction.in_words(read_json(directory.config), read_json(directory.summary)))
        print(f"Figures: {directory.figures}")
        print(f"Report: {directory.report}")


if __name__ == "__main__":
    flags.define_run_flags()
    flags.run_script(main, __doc__)
