"""Speed and memory of tinygrad_nlp beside its peers: ``python -m benchmarks``. Needs the ``benchmark`` extra."""
