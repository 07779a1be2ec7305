"""``python -m tinygrad_nlp`` is the command ``tinygrad-nlp``."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
