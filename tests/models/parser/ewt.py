"""Where UD English EWT lies, for tests that need it: `TINYGRAD_NLP_DATA`, or ../shared/data beside the checkout."""

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("TINYGRAD_NLP_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
EWT = ROOT / "ud-english-ewt"

needs_ewt = pytest.mark.skipif(
    not (EWT / "dev.conllu.gz").exists(), reason="no UD English EWT; set TINYGRAD_NLP_DATA to the folder above it"
)
