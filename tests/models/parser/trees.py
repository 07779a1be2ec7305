"""All trees of a few words, found by trying all heads: what the transition system is held against."""

from functools import cache
from itertools import product


def is_tree(heads):
    """Every word reaches ROOT (0)."""
    for word in range(1, len(heads) + 1):
        steps = 0
        while word:
            word, steps = heads[word - 1], steps + 1
            if steps > len(heads):
                return False
    return True


def nested(heads):
    """Projective by the definition with descendants: all words between head and dependent descend from the head."""

    def descends(word, ancestor):
        while word != ancestor and word:
            word = heads[word - 1]
        return word == ancestor

    return all(
        descends(between, head)
        for dependent, head in enumerate(heads, 1)
        for between in range(min(head, dependent) + 1, max(head, dependent))
    )


@cache
def all_trees(n):
    """Trees of n words, ROOT with any number of dependents, as tuples of heads."""
    return [heads for heads in product(range(n + 1), repeat=n) if is_tree(heads)]
