"""A dependency tree as text: the words down the page, their arcs at the left."""

from __future__ import annotations

from .transitions import crossing_arcs
from .treebank import Sentence


def tree_text(sentence: Sentence) -> str:
    """The tree of a sentence, drawn with box characters.

    >>> print(tree_text(Sentence.from_words("I saw her dog".split(), ["PRON", "VERB", "PRON", "NOUN"], [2, 0, 4, 2],
    ...                                     ["nsubj", "root", "nmod:poss", "obj"])))
      ┌───── I    PRON  nsubj
    ──┼───── saw  VERB  root
      │  ┌── her  PRON  nmod:poss
      └──┴── dog  NOUN  obj

    Each word's line starts at the upright line of its head; ┴, ┬ and ┼ are where its own dependents are joined to it,
    above, below or both. In a projective tree no two lines meet; where arcs cross, the words concerned also name their
    heads.
    """
    heads = [0, *sentence.heads]
    depth = [_depth(heads, word) for word in range(len(heads))]
    first, last = list(range(len(heads))), list(range(len(heads)))
    for word, head in enumerate(heads):
        if head:
            first[head], last[head] = min(first[head], word), max(last[head], word)
    crossing = {dependent for pair in crossing_arcs(heads[1:]) for _, dependent in pair}
    width = 3 * max(depth) - 1
    widest = max(map(len, sentence.forms)), max(map(len, sentence.upos))

    lines = []
    for word, (form, tag, deprel) in enumerate(zip(sentence.forms, sentence.upos, sentence.deprels), 1):
        head = heads[word]
        start = _column(depth[head]) if head else 0
        cells = [" "] * start + ["─"] * (width - start)
        for other in range(1, len(heads)):
            if other not in (word, head) and first[other] < word < last[other]:
                column = _column(depth[other])
                cells[column] = "┼" if cells[column] == "─" else "│"
        if head:
            cells[start] = "┌" if word == first[head] else "└" if word == last[head] else "├"
        above, below = first[word] < word, last[word] > word
        if above or below:
            cells[_column(depth[word])] = "┼" if above and below else "┴" if above else "┬"
        note = f"  (head: {head} {sentence.forms[head - 1] if head else 'ROOT'})" if word in crossing else ""
        lines.append(f"{''.join(cells)} {form:<{widest[0]}}  {tag:<{widest[1]}}  {deprel}{note}")
    return "\n".join(lines)


def _column(depth):
    """Of the upright line of a word at that depth; the root's depth is 1."""
    return 3 * depth - 1


def _depth(heads, word):
    steps = 0
    while word:
        word, steps = heads[word], steps + 1
    return steps
