"""One module per peer, with one function per workload: ``function(data: Data) -> Trainer``.

Each is written as a practised user of that library would write it. A function that is absent, or returns None, means
that the library has no fair form of the workload.
"""

PEERS = {
    "ours": "tinygrad_nlp",
    "numpy_hand": "NumPy by hand",
    "torch_eager": "PyTorch",
    "torch_tuned": "PyTorch tuned",
    "jax_jit": "JAX jit",
    "hips": "HIPS autograd",
    "mygrad_numpy": "MyGrad",
}
"""Module -> the name in tables, in their order."""
