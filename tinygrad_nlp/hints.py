"""What to write here for the names of PyTorch, NumPy and micrograd that this package does not have.

Each row is a name as a newcomer would type it on a Tensor, on the package, on ``nn`` or on ``optim``, and the line that
does the same. A module asks by its ``__getattr__`` when a name is missing; Tensor has them as attributes that raise.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

NO_DEVICE = "t itself: everything is in main memory; t.astype(np.float32) changes the dtype"
NO_GRADIENT = "on the values, without gradient: np.{}(t.detach().numpy())"
IN_PLACE = "t = {0}; for a parameter: with no_grad(): t {1} other"
RECURRENT = "nn.LSTM(…) or nn.GRU(…); other kinds: a Module whose forward goes over the steps with nn.Linear and tanh"
CONVOLUTION = "t.unfold(…) and nn.Linear on its windows: no convolution is built in"
ATTENTION = "a Module with nn.MultiheadAttention(…), nn.Linear and nn.LayerNorm"

TENSOR = {
    # copies, devices, dtypes
    "clone": "t * 1, a copy in the graph; Tensor(t.data), a copy outside it",
    "copy": "t * 1, a copy in the graph; Tensor(t.data), a copy outside it",
    "is_contiguous": "t.data.flags.c_contiguous",
    "is_floating_point": 't.dtype.kind == "f"',
    "element_size": "t.data.itemsize",
    "new_zeros": "zeros(2, 3, dtype=t.dtype)",
    "new_ones": "ones(2, 3, dtype=t.dtype)",
    "new_tensor": "tensor(data, dtype=t.dtype)",
    "contiguous": "t itself: nothing needs it",
    "detach_": "t = t.detach()",
    "to": NO_DEVICE,
    "cpu": NO_DEVICE,
    "cuda": NO_DEVICE,
    "device": NO_DEVICE,
    "is_cuda": NO_DEVICE,
    "pin_memory": NO_DEVICE,
    "float": "t.astype(np.float32)",
    "double": "t.astype(np.float64)",
    "half": "t.astype(np.float16)",
    "long": "t.astype(np.int64)",
    "int": "t.astype(np.int32)",
    "bool": "t.astype(bool)",
    "type": "t.astype(np.float64), or t.dtype to ask",
    "type_as": "t.astype(other.dtype)",
    # sizes and shapes
    "numel": "t.size",
    "nelement": "t.size",
    "dim": "t.ndim",
    "ndimension": "t.ndim",
    "view": "t.reshape(…)",
    "view_as": "t.reshape(other.shape)",
    "reshape_as": "t.reshape(other.shape)",
    "expand_as": "t.expand(other.shape)",
    "broadcast_to": "t.expand(…)",
    "ravel": "t.flatten()",
    "t": "t.T",
    "H": "t.mT",
    "swapdims": "t.swapaxes(…)",
    "movedim": "t.moveaxis(…)",
    "chunk": "t.split(sections, axis=…)",
    "unbind": "tuple(t)",
    "strides": "t.data.strides",
    "stride": "t.data.strides",
    "nbytes": "t.data.nbytes",
    "itemsize": "t.data.itemsize",
    "tobytes": "t.data.tobytes()",
    # elements
    "narrow": "t[start:stop], or t[:, start:stop] for the second axis",
    "select": "t[i], or t[:, i] for the second axis",
    "index_select": "t.take(index, axis=…)",
    "masked_select": "t[mask]",
    "masked_fill": "where(mask, value, t)",
    "masked_fill_": "t = where(mask, value, t)",
    "where": "where(condition, t, other)",
    "index_add": "t.scatter_add(index, source, axis=0)",
    "scatter": "t.scatter_add(index, source, axis=…), which adds, or where(mask, new, t)",
    "nonzero": NO_GRADIENT.format("nonzero"),
    "fill": "t.fill_(value)",
    # arithmetic
    "add": "t + other",
    "sub": "t - other",
    "subtract": "t - other",
    "mul": "t * other",
    "multiply": "t * other",
    "div": "t / other",
    "divide": "t / other",
    "true_divide": "t / other",
    "neg": "-t",
    "negative": "-t",
    "pow": "t ** p",
    "power": "t ** p",
    "eq": "t == other",
    "ne": "t != other",
    "lt": "t < other",
    "le": "t <= other",
    "gt": "t > other",
    "ge": "t >= other",
    "add_": IN_PLACE.format("t + other", "+="),
    "sub_": IN_PLACE.format("t - other", "-="),
    "mul_": IN_PLACE.format("t * other", "*="),
    "div_": IN_PLACE.format("t / other", "/="),
    "mm": "t @ other",
    "bmm": "t @ other",
    "mv": "t @ other",
    "addmm": "t + x @ y",
    "clamp": "t.clip(min=…, max=…)",
    "clamp_": "t = t.clip(min=…, max=…)",
    "clamp_min": "t.clip(min=…)",
    "clamp_max": "t.clip(max=…)",
    "absolute": "t.abs()",
    "amax": "t.max(axis=…)",
    "amin": "t.min(axis=…)",
    "log2": "t.log() / math.log(2)",
    "log10": "t.log() / math.log(10)",
    "exp2": "2.0 ** t",
    "round": NO_GRADIENT.format("round"),
    "floor": NO_GRADIENT.format("floor"),
    "ceil": NO_GRADIENT.format("ceil"),
    "median": NO_GRADIENT.format("median"),
    "quantile": NO_GRADIENT.format("quantile") + " with the quantile",
    "unique": NO_GRADIENT.format("unique"),
    "remainder": NO_GRADIENT.format("remainder") + " with the divisor",
    "floor_divide": NO_GRADIENT.format("floor_divide") + " with the divisor",
    "nan_to_num": "where(isfinite(t), t, 0)",
    "count_nonzero": "count_nonzero(t)",
    "logical_not": "~t, of a mask",
    "logical_and": "t & other, of masks",
    "logical_or": "t | other, of masks",
    "cat": "concat([t, other])",
    "lerp": "t + weight * (other - t)",
    "cumprod": NO_GRADIENT.format("cumprod"),
    "isnan": "isnan(t)",
    "isfinite": "isfinite(t)",
    "logaddexp": "logaddexp(t, other)",
    "einsum": 'einsum("ij,jk->ik", t, other)',
    "allclose": "np.allclose(t, other)",
    "equal": "np.array_equal(t, other)",
    **{f"{name}_": f"t = t.{name}()" for name in ("abs", "exp", "log", "sqrt", "square", "reciprocal", "squeeze")},
    **{f"{name}_": f"t = t.{name}()" for name in ("relu", "sigmoid", "tanh", "softmax")},
    "neg_": "t = -t",
    "pow_": "t = t ** p",
    "unsqueeze_": "t = t.unsqueeze(axis)",
    "copyto": "t.copy_(other)",
    # gradients
    "grad_fn": "print(t), which names the op; t.made_at, the line that made it",
    "gradient": "t.grad",
    "retains_grad": "t.retain_grad() before backward()",
    "requires_gradient": "t.requires_grad",
    "uniform_": "nn.init.uniform_(parameter, low, high)",
    "normal_": "nn.init.normal_(parameter, mean, std)",
    "label": "t.name",
    "value": "t.data, or t.item() for one number",
    "values": "t.data",
    "array": "t.data",
}

PACKAGE = {
    "Value": "Tensor(2.0, requires_grad=True)",
    "Variable": "Tensor([1.0, 2.0], requires_grad=True)",
    "as_tensor": "Tensor([1.0, 2.0])",
    "from_numpy": "Tensor(np.ones(3)), or Tensor(array, copy=False) to share the memory",
    "array": "Tensor([1.0, 2.0])",
    "asarray": "Tensor([1.0, 2.0])",
    "is_tensor": "isinstance(x, Tensor)",
    "set_default_dtype": "dtype=np.float64 where a tensor is made; Python's floats become float32",
    "pi": "math.pi",
    "inf": "math.inf",
    "nan": "math.nan",
    "FloatTensor": "Tensor([1.0, 2.0])",
    "LongTensor": "Tensor([1, 2])",
    "empty": "zeros(2, 3)",
    "rand_like": "rand(*t.shape)",
    "randn_like": "randn(*t.shape)",
    "normal": "randn(2, 3) * std + mean",
    "bernoulli": "(rand(2, 3) < p).astype(np.float32)",
    "multinomial": "np.random.default_rng(0).choice(n, 5, p=p)",
    "randperm": "np.random.default_rng(0).permutation(10)",
    "seed": "manual_seed(0)",
    "save": "serialize.save(path, model=model)",
    "load": "serialize.load(path, model=model)",
    "autograd": "grad, vjp, jacobian and hessian of the package itself",
    "functional": "the ops of the package itself: relu, softmax, cross_entropy",
    "inference_mode": "no_grad()",
    "set_grad_enabled": "no_grad() or enable_grad()",
    "set_printoptions": "np.set_printoptions(…)",
    "float16": "np.float16",
    "float32": "np.float32",
    "float64": "np.float64",
    "float": "np.float32",
    "double": "np.float64",
    "int32": "np.int32",
    "int64": "np.int64",
    "long": "np.int64",
    "device": "nothing: everything is in main memory",
    "cuda": "nothing: everything is in main memory",
    "mm": "matmul(x, y), or x @ y",
    "bmm": "matmul(x, y), or x @ y",
    "clamp": "clip(x, min=…, max=…)",
    "chunk": "split(x, sections, axis=…)",
    "hstack": "concat(tensors, axis=1)",
    "vstack": "concat(tensors, axis=0)",
    "multiply": "mul(x, y), or x * y",
    "divide": "div(x, y), or x / y",
    "subtract": "sub(x, y), or x - y",
    "negative": "neg(x), or -x",
    "power": "pow(x, y), or x ** y",
    "absolute": "abs(x)",
    "amax": "max(x, axis=…)",
    "amin": "min(x, axis=…)",
    "log2": "log(x) / math.log(2)",
    "log10": "log(x) / math.log(10)",
    "allclose": "np.allclose(x, y)",
    "cosine_similarity": "(l2_normalize(x) * l2_normalize(y)).sum(-1)",
    "mse_loss": "mse(prediction, target)",
    "nll_loss": "nll(log_probs, target)",
    "l1_loss": "l1(prediction, target)",
    "binary_cross_entropy": "bce_with_logits(logits, target), of the logits",
    "binary_cross_entropy_with_logits": "bce_with_logits(logits, target)",
    "linalg": "norm(x); the rest on the values: np.linalg.svd(t.detach().numpy())",
    "Parameter": "nn.Parameter(…)",
    "Module": "nn.Module",
    "Linear": "nn.Linear(…)",
    "Embedding": "nn.Embedding(…)",
    "Sequential": "nn.Sequential(…)",
    "SGD": "optim.SGD(…)",
    "Adam": "optim.Adam(…)",
    "draw": "from tinygrad_nlp.visualize import draw",
    "draw_dot": "from tinygrad_nlp.visualize import draw",
    "visualize": "import tinygrad_nlp.visualize",
    "models": "import tinygrad_nlp.models",
    "cli": "python -m tinygrad_nlp",
    "utils": "data for batches and vocabularies, optim for clipping",
}

NN = {
    "functional": "the ops of the package: from tinygrad_nlp import relu, softmax, cross_entropy",
    "utils": "optim.clip_grad_norm_(parameters, …) to clip; nothing else of it is here",
    "RNN": RECURRENT,
    "RNNCell": RECURRENT,
    "LSTMCell": RECURRENT,
    "GRUCell": RECURRENT,
    **{f"{kind}{n}d": CONVOLUTION for kind in ("Conv", "ConvTranspose") for n in (1, 2, 3)},
    **{f"MaxPool{n}d": "t.unfold(…).max(axis=-1)" for n in (1, 2, 3)},
    **{f"AvgPool{n}d": "t.unfold(…).mean(axis=-1)" for n in (1, 2, 3)},
    **{f"BatchNorm{n}d": "nn.LayerNorm(…)" for n in (1, 2, 3)},
    **{f"Dropout{n}d": "nn.Dropout(…)" for n in (1, 2, 3)},
    "Transformer": ATTENTION,
    "TransformerEncoder": ATTENTION,
    "TransformerEncoderLayer": ATTENTION,
    "RMSNorm": "nn.LayerNorm(…)",
    "Neuron": "nn.Linear(n, 1)",
    "Layer": "nn.Linear(…)",
    "Dense": "nn.Linear(…)",
    "LazyLinear": "nn.Linear(…)",
    "MLP": "nn.Sequential(nn.Linear(…), nn.Tanh(), nn.Linear(…))",
    "EmbeddingBag": "nn.Embedding(…), then .mean(axis=-2)",
    "ParameterList": "self.weights = [nn.Parameter(…), …]: a list in an attribute is found",
    "ParameterDict": "self.weights = {name: nn.Parameter(…)}: a dict in an attribute is found",
    "ModuleDict": "self.layers = {name: nn.Linear(…)}: a dict in an attribute is found",
    "BCELoss": "nn.BCEWithLogitsLoss(), of the logits",
    "SmoothL1Loss": "nn.HuberLoss()",
    "Swish": "nn.SiLU()",
    "Unflatten": "t.reshape(…) in forward",
    "CosineSimilarity": "(l2_normalize(x) * l2_normalize(y)).sum(-1)",
    "Tensor": "from tinygrad_nlp import Tensor",
    "clip_grad_norm_": "optim.clip_grad_norm_(parameters, …)",
    "relu": "from tinygrad_nlp import relu",
    "softmax": "from tinygrad_nlp import softmax",
    "cross_entropy": "from tinygrad_nlp import cross_entropy",
    "DataParallel": "the model itself: there is one device",
}

OPTIM = {
    "lr_scheduler": "optim.StepLR(…): the schedules are in optim itself",
    "ReduceLROnPlateau": 'optimizer.param_groups[0]["lr"] *= 0.5 when the loss no longer falls',
    "OneCycleLR": "optim.warmup_cosine(optimizer, warmup_steps, total_steps)",
    "MultiStepLR": "optim.StepLR(…), or optim.LambdaLR(…)",
    "CosineAnnealingWarmRestarts": "optim.CosineAnnealingLR(…)",
    "Adadelta": "optim.RMSprop(…)",
    "Adamax": "optim.Adam(…)",
    "NAdam": "optim.Adam(…)",
    "RAdam": "optim.warmup_cosine(…) with optim.Adam(…)",
    "SparseAdam": "optim.Adam(parameters, sparse=True)",
    "LBFGS": "scipy.optimize.minimize with value_and_grad",
    "Momentum": "optim.HeavyBall(…), or optim.RollingMomentum(…)",
    "utils": "optim.clip_grad_norm_(parameters, …)",
}

TABLES = {"Tensor": TENSOR, "tinygrad_nlp": PACKAGE, "nn": NN, "optim": OPTIM}


class Missing:
    """A name of the table as an attribute of Tensor that raises the hint.

    A ``Tensor.__getattr__`` would do for every name, but a class that has one looks up each of its attributes by the
    slow way: a sixth of the time of a small op.
    """

    def __init__(self, name):
        self.name = name

    def __get__(self, tensor, owner=None):
        raise attribute_error("Tensor", self.name)


def attribute_error(owner: str, name: str) -> AttributeError:
    """The error to raise where ``owner`` ("Tensor", "tinygrad_nlp", "nn" or "optim") has no ``name``.

    A name of the tables is answered with the line to write, any other with names that are close. One that starts with
    an underscore is asked by copy, pickle, NumPy or IPython, not by a person: it is answered at once.
    """
    text = f"{owner} has no attribute {name!r}"
    if not name.startswith("_"):
        text += _advice(owner, name)
    # Given its name, the error is left alone by the interpreter, which would append a suggestion of its own.
    return AttributeError(text, name=name)


@lru_cache(maxsize=512)  # hasattr(t, …) in somebody's loop shall not search at each turn
def _advice(owner, name):
    instead = TABLES[owner].get(name)
    if instead is not None:
        return f"; write instead: {instead}"
    import difflib

    held = vars(_owner(owner))
    names = sorted(n for n in dir(_owner(owner)) if not n.startswith("_") and not isinstance(held.get(n), Missing))
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.7)
    return f"; did you mean {', '.join(close)}?" if close else ""


def _owner(owner):
    if owner == "Tensor":
        from .tensor import Tensor

        return Tensor
    return import_module(__package__ if owner == "tinygrad_nlp" else f"{__package__}.{owner}")
