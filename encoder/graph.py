"""all-MiniLM-L6-v2 as an ONNX graph of our own: 6 layers, 384 dims, 12 heads; mean pooling inside.

The graph takes `input_ids (1, tokens) int32` and gives `embedding (1, 384) float32`, not yet normalised. It
takes one text at a time: activations are quantised per call, so a text's vector must not depend on which
other texts happen to share its batch. Several texts run side by side on several threads instead.

Weights are int8 per output column, in 7 bits, because kernels without VNNI add two products in 16 bits and
would saturate: with 7 bits every machine adds the same whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper

Array = np.ndarray[Any, Any]

LAYERS: Final = 6
DIM: Final = 384
HEADS: Final = 12
EPSILON: Final = 1e-12
MAX_TOKENS: Final = 256
_LIMIT: Final = 63
_OPSET: Final = 17
_IR: Final = 8
_FUSED: Final = "com.microsoft"


class _Graph:
    """Collects nodes and constants; every value has the name of the node that makes it."""

    def __init__(self, *, int8: bool) -> None:
        self.int8 = int8
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, values: Array) -> str:
        values = np.ascontiguousarray(values)
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        self.constants.append(
            helper.make_tensor(name, kind, values.shape, values.tobytes(), raw=True)
        )
        return name

    def node(
        self, op: str, inputs: list[str], output: str, *, fused: bool = False, **more: Any
    ) -> str:
        domain = _FUSED if fused else ""
        self.nodes.append(helper.make_node(op, inputs, [output], output, domain=domain, **more))
        return output

    def linear(self, name: str, source: str, weight: Array, bias: Array) -> str:
        """Add `source @ weight + bias`; weight is (in, out)."""
        offset = self.constant(f"{name}.bias", bias)
        if not self.int8:
            product = self.node(
                "MatMul", [source, self.constant(f"{name}.weight", weight)], f"{name}.product"
            )
            return self.node("Add", [product, offset], name)
        whole, scale = quantise(weight, axis=0)
        inputs = [
            source,
            self.constant(f"{name}.weight", whole),
            self.constant(f"{name}.scale", scale),
            "",
            offset,
        ]
        return self.node("DynamicQuantizeMatMul", inputs, name, fused=True)


def quantise(values: Array, *, axis: int) -> tuple[Array, Array]:
    """Return int8 numbers in -63…63 and the float32 scale of each column (axis 0) or row (axis 1)."""
    most = np.abs(values).max(axis=axis)
    scale = (np.maximum(most, 1e-12) / _LIMIT).astype(np.float32)
    whole = np.rint(values / (scale if axis == 0 else scale[:, None]))
    return whole.astype(np.int8), scale


def build_graph(tensors: Mapping[str, Array], *, int8: bool = True) -> ModelProto:
    """Return the encoder as an ONNX model.

    Args:
        tensors: The published weights, by their published names.
        int8: Quantise every matrix; False keeps float32, for comparison.
    """
    graph = _Graph(int8=int8)
    hidden = _embeddings(graph, tensors)
    for layer in range(LAYERS):
        hidden = _layer(graph, tensors, layer, hidden)
    axes = [1]
    graph.node("ReduceMean", [hidden], "embedding", axes=axes, keepdims=0)
    made = helper.make_graph(
        graph.nodes,
        "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT32, [1, "tokens"])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, DIM])],
        graph.constants,
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)]
    return helper.make_model(
        made, opset_imports=opsets, ir_version=_IR, producer_name="parley encoder.build"
    )


def _embeddings(graph: _Graph, tensors: Mapping[str, Array]) -> str:
    words = tensors["embeddings.word_embeddings.weight"]
    if graph.int8:
        whole, scale = quantise(words, axis=1)
        rows = graph.node("Gather", [graph.constant("words", whole), "input_ids"], "words.rows")
        sizes = graph.node(
            "Gather", [graph.constant("words.scale", scale[:, None]), "input_ids"], "words.sizes"
        )
        plain = graph.node("Cast", [rows], "words.float", to=TensorProto.FLOAT)
        found = graph.node("Mul", [plain, sizes], "words.found")
    else:
        found = graph.node("Gather", [graph.constant("words", words), "input_ids"], "words.found")
    # One segment only: its embedding is the same for every token, so it goes into the positions.
    positions = (
        tensors["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        + tensors["embeddings.token_type_embeddings.weight"][0]
    )
    shape = graph.node("Shape", ["input_ids"], "tokens.shape")
    count = graph.node("Gather", [shape, graph.constant("one", np.array([1]))], "tokens.count")
    inputs = [graph.constant("positions", positions), graph.constant("zero", np.array([0])), count]
    used = graph.node("Slice", inputs, "positions.used")
    return _add_norm(graph, tensors, found, used, "embeddings.LayerNorm")


def _add_norm(graph: _Graph, tensors: Mapping[str, Array], left: str, right: str, name: str) -> str:
    """Add two values and normalise: two operators, because the fused one is not vectorised."""
    total = graph.node("Add", [left, right], f"{name}.sum")
    parts = [graph.constant(f"{name}.{p}", tensors[f"{name}.{p}"]) for p in ("weight", "bias")]
    return graph.node(
        "LayerNormalization", [total, *parts], f"{name}.out", axis=-1, epsilon=EPSILON
    )


def _layer(graph: _Graph, tensors: Mapping[str, Array], layer: int, hidden: str) -> str:
    prefix = f"encoder.layer.{layer}"

    def weights(name: str) -> tuple[Array, Array]:
        return tensors[f"{prefix}.{name}.weight"].T, tensors[f"{prefix}.{name}.bias"]

    attended = _attention(
        graph, prefix, hidden, [weights(f"attention.self.{n}") for n in ("query", "key", "value")]
    )
    mixed = graph.linear(f"{prefix}.mixed", attended, *weights("attention.output.dense"))
    middle = _add_norm(graph, tensors, hidden, mixed, f"{prefix}.attention.output.LayerNorm")
    wide = graph.linear(f"{prefix}.wide", middle, *weights("intermediate.dense"))
    active = graph.node("Gelu", [wide], f"{prefix}.active", fused=True)
    narrow = graph.linear(f"{prefix}.narrow", active, *weights("output.dense"))
    return _add_norm(graph, tensors, middle, narrow, f"{prefix}.output.LayerNorm")


def _attention(graph: _Graph, prefix: str, hidden: str, parts: list[tuple[Array, Array]]) -> str:
    """Add self-attention; query, key and value come from one wide product.

    The division by the root of the head's width is part of the query's weights.
    """
    shrink = np.float32(1 / np.sqrt(DIM // HEADS))
    query, key, value = parts
    weight = np.concatenate([query[0] * shrink, key[0], value[0]], axis=1)
    bias = np.concatenate([query[1] * shrink, key[1], value[1]])
    together = graph.linear(f"{prefix}.qkv", hidden, weight, bias)
    shape = np.array([1, -1, 3 * HEADS, DIM // HEADS])
    rows = graph.node(
        "Reshape", [together, graph.constant(f"{prefix}.shape", shape)], f"{prefix}.rows"
    )
    heads = graph.node("Transpose", [rows], f"{prefix}.heads", perm=[0, 2, 1, 3])
    names = [f"{prefix}.{name}" for name in ("query", "key", "value")]
    sizes = graph.constant(f"{prefix}.sizes", np.array([HEADS] * 3))
    graph.nodes.append(helper.make_node("Split", [heads, sizes], names, f"{prefix}.split", axis=1))
    scores = graph.node("FusedMatMul", names[:2], f"{prefix}.scores", fused=True, transB=1)
    shares = graph.node("Softmax", [scores], f"{prefix}.shares", axis=-1)
    mixed = graph.node("MatMul", [shares, names[2]], f"{prefix}.heads_mixed")
    back = graph.node("Transpose", [mixed], f"{prefix}.back", perm=[0, 2, 1, 3])
    flat = graph.constant(f"{prefix}.flat", np.array([1, -1, DIM]))
    return graph.node("Reshape", [back, flat], f"{prefix}.attended")
