"""The beginning of a network's training, foretold by every entrant: ``benchmark.py predict``."""

from benchmarks.contest import Contest
from benchmarks.curves import TRAINING, Curve
from benchmarks.descent import Descent
from benchmarks.peers import Peer

_CURVES = {f"n{n}": Curve(n) for n in (2_000, 4_000)}
_DESCENT = {"n20000": Descent(20_000)}

CONTEST = Contest(
    cases={**_CURVES, **_DESCENT},
    ours={
        "tf_earlydyn": Peer("learning_curve", ("affine_twin and trajectory",), tuple(_CURVES)),
        "affine twin": Peer("twin_descent", ("trajectory",), tuple(_DESCENT)),
    },
    peers={
        TRAINING: Peer("learning_curve", ("the network itself",), tuple(_CURVES)),
        # With structured derivatives: at n = 2,000 a prediction with its other kernels takes 2.7 and 30 times as long.
        "neural-tangents": Peer(
            "neural_tangents_predict", ("nt.predict",), tuple(_CURVES), environment="neural-tangents"
        ),
        "linear_model": Peer("twin_descent", ("training.train", "tf.function", "fit"), tuple(_DESCENT)),
    },
)
