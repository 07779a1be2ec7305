"""Text: where it comes from, how it becomes words, and how words become ids."""

from .corpus import Corpus, encode
from .documentation import Documentation, python_documentation
from .text import DataError, sentences, text_lines, words
from .vocabulary import UnknownWordError, Vocabulary

__all__ = [
    "Corpus",
    "DataError",
    "Documentation",
    "UnknownWordError",
    "Vocabulary",
    "encode",
    "python_documentation",
    "sentences",
    "text_lines",
    "words",
]
