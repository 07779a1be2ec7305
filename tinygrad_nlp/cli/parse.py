"""Parse sentences with a trained parser: CoNLL-U in, CoNLL-U out.

    tinygrad-nlp parse text.conllu > parsed.conllu
    echo "Dogs_NOUN bark_VERB ._PUNCT" | tinygrad-nlp parse --tagged --tree -

Forms and tags are read, HEAD and DEPREL are written; comments and all other columns stay as they are, but DEPS becomes
"_". Sentences are parsed as they come, so the input may be larger than memory. With --faulty keep, a sentence that is
no CoNLL-U is reported with its line and passed on unchanged, and the exit code is 1. A file given by --out is put in
its place when all is parsed; until then, and if something fails, what was there stays.
"""

from __future__ import annotations

import sys

from . import positive_int
from .blas import one_thread


def add_arguments(parser):
    parser.add_argument("file", metavar="FILE", help="CoNLL-U, .gz and .xz too; - is standard input")
    parser.add_argument("--parser", metavar="FILE", default="parser.safetensors", help="(default %(default)s)")
    parser.add_argument("--out", metavar="FILE", default="-", help="default: standard output")
    parser.add_argument("--tagged", action="store_true", help="FILE has a sentence a line, as word_TAG word_TAG")
    parser.add_argument("--tree", action="store_true", help="draw the trees instead of writing CoNLL-U")
    parser.add_argument("--faulty", choices=["refuse", "keep"], default="refuse", help="ill-formed sentences")
    parser.add_argument("--batch", type=positive_int, default=1024, help="sentences read at a time (default 1024)")


@one_thread()
def run(arguments):
    from tinygrad_nlp.data import DataError, text_lines
    from tinygrad_nlp.models.parser import (
        Faulty,
        TreebankError,
        from_tagged,
        read_conllu,
        tree_text,
        write_conllu,
    )

    parser = load_parser(arguments.parser)
    columns = parser.vocabulary.tag_columns
    keep, faults, untagged = arguments.faulty == "keep", 0, 0
    if arguments.tagged and columns == "both":
        raise DataError("--tagged: this parser wants UPOS and XPOS; give it CoNLL-U")
    if arguments.out != "-" and arguments.file != "-" and same_file(arguments.out, arguments.file):
        raise DataError(f"--out {arguments.out}: the file that is read")

    def tagged():
        for number, line in enumerate(text_lines(arguments.file), 1):
            if not line.strip():
                continue
            try:
                yield from_tagged(line, xpos=columns == "xpos", name=arguments.file, line=number)
            except TreebankError as error:
                if not keep:
                    raise
                yield Faulty(line, error)

    def watched(sentences):
        nonlocal faults, untagged
        for sentence in sentences:
            if isinstance(sentence, Faulty):
                faults += 1
                print(f"not parsed: {sentence.error}", file=sys.stderr)
            else:
                lists = [tags for kind, tags in (("upos", sentence.upos), ("xpos", sentence.xpos)) if kind in columns]
                untagged += any(set(tags) == {"_"} for tags in lists or [sentence.upos, sentence.xpos])
            yield sentence

    source = tagged() if arguments.tagged else read_conllu(arguments.file, trees=False, keep_faulty=keep)
    parsed = parser.parse(watched(source), arguments.batch)
    if arguments.tree:
        parsed = (f"{s}" if isinstance(s, Faulty) else f"{' '.join(s.forms)}\n\n{tree_text(s)}\n\n" for s in parsed)
    count = write_conllu(arguments.out, parsed)
    if untagged:
        kinds = {"upos": "UPOS", "xpos": "XPOS", "both": "UPOS or no XPOS"}[columns]
        print(f"note: {untagged:,} of {count:,} sentences have no {kinds}, which this parser reads", file=sys.stderr)
    if not count:
        print("note: no sentences in the input", file=sys.stderr)
    return 1 if faults else 0


def load_parser(path):
    """`Parser.load`, with a word on where parsers come from if there is none."""
    from tinygrad_nlp.data import DataError
    from tinygrad_nlp.models.parser import Parser

    try:
        return Parser.load(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; `train parser --out {path}` writes one") from None


def same_file(one, other) -> bool:
    """Whether both paths exist and are one file."""
    import os

    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)
