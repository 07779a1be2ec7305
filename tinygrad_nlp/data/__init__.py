"""Text: where it comes from, how it becomes words, and how words become ids."""

from .corpus import Corpus, encode
from .documentation import Documentation, python_documentation
from .stored import StoredCorpus, store
from .text import DataError, lines_as_sentences, sentences, text_lines, words
from .vocabulary import UnknownWordError, Vocabulary

__all__ = [
    "Corpus",
    "DataError",
    "Documentation",
    "StoredCorpus",
    "UnknownWordError",
    "Vocabulary",
    "encode",
    "python_documentation",
    "lines_as_sentences",
    "sentences",
    "store",
    "text_lines",
    "words",
]
