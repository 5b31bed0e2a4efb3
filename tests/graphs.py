"""What is looked at in compiled graphs: shapes, what XLA compiles as a whole, and how often they were traced."""

import tensorflow as tf


def traced_once(advance):
    """The graph of all steps, with those of all functions within it, of what has been called."""
    function = advance._compiled._functions[0]
    assert function.experimental_get_tracing_count() == 1
    return function.get_concrete_function(tf.constant(1), advance._shares)


def functions(graph):
    """Those within a graph, by name."""
    return {f.signature.name: f for f in graph.graph.as_graph_def(add_shapes=True).library.function}


def programs(graph):
    """The kinds of operations of each function within a graph that XLA compiles as a whole."""
    return [{node.op for node in f.node_def} for f in functions(graph).values() if f.attr["_XlaMustCompile"].b]


def assert_static(graph, at_least=1, but=()):
    """All shapes are known ahead, those within loops and functions, too; of so many tensors at least.

    But for those that operations of some kinds make.
    """
    inner = (node for function in functions(graph).values() for node in function.node_def)
    nodes = [node for node in (*graph.graph.as_graph_def(add_shapes=True).node, *inner) if node.op not in but]
    shapes = [(node.name, shape) for node in nodes for shape in node.attr["_output_shapes"].list.shape]
    assert len(shapes) >= at_least
    unknown = [name for name, shape in shapes if shape.unknown_rank or any(size.size < 0 for size in shape.dim)]
    assert not unknown, unknown
