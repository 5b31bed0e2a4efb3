"""Steps as they are compiled for CPUs: streams side by side, each computed by XLA, in memory that n does not change."""

import functools

import pytest
import tensorflow as tf

from tests.graphs import assert_static, functions, programs
from tests.test_accelerators import advanced, convolution, dense
from tf_earlydyn.training import advance


@pytest.fixture(autouse=True)
def _two_cores(float64, monkeypatch):
    """And a cache that an example fills."""
    monkeypatch.setattr(advance, "cores", lambda: 2)
    monkeypatch.setattr(advance, "_CACHE", 1)
    monkeypatch.setattr(advance, "_GAIN", 0)


@functools.cache
def steps(network, n):
    """The graph of all steps, in two streams, an example at a time."""
    found = advanced(network, n=n)
    assert found.layout == (n, 1, 2, n // 2, 1)
    return found._compiled._functions[0].get_concrete_function(tf.constant(1), found._shares)


def waits_for(function, node):
    """Names of all nodes of a function without which ``node`` does not begin."""
    inputs = {other.name: [name.lstrip("^").partition(":")[0] for name in other.input] for other in function.node_def}
    found, new = set(), {node.name}
    while new:
        new = {name for one in new for name in inputs.get(one, ())} - found
        found |= new
    return found


STREAMS = {dense: "PartitionedCall", convolution: "StatelessWhile"}  # of which one calls a program for each block


@pytest.mark.parametrize(("network", "kind"), STREAMS.items())
def test_each_stream_of_a_cpu_is_compiled_by_xla_and_waits_for_no_other(network, kind):
    """Whole, or of convolutions block by block, for within XLA's loops these are many times slower."""
    graph = steps(network, 12)
    assert not graph.function_def.attr["_XlaMustCompile"].b
    assert_static(graph, at_least=101)
    assert ["StatelessWhile" in operations for operations in programs(graph)] == [kind == "PartitionedCall"]
    found = functions(graph)
    called = [found[node.attr["f"].func.name] for f in found.values() for node in f.node_def if "f" in node.attr]
    assert [function.attr["_XlaMustCompile"].b for function in called] == [True, True]
    (step,) = (f for f in found.values() if any(node.op == "AssignSubVariableOp" for node in f.node_def))
    streams = [node for node in step.node_def if node.op == kind]
    assert len(streams) == 2
    for stream in streams:
        assert not waits_for(step, stream) & {other.name for other in streams}


@pytest.mark.parametrize("network", STREAMS)
def test_no_tensor_but_the_examples_grows_with_n(network):
    """Those are what loops hand on to their turns."""

    def made(n):
        nodes = [node for f in functions(steps(network, n)).values() for node in f.node_def]
        return sorted((node.op, str(node.attr["_output_shapes"])) for node in nodes if node.op != "StatelessWhile")

    assert made(12) == made(24)
