"""The demo's report: one HTML page that holds everything and asks for nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .charts import loss_curve, text_of, word_map

# Whatever a word of the corpus tries, the browser runs no script and loads nothing: the page has neither.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

STYLE = """
:root { color-scheme: light dark; --ink: #16202c; --soft: #54616f; --paper: #fbfcfe; --sheet: #fff; --line: #d5dce4;
  --accent: #0a5ea8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e9eef4; --soft: #a7b3c0; --paper: #12171d; --sheet: #1a2129; --line: #35404c; --accent: #6db6f5; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 2rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 1.125rem/1.55 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.45rem; margin: 2.6rem 0 .4rem; }
p { margin: .4rem 0 1rem; max-width: 58rem; }
sub { line-height: 0; }
figure { margin: 1rem 0; padding: 1rem; overflow-x: auto; background: var(--sheet); border: 1px solid var(--line);
  border-radius: .6rem; }
figcaption { color: var(--soft); font-size: 1rem; margin-top: .5rem; }
figure.graph, figure.tree { background: #fff; }
figure.graph figcaption, figure.tree figcaption { color: #54616f; }
figure.tree svg { max-width: none; }
figure svg { display: block; height: auto; margin: 0 auto; }
figure.graph svg { width: 100%; max-width: 64rem; min-width: 44rem; }
.chart { width: 100%; }
.chart .grid { stroke: var(--line); stroke-width: 1; fill: none; }
.chart .line { stroke: var(--accent); stroke-width: 2.5; fill: none; stroke-linejoin: round; }
.chart .tick { fill: var(--soft); font-size: 15px; }
.chart .dot { fill: var(--soft); }
.chart .word { fill: var(--ink); font-size: 14px; }
.chart .dot.strong, .chart .word.strong { fill: var(--accent); }
.chart .word.strong { font-size: 17px; font-weight: 700; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 1.05rem; }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: baseline; }
th { font-weight: 650; white-space: nowrap; }
td small { color: var(--soft); margin-left: .3em; }
.facts th { width: 14rem; }
"""


@dataclass(frozen=True)
class Picture:
    """An SVG made by `visualize` and what is to be said below it."""

    svg: str
    caption: str


@dataclass(frozen=True)
class Report:
    """Everything the page shows; words and names may hold anything, they are escaped here.

    neighbors  word -> [(word, cosine)], a row each
    places     (N, 2) where the words of ``mapped`` lie, ``shares`` of the variance along the two axes
    facts      (name, value) rows: settings, versions, timing
    trees      of the parser, below ``parsing``, the section's first paragraph; without one there is no section
    """

    lead: str
    curve: Sequence[tuple[float, float]]
    first_loss: float
    neighbors: dict[str, list[tuple[str, float]]]
    mapped: Sequence[str]
    places: Sequence[tuple[float, float]]
    shares: tuple[float, float]
    pictures: Sequence[Picture]
    facts: Sequence[tuple[str, str]]
    parsing: str = ""
    trees: Sequence[Picture] = ()

    def html(self) -> str:
        """The page."""
        parts = [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{text_of(POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>tinygrad_nlp: word vectors trained from scratch</title><style>{STYLE}</style></head><body><main>",
            "<h1>Word vectors, trained from scratch</h1>",
            f"<p>{text_of(self.lead)}</p>",
            self._neighbors(),
            self._map(),
            self._curve(),
            self._graphs(),
            self._trees(),
            self._facts(),
            "</main></body></html>\n",
        ]
        return "\n".join(parts)

    def _neighbors(self):
        rows = []
        for word, near in self.neighbors.items():
            cells = ", ".join(f"{text_of(other)}<small>{cosine:.2f}</small>" for other, cosine in near)
            rows.append(f'<tr><th scope="row">{text_of(word)}</th><td>{cells}</td></tr>')
        return (
            "<h2>Nearest neighbours</h2><p>Nothing but the words around each word was given. "
            "The number is the cosine of the two vectors: 1 is the same direction.</p>"
            '<div class="scroll"><table><thead><tr><th scope="col">word</th><th scope="col">nearest words</th></tr>'
            "</thead>"
            f"<tbody>{''.join(rows)}</tbody></table></div>"
        )

    def _map(self):
        x, y = self.shares
        return (
            "<h2>A map of words</h2><figure>"
            + word_map(self.places, self.mapped, set(self.neighbors), "Word vectors in two dimensions")
            + "<figcaption>The words of the table and their nearest, at the two principal components of their vectors. "
            f"These show {x:.0%} and {y:.0%} of the variance: what lies apart here is apart; what lies together may "
            "still differ in the other dimensions.</figcaption></figure>"
        )

    def _curve(self):
        return (
            "<h2>The loss</h2><p>Each pair costs &minus;log&nbsp;&sigma;(u<sub>o</sub>&middot;v<sub>c</sub>) "
            "&minus; &Sigma;<sub>k</sub>&nbsp;log&nbsp;&sigma;(&minus;u<sub>k</sub>&middot;v<sub>c</sub>): "
            "tell the word that was there from words drawn at random. "
            f"Knowing nothing costs {self.first_loss:.3f} nats.</p><figure>"
            + loss_curve(self.curve, "Loss during training")
            + "<figcaption>Mean loss per pair of each part of the training.</figcaption></figure>"
        )

    def _graphs(self):
        figures = "".join(_figure("graph", picture) for picture in self.pictures)
        return (
            "<h2>One training step, as the engine recorded it</h2><p>Values flow along the solid edges to the loss; "
            "gradients come back along the dashed ones. The training above is this step with more words, "
            "many thousand times.</p>" + figures
        )

    def _trees(self):
        if not self.parsing:
            return ""
        figures = "".join(_figure("tree", picture) for picture in self.trees)
        return (
            f"<h2>Sentences, parsed</h2><p>{text_of(self.parsing)}</p><p>An arrow points from a word to one that "
            "depends on it. The parser reads from left to right and decides, move by move.</p>" + figures
        )

    def _facts(self):
        rows = "".join(
            f'<tr><th scope="row">{text_of(name)}</th><td>{text_of(value)}</td></tr>' for name, value in self.facts
        )
        return f'<h2>How it was made</h2><div class="scroll"><table class="facts"><tbody>{rows}</tbody></table></div>'


def _figure(kind, picture):
    """A picture that scrolls sideways where it is wider than the page, by keyboard too."""
    return (
        f'<figure class="{kind}" tabindex="0">{picture.svg[picture.svg.index("<svg") :]}'
        f"<figcaption>{text_of(picture.caption)}</figcaption></figure>"
    )
