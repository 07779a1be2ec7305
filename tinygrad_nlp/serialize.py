"""Checkpoints: a model, an optimizer, a schedule, the random generator and notes of yours in one safetensors file.

Arrays are stored as tensors, everything else as JSON in the header. Nothing is ever executed on loading, unlike with
pickle. The file is written beside its target and put in its place only when it is complete and on the disk, so
a crash or a full disk leaves the old checkpoint as it was. A digest over all of it finds a flipped bit.

A parameter ``fc.weight`` is the tensor ``model.fc.weight``: other programs can read it with safetensors alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import namedtuple

import numpy as np

from . import random
from .errors import CheckpointError, DTypeError, explain
from .tensor import Tensor
from .written import beside

FORMAT = "tinygrad_nlp checkpoint"
VERSION = "1"
LONGEST_HEADER = 100_000_000  # safetensors' own limit, in bytes
AGAIN = "load an earlier checkpoint, or copy the file again"

Checkpoint = namedtuple("Checkpoint", "model optimizer schedule random metadata")
Checkpoint.__doc__ = """What a checkpoint holds: the states of model, optimizer and schedule (None where not saved),
the random generator's, and the caller's metadata."""


def save(path, *, model=None, optimizer=None, schedule=None, metadata=None) -> None:
    """Write a checkpoint to ``path``, replacing what is there only once the new one is complete.

    model, optimizer, schedule  objects with ``state_dict()``, or such a dict; None leaves one out
    metadata                    dicts, lists, tuples, strings, numbers, bools, None and arrays, nested at will

    The default random generator's state is always included; one of your own goes into ``metadata`` as
    ``rng.bit_generator.state``. Raises DTypeError for metadata of other kinds, OSError if the file cannot be written.
    """
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    tree = {name: part.state_dict() if hasattr(part, "state_dict") else part for name, part in parts.items()}
    tree |= {"random": random.get_state(), "metadata": metadata}
    tensors = {}
    contents = json.dumps(_encode(tree, "", tensors))
    header = {"format": FORMAT, "version": VERSION, "contents": contents, "digest": _digest(contents, tensors)}
    _write(path, tensors, header)


def load(path, *, model=None, optimizer=None, schedule=None, restore_random=True) -> Checkpoint:
    """Read a checkpoint, and put its states into the objects given.

    model, optimizer, schedule  receive what was saved of their like, by ``load_state_dict``
    restore_random              also continue the default random generator where it was; only done if an object is given

    Everything is checked before anything is changed. Raises CheckpointError, naming the file and what to do, if it
    is missing a part asked for, damaged, cut short, of another program or version, or made for another model;
    FileNotFoundError if there is none.
    """
    checkpoint = Checkpoint(**_read(path))
    fitting = []
    for name, receiver in (("model", model), ("optimizer", optimizer), ("schedule", schedule)):
        if receiver is None:
            continue
        state = getattr(checkpoint, name)
        if state is None:
            raise _refusal(path, f"no {name} in it", f"one saved with {name}=…", f"load(path) without {name}=")
        try:
            receiver._fit(state)
        except CheckpointError as error:
            raise CheckpointError(f"checkpoint {os.fspath(path)!r}: {error}") from None
        fitting.append((receiver, state))
    for receiver, state in fitting:
        receiver.load_state_dict(state)
    if restore_random and fitting:
        random.set_state(checkpoint.random)
    return checkpoint


# ---- nested states as JSON and tensors -------------------------------------------------------------------------------


def _encode(value, path, tensors):
    """``value`` as JSON, its arrays moved to ``tensors`` under their path.

    What JSON has not is marked: {"array": path}, {"tuple": […]}, and {"dict": [[key, value], …]}, for keys may be
    numbers.
    """
    if isinstance(value, Tensor):
        value = value._data
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
            raise DTypeError(explain(f"save: {path}", got=f"an array of {value.dtype}", expected="numbers or bools"))
        # order="C", not ascontiguousarray: that would make an axis for a 0-d array.
        tensors[path] = np.asarray(value, dtype=value.dtype.newbyteorder("="), order="C")
        return {"array": path}
    if isinstance(value, dict):
        below = [(key, f"{path}.{key}" if path else str(key), v) for key, v in value.items()]
        for key, _, _ in below:
            if not isinstance(key, (str, int)) or isinstance(key, bool):
                raise DTypeError(explain(f"save: {path}", got=f"a key {key!r}", expected="strings or whole numbers"))
        return {"dict": [[key, _encode(v, _unused(p, tensors), tensors)] for key, p, v in below]}
    if isinstance(value, (list, tuple)):
        items = [_encode(v, _unused(f"{path}.{i}", tensors), tensors) for i, v in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise DTypeError(
        explain(
            f"save: {path}",
            got=f"{type(value).__name__} {value!r:.60}",
            expected="dicts, lists, tuples, strings, numbers, bools, None and arrays",
            write="what describes it: str(value), vars(value)",
        )
    )


def _unused(path, tensors):
    # {"a.b": array, "a": {"b": array}} would give one path to two arrays.
    while path in tensors:
        path += "'"
    return path


def _decode(value, tensors):
    if isinstance(value, list):
        return [_decode(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    if kind == "array":
        return tensors[held]
    if kind == "tuple":
        return tuple(_decode(v, tensors) for v in held)
    return {key: _decode(v, tensors) for key, v in held}


def _digest(contents, tensors):
    digest = hashlib.blake2b(contents.encode(), digest_size=16)
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.reshape(-1).view(np.uint8) if array.size else b"")
    return digest.hexdigest()


# ---- the file ----------------------------------------------------------------------------------------------------


def _write(path, tensors, header):
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    with beside(path) as part:
        try:
            save_file(tensors, part, metadata=header)
        except SafetensorError as error:  # how it reports a full disk
            raise OSError(f"cannot write {os.fspath(path)}: {error}") from None


def _read(path):
    _look_at_header(path)
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.fspath(path), framework="np") as held:
            header = held.metadata()
            tensors = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118 (no dict)
    except (SafetensorError, TypeError, ValueError) as error:
        raise _refusal(path, f"damaged contents ({error})", "the bytes that were saved", AGAIN) from None
    if header.get("digest") != _digest(header.get("contents", ""), tensors):
        raise _refusal(path, "contents that do not match their digest: damaged", "the bytes that were saved", AGAIN)
    return _decode(json.loads(header["contents"]), tensors)


def _look_at_header(path):
    """Raise the error that names what is wrong with a file that is no checkpoint of this version.

    safetensors: eight bytes of length n, little-endian; n bytes of JSON, with "__metadata__" and for each tensor
    its dtype, shape and [begin, end) among the bytes that follow.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(length) if length <= LONGEST_HEADER else b""
    if size < 8 or (text[:1] == b"{" and len(text) < length):
        raise _refusal(path, "a file cut short", f"more than {size} bytes", AGAIN)
    if text[:1] != b"{":
        raise _refusal(path, "no safetensors file", "a checkpoint of tinygrad_nlp", "the path that was given to save()")
    try:
        header = json.loads(text)
        metadata = header.get("__metadata__", {})
        end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
    except (ValueError, AttributeError, KeyError, TypeError, IndexError):
        raise _refusal(path, "a damaged header", "JSON", AGAIN) from None
    if metadata.get("format") != FORMAT:
        raise _refusal(
            path,
            "a safetensors file of another program",
            f"one with the format {FORMAT!r} in its metadata",
            "model.load_state_dict(safetensors.numpy.load_file(path)) if it holds a model's weights",
        )
    if metadata.get("version") != VERSION:
        raise _refusal(
            path,
            f"format version {metadata.get('version')}",
            f"version {VERSION}, which this release of tinygrad_nlp reads",
            "the release that saved it, or a newer one",
        )
    if size != 8 + length + end:
        short = size < 8 + length + end
        raise _refusal(
            path,
            "a file cut short" if short else "a file with bytes too many",
            f"{8 + length + end} bytes, not {size}",
            AGAIN,
        )


def _refusal(path, got, expected, write):
    return CheckpointError(explain(f"checkpoint {os.fspath(path)!r}", got=got, expected=expected, write=write))
