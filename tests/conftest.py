"""Settings of the test process, made before TensorFlow is imported and, of its devices, before it computes."""

import functools
import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # what is expected is what CPUs compute; so in the processes that tests begin

import tensorflow as tf

# Two CPUs stand in for two accelerators, in what takes a strategy; all else is computed on the first.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(autouse=True)
def _seeded():
    """What a test draws without a seed of its own is the same whatever ran before it."""
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="session")
def _images_are_read_once():
    """Reading CIFAR-10 takes five seconds, and many tests want it."""
    from tf_earlydyn.data import cifar

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cifar, "read", functools.cache(cifar.read))
        yield


@pytest.fixture
def float64():
    """Keras layers made in the test are float64."""
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture
def without_figures(monkeypatch):
    """Runs draw nothing, which takes half of a small one's time: ``test_scripts`` and others look at figures."""
    from tests.cases import draw_nothing
    from tf_earlydyn import report

    monkeypatch.setattr(report, "draw_figures", draw_nothing)


@pytest.fixture(scope="session")
def mirrored():
    """Two replicas on this machine."""
    from tf_earlydyn.config import ExecutionConfig
    from tf_earlydyn.distribution import make_strategy

    return make_strategy(ExecutionConfig(strategy="mirrored"))


@pytest.fixture
def advances(monkeypatch):
    """The compiled steps of all training in the test."""
    from tf_earlydyn.training import loop
    from tf_earlydyn.training.advance import Advance

    made = []
    monkeypatch.setattr(loop, "Advance", lambda *arguments: made.append(Advance(*arguments)) or made[-1])
    return made
