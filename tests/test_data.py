import sys
import types
import zipfile

import numpy as np
import pytest
from scipy import special

from tests.cases import CIFAR10, needs_cifar10
from tf_earlydyn import data
from tf_earlydyn.config import DataConfig
from tf_earlydyn.data import cifar, gaussian
from tf_earlydyn.data.preprocess import average_pool, normalise
from tf_earlydyn.errors import InputError

SMALL = {"n_train": 300, "n_test": 50, "d": 4}


def test_gaussian_inputs_have_their_covariance():
    config = DataConfig(n_train=40_000, n_test=1, d=3, covariance="power_law", power=2.0)
    x = data.load(config, 0).x_train.astype(np.float64)
    expected = 3 * np.array([1, 1 / 4, 1 / 9]) / (1 + 1 / 4 + 1 / 9)  # k^-2, scaled to trace d
    np.testing.assert_allclose(gaussian.spectrum(config), expected, rtol=1e-12)
    np.testing.assert_allclose(np.cov(x.T), np.diag(expected), atol=5 * 2 * np.sqrt(2 / 40_000))


@pytest.mark.parametrize("options", [{"power": 1e6}, {"power": -1e6}])
def test_extreme_powers_do_not_overflow(options):
    eigenvalues = gaussian.spectrum(DataConfig(d=3, covariance="power_law", **options))
    np.testing.assert_allclose(sorted(eigenvalues), [0, 0, 3])


def test_given_spectrum_is_scaled_to_trace_d():
    config = DataConfig(d=2, covariance="spectrum", spectrum=(30.0, 10.0))
    np.testing.assert_allclose(gaussian.spectrum(config), [1.5, 0.5])


@pytest.mark.parametrize(("law", "fourth_moment"), [("normal", 3.0), ("rademacher", 1.0), ("uniform", 1.8)])
def test_entries_have_unit_variance_and_the_fourth_moment_of_their_law(law, fourth_moment):
    """E[z^4]: 3 for the normal law, 1 for signs, 9/5 for the uniform law on [-sqrt 3, sqrt 3].

    Five standard errors each, of the normal law, whose are the largest: Var z^2 = 2 and Var z^4 = 105 - 9 = 96.
    """
    x = data.load(DataConfig(n_train=20_000, n_test=1, d=5, entries=law), 0).x_train.astype(np.float64)
    assert abs(x.mean()) < 5 / np.sqrt(x.size)
    assert abs(np.mean(x**2) - 1) < 5 * np.sqrt(2 / x.size)
    assert abs(np.mean(x**4) - fourth_moment) < 5 * np.sqrt(96 / x.size)


def test_labels_are_those_of_the_teacher():
    values = data.load(DataConfig(labels="value", **SMALL), 3)
    signs = data.load(DataConfig(labels="sign", **SMALL), 3)
    rng = np.random.default_rng([3, 0])  # the teacher's stream
    w, v = rng.standard_normal((4, 5)), rng.choice([-1.0, 1.0], size=(5, 1))
    f = special.erf(values.x_test.astype(np.float64) @ w / 2) @ v / np.sqrt(5)
    np.testing.assert_allclose(values.y_test, f, atol=1e-6)
    np.testing.assert_array_equal(signs.y_test, np.sign(f))


def test_same_seed_gives_the_same_data_whatever_the_sizes():
    small, large = data.load(DataConfig(**SMALL), 1), data.load(DataConfig(n_train=500, n_test=80, d=4), 1)
    for name in ("x_train", "y_train", "x_test", "y_test"):
        rows = getattr(small, name)
        np.testing.assert_array_equal(getattr(large, name)[: len(rows)], rows)
    assert np.abs(data.load(DataConfig(**SMALL), 2).x_train - small.x_train).max() > 0.1
    assert np.abs(small.x_train[:50] - small.x_test).max() > 0.1


def test_preprocessing_centres_by_the_training_mean_and_scales():
    raw = data.load(DataConfig(**SMALL), 0)
    done = normalise(raw)
    for x, before in ((done.x_train, raw.x_train), (done.x_test, raw.x_test)):
        np.testing.assert_allclose(np.linalg.norm(x, axis=1), 2, rtol=1e-6)
        centred = before - raw.x_train.mean(axis=0, dtype=np.float64)
        np.testing.assert_allclose(
            x, 2 * centred / np.linalg.norm(centred, axis=1, keepdims=True), rtol=1e-4, atol=1e-6
        )
    assert done.preprocessing == ("centred by the training mean", "each input scaled to norm sqrt(4)")
    assert done.spectrum is None


def test_an_input_that_is_the_mean_is_refused():
    with pytest.raises(InputError, match="training example 0 equal to it"):
        data.load(DataConfig(n_train=1, n_test=1, preprocess="normalise"), 0)


def test_pooling_is_the_mean_of_each_square():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), np.uint8)
    pooled = average_pool(images, 2)
    assert pooled.shape == (2, 2, 3, 3)
    assert pooled[1, 1, 2, 0] == np.float32(images[1, 2:4, 4:6, 0].mean())


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("cat", "cow"), "classes are named airplane"),
        (("cat", "10"), "classes are named airplane"),
        (("cat", "cat"), "two different classes"),
        (("cat", "3"), "two different classes"),
        (("cat",), "two different classes"),
        (("cat", "dog", "horse"), "two different classes"),
        ((), "two different classes"),
    ],
)
def test_classes_that_cannot_be_are_refused(classes, message):
    with pytest.raises(InputError, match=message):
        cifar.class_numbers(classes)


def test_targets_by_hand():
    labels = np.array([7, 3, 3])
    np.testing.assert_array_equal(cifar.targets(labels, (3, 7)), [[-1], [1], [1]])
    np.testing.assert_array_equal(cifar.targets(labels, tuple(range(10))), np.eye(10)[[7, 3, 3]])


def test_a_tensorflow_datasets_that_does_not_import_is_refused(monkeypatch):
    """As with a tensorflow-metadata that is newer than the protobuf beside it: the module is there, and empty."""
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", types.ModuleType("tensorflow_datasets"))
    with pytest.raises(
        InputError, match=r"tensorflow-datasets does not work .*pip install 'tensorflow-metadata<1\.18'"
    ):
        data.load(DataConfig(data="cifar10", data_dir="none"), 0)


@pytest.mark.smoke
@needs_cifar10
def test_cifar10_is_read_in_two_classes():
    """5,000 training and 1,000 test images a class: the data set's own counts."""
    whole = data.load(DataConfig(data="cifar10"), 0)
    assert whole.x_train.shape == (10_000, 8, 8, 3)
    assert whole.x_test.shape == (2_000, 8, 8, 3)
    assert (whole.y_train.sum(), whole.y_test.sum()) == (0, 0)
    np.testing.assert_allclose(np.linalg.norm(whole.x_test.reshape(2_000, -1), axis=1), np.sqrt(192), rtol=1e-6)
    part = data.load(DataConfig(data="cifar10", n_train=20, n_test=10, preprocess="none"), 0)
    full = data.load(DataConfig(data="cifar10", classes=("3", "7"), preprocess="none"), 0)
    np.testing.assert_array_equal(part.x_train, full.x_train[:20])
    with pytest.raises(InputError, match="n_train must be at most 10000"):
        data.load(DataConfig(data="cifar10", n_train=10_001), 0)


@needs_cifar10
def test_cifar10_is_read_in_ten_classes():
    ten = data.load(DataConfig(data="cifar10", classes=("all",), pool=8, n_train=100), 0)
    assert ten.x_train.shape == (100, 4, 4, 3)
    assert ten.y_test.shape == (10_000, 10)
    np.testing.assert_array_equal(ten.y_test.sum(axis=0), 1_000)


@pytest.mark.parametrize("kind", ["empty", "missing", "a file"])
def test_a_folder_without_cifar10_and_without_a_network_is_refused(kind, tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    folder = tmp_path / "data"
    if kind == "empty":
        folder.mkdir()
    if kind == "a file":
        folder.write_text("")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=r"CIFAR-10 cannot be read .*tfds.load\('cifar10'.*--data_dir"):
        data.load(DataConfig(data="cifar10", data_dir=str(folder)), 0)
    assert sorted(tmp_path.rglob("*")) == before


@needs_cifar10
@pytest.mark.parametrize("damaged", ["tfrecord", "dataset_info"])
def test_damaged_cifar10_is_refused(damaged, tmp_path):
    version = next(CIFAR10.iterdir())
    folder = tmp_path / "cifar10" / version.name
    folder.mkdir(parents=True)
    for file in version.iterdir():
        (folder / file.name).write_bytes(_half(file) if damaged in file.name else file.read_bytes())
    with pytest.raises(InputError, match="CIFAR-10 cannot be read"):
        data.load(DataConfig(data="cifar10", data_dir=str(tmp_path)), 0)


def _half(file):
    content = file.read_bytes()
    return content[: len(content) // 2]


ARRAYS = {
    "x_train": np.random.default_rng(0).standard_normal((6, 2, 2)),
    "y_train": np.arange(6) - 3,
    "x_test": np.random.default_rng(1).standard_normal((3, 2, 2)),
    "y_test": np.arange(3) - 1,
}


def load_npz(path, arrays, **options):
    np.savez(path, **arrays)
    return data.load(DataConfig(data="npz", data_file=str(path), **options), 0)


def test_npz_is_read_in_its_order(tmp_path):
    loaded = load_npz(tmp_path / "a.npz", ARRAYS, preprocess="none", n_train=4)
    np.testing.assert_array_equal(loaded.x_train, ARRAYS["x_train"][:4].astype(np.float32))
    np.testing.assert_array_equal(loaded.y_train, [[-3], [-2], [-1], [0]])
    assert load_npz(tmp_path / "b.npz", {**ARRAYS, "y_train": np.eye(6), "y_test": np.eye(6)[:3]}).outputs == 6


BROKEN = {
    "missing": ({**ARRAYS, "x_test": None}, "data_file lacks x_test of x_train, y_train"),
    "lengths": ({**ARRAYS, "y_train": np.arange(5)}, r"x_train must be .* Received: shapes \(6, 2, 2\) and \(5, 1\)"),
    "shapes": ({**ARRAYS, "x_test": np.ones((3, 5))}, "must have the same shape"),
    "outputs": ({**ARRAYS, "y_test": np.ones((3, 2))}, "must have the same shape"),
    "flat inputs": ({**ARRAYS, "x_train": np.arange(6.0)}, r"x_train must have shape \[n, \.\.\.\]"),
    "deep targets": ({**ARRAYS, "y_train": np.ones((6, 1, 1))}, r"y_train must have shape \[n\] or \[n, C\]"),
    "empty": ({**ARRAYS, "x_test": np.ones((0, 2, 2)), "y_test": np.ones(0)}, "x_test must have shape .*at least one"),
    "nan": ({**ARRAYS, "y_test": np.array([1, np.nan, np.inf])}, "y_test must hold finite .* Received: 2 that"),
    "too large": ({**ARRAYS, "y_test": np.array([1, 1e300, 1])}, "y_test must hold finite float32"),
    "text": ({**ARRAYS, "y_test": np.array(["a", "b", "c"])}, "y_test must hold real numbers"),
    "pickles": ({**ARRAYS, "y_test": np.array([{}, 1, "b"], dtype=object)}, "without pickles"),
    "too many": (ARRAYS, "n_test must be at most 3, the examples there are. Received: n_test=7"),
}


@pytest.mark.parametrize(("arrays", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_npz_is_refused(arrays, message, tmp_path):
    arrays = {name: array for name, array in arrays.items() if array is not None}
    with pytest.raises(InputError, match=message):
        load_npz(tmp_path / "a.npz", arrays, n_test=7 if "n_test" in message else None)


def test_npz_in_the_home_directory_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez(tmp_path / "a.npz", **{**ARRAYS, "y_train": -ARRAYS["y_train"]})
    assert data.load(DataConfig(data="npz", data_file="~/a.npz"), 0).outputs == 1


def test_labels_0_and_1_are_warned_of(tmp_path):
    with pytest.warns(UserWarning, match=r"labels must be \+1 and -1"):
        load_npz(tmp_path / "a.npz", {**ARRAYS, "y_train": np.arange(6) % 2, "y_test": np.arange(3) % 2})


def test_npz_damaged_inside_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **ARRAYS)
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"data_file must be an \.npz"):
        data.load(DataConfig(data="npz", data_file=str(path)), 0)


def test_npz_members_that_are_no_arrays_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as file:
        for name in ARRAYS:
            file.writestr(f"{name}.npy", b"hello")
    with pytest.raises(InputError, match=r"x_train must be an array|data_file must be an \.npz"):
        data.load(DataConfig(data="npz", data_file=str(path)), 0)


@pytest.mark.parametrize("content", [None, b"", b"no zip", "array"])
def test_files_that_are_no_npz_are_refused(content, tmp_path):
    path = tmp_path / "a.npz"
    if content == "array":
        with path.open("wb") as file:
            np.save(file, np.ones(3))
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"data_file must be an \.npz .*a\.npz"):
        data.load(DataConfig(data="npz", data_file=str(path)), 0)
