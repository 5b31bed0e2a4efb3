"""What each of two workers does for ``test_workers.py``, in one start of them, which takes longer than most of it.

    python -m tests.worker FOLDER IMAGES OTHER

Asserts that two compute what one computes, writes a prediction and a run into the folder, and prints what it is
refused, one line each. ``IMAGES`` are the run's; of ``OTHER`` each is given a file that is no data.
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np

import tf_earlydyn as te
from tests import kernel_models
from tests.cases import draw_nothing
from tf_earlydyn import distribution, ntk, report
from tf_earlydyn.config import DataConfig, ExecutionConfig, ModelConfig, RunConfig, TrainingConfig
from tf_earlydyn.errors import InputError, WorkerError
from tf_earlydyn.ntk import projection
from tf_earlydyn.studies import prediction, seeds

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
MODELS = ("mlp of three outputs", "cnn of two outputs")
FORETOLD = RunConfig(
    data=DataConfig(d=6, n_train=301, n_test=50),
    model=ModelConfig(width=16),
    training=TrainingConfig(steps=20),
    execution=ExecutionConfig(dtype="float64"),
)


IMAGES = RunConfig(
    model=ModelConfig(model="cnn", width=4, depth=2),
    training=TrainingConfig(steps=200),
    execution=ExecutionConfig(dtype="float64"),
    seeds=2,
    tracked=1,
    probe=0,
)


def of_images(images, run_dir, **changes):
    """The run of several seeds."""
    data = DataConfig(data="npz", data_file=str(images))
    return dataclasses.replace(IMAGES, data=data, run_dir=str(run_dir), **changes)


def kernels_and_twins(model, dtype, strategy):
    """All that is shared out, of 11 examples, or 77, which 2 does not divide."""
    x = kernel_models.inputs(model, 77)
    kernel = ntk.TangentKernel(model, x[:11])
    other = ntk.FeatureKernel(x[:11].reshape(11, -1).astype(dtype), kernel.outputs)
    return [
        te.empirical_ntk(model, x[:11], strategy=strategy),
        list(ntk.compare(kernel, other, strategy=strategy)),
        ntk.product(kernel, np.ones((11 * kernel.outputs, 2), dtype), strategy=strategy),
        *te.affine_twin(model, x, route="kernels", strategy=strategy)._parts.values(),
        *te.affine_twin(model, x, route="passes", strategy=strategy)._parts.values(),
    ]


def compare_with_one(strategy):
    for name in MODELS:
        for dtype, tolerance in TOLERANCE.items():
            model = kernel_models.make(name, dtype)
            alone, both = (
                kernels_and_twins(model, dtype, each) for each in (distribution.within_process(strategy), strategy)
            )
            for one, other in zip(alone, both, strict=True):
                np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * np.abs(one).max())


def refused(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except (InputError, WorkerError) as error:
        print(error)


def main(folder, images, other):
    execution = ExecutionConfig(strategy="multiworker", dtype="float64")
    strategy = distribution.make_strategy(execution)
    report.draw_figures = draw_nothing
    ntk.blocks.LARGEST, projection._EXAMPLES = 4, 16  # so that there are tiles for both
    compare_with_one(strategy)
    foretold = dataclasses.replace(FORETOLD, execution=execution, run_dir=f"{folder}/foretold")
    prediction.run(foretold, show_progress=False)
    run = of_images(images, f"{folder}/run", execution=execution)
    seeds.run(run, show_progress=False)
    ended = Path(run.run_dir, "summary.json")
    before = ended.stat().st_mtime_ns if distribution.is_chief(strategy) else None
    seeds.run(run, show_progress=False, resume=True)  # which has finished
    assert before is None or ended.stat().st_mtime_ns == before

    place = distribution.worker_number(strategy)
    unlike = of_images(
        other,
        f"{folder}/other",
        execution=execution,
        training=TrainingConfig(learning_rate=1.0 + place),
        seed=place,
        checkpoint_seconds=1.0 + place,
    )
    refused(seeds.run, unlike, show_progress=False)
    refused(seeds.run, dataclasses.replace(unlike, seeds=1 + place), show_progress=False)
    refused(prediction.run, dataclasses.replace(unlike, seeds=1), show_progress=False)
    model = kernel_models.make("mlp")
    refused(te.empirical_ntk, model, kernel_models.inputs(model, 11), file="kernel.npy", strategy=strategy)
    refused(seeds.run, run, show_progress=False)  # the first worker ends


if __name__ == "__main__":
    main(*sys.argv[1:])
