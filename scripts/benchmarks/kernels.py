"""Tangent kernels of one network by every entrant: ``benchmark.py kernels``."""

from benchmarks.cases import CASES
from benchmarks.contest import Contest
from benchmarks.peers import Peer

_ALL = tuple(CASES)

CONTEST = Contest(
    cases=CASES,
    ours={"tf_earlydyn": Peer("ours", ("empirical_ntk",), _ALL)},
    peers={
        "neural-tangents": Peer(
            "neural_tangents",
            ("Jacobian contraction", "NTK-vector products", "structured derivatives"),
            _ALL,
            environment="neural-tangents",
        ),
        "torch": Peer("torch", ("Jacobian contraction", "NTK-vector products"), _ALL, environment="torch"),
        "tape.jacobian": Peer("ours", ("J J'",), cases=("mlp",)),
    },
)
