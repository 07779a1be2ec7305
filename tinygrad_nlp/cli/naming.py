"""Names for a user's tensors, found in the variables of the function that made them."""

from __future__ import annotations


def called(tensors, variables):
    """Name the unnamed among ``tensors`` after what holds them; returns {name in LaTeX: its place, where they differ}.

    A variable gives its name; a list ``Ws`` calls its elements W_1, W_2 …; a Module's weights are W_1, b_1 … (E for an
    embedding). A list goes before the variable of the loop that ran over it. Data are found by their values too:
    ``Tensor(x)`` is called x.
    """
    import numpy as np

    from tinygrad_nlp.formula.latex import name_as_latex

    places = {}
    wanted = {id(t): t for t in tensors}
    for name, value in variables.items():
        for path, letter, t in held(name, value):
            if id(t) in wanted and (t.name is None or letter is not None):
                places.setdefault(id(t), (path, letter))
    for name, value in variables.items():
        if id(value) in wanted and value.name is None:
            places.setdefault(id(value), (name, None))
    arrays = {n: v for n, v in variables.items() if isinstance(v, np.ndarray) and v.size > 1}
    for t in tensors:
        if id(t) not in places and t.name is None and not t.requires_grad:
            alike = [n for n, v in arrays.items() if v.shape == t.shape and np.allclose(v, t.data, equal_nan=True)]
            if len(alike) == 1:
                places[id(t)] = (alike[0], None)
    numbered = [letter for _, letter in places.values()]
    taken = {t.name for t in tensors if t.name and id(t) not in places}
    taken |= {path for path, letter in places.values() if letter is None}
    sources, counts = {}, {}
    for t in tensors:  # in the order in which they were made
        if id(t) not in places:
            continue
        path, letter = places[id(t)]
        if letter is None:
            t.name = path
            continue
        single = numbered.count(letter) == 1 and letter not in taken
        counts[letter] = counts.get(letter, 0) + 1
        while not single and f"{letter}_{counts[letter]}" in taken:
            counts[letter] += 1
        t.name = letter if single else f"{letter}_{counts[letter]}"
        sources[name_as_latex(t.name)] = path
    return sources


def held(name, value, depth=3):
    """(path, letter, tensor) of each tensor inside a container or Module that a variable holds."""
    from tinygrad_nlp import Tensor, nn

    if isinstance(value, nn.Module):
        for path, t in value.named_parameters():
            owner = value
            for part in path.split(".")[:-1]:
                owner = owner[int(part)] if part.isdecimal() else getattr(owner, part, owner)
            kind = path.rpartition(".")[2]
            known = {"weight": "E" if isinstance(owner, nn.Embedding) else "W", "bias": "b"}
            yield f"{name}.{path}", known.get(kind, kind), t
    elif isinstance(value, (list, tuple, dict)) and depth:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        stem = name[:-1] if len(name) > 1 and name.endswith("s") else name
        for key, inner in items:
            path = f"{name}[{key!r}]"
            if isinstance(inner, Tensor):
                yield (
                    path,
                    key if isinstance(key, str) and key.isidentifier() else stem.rpartition("]")[2] or "w",
                    inner,
                )
            else:
                yield from held(path, inner, depth - 1)
