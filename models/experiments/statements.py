"""The 42 statements of the five documents, each with its source, its correction where it slips, and its experiment.

Documents: 000 and 001 are two sets of answers to the same assignment (001 adds the parser), 002 is the problem set, 003
is Frydenlund's notes of 2015, 004 are handwritten notes. (R): words are rows of U; (C): words are columns.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """``corrected`` is empty where the documents are right as they stand; ``remark`` completes what they leave open."""

    row: int
    source: str
    text: str
    experiment: str
    corrected: str = ""
    remark: str = ""


STATEMENTS = (
    Statement(
        1, "000 001 002 §1.1", "the naive-softmax loss is the cross-entropy with a one-hot target", "naive-softmax"
    ),
    Statement(2, "000 001 003 Q3a", "J = −u_o·v + log Σ exp(u_w·v)", "naive-softmax", "004 (2) has − before the log"),
    Statement(3, "000 001", "∂J/∂v_c = Uᵀ(ŷ − y) (R)", "layouts", "words as columns need U(ŷ − y): pick one layout"),
    Statement(4, "002 §1.2", "∇_v = Uŷ − Uy (C); Uy = u_o; Uŷ = Σ ŷ_w u_w", "layouts"),
    Statement(
        5,
        "000 001 (b)(ii)",
        "the gradient is zero when ŷ = y",
        "zero-gradient",
        "that is sufficient only: it is zero exactly when Uᵀ(ŷ − y) = 0",
    ),
    Statement(6, "000 001 002 §1.3", "−gradient pulls v to u_o and pushes it from Σ ŷ_w u_w", "pull-push"),
    Statement(7, "000 001 002 §1.5", "u_x = αu_y with α > 0: the same unit vector", "l2"),
    Statement(
        8, "000 001 (c)", "α < 0: opposite unit vectors", "l2", remark="α = 0 has none; the rule here: 0 stays 0"
    ),
    Statement(
        9,
        "000 001 (c) 1",
        "normalizing loses intensity",
        "l2",
        "excellent against good alone keeps its sign: a mixed phrase is needed",
    ),
    Statement(10, "000 001 (c) 2", "normalizing lets neutral words dilute the sentiment", "l2"),
    Statement(
        11,
        "000 001 (c) 3",
        "normalizing makes “good good good” equal “good”",
        "l2",
        "not per word (three unit vectors sum to 3), only when the phrase's sum is normalized",
    ),
    Statement(
        12,
        "000 001 (c) 1–4",
        "no loss for noise in lengths, opposition, balance, independent vectors",
        "l2",
        "a longer phrase still sums to more; non-collinear words still may flip the sign",
    ),
    Statement(13, "000 001 002 §1.4", "∂J/∂U has the shape of U, its words' gradients side by side", "layouts"),
    Statement(14, "all", "∂J/∂u_o = (ŷ_o − 1)v, ∂J/∂u_w = ŷ_w v; together (ŷ − y)vᵀ", "layouts"),
    Statement(15, "002 §1", "P(o|c) by softmax; the corpus loss sums over centers and window", "window"),
    Statement(
        16,
        "003 Q1, 004 (a)",
        "softmax(x + c) = softmax(x); c = −max prevents overflow",
        "softmax",
        "004 (a) loses e^x_i above: eᶜ e^x_i / Σ eᶜ e^x_j",
    ),
    Statement(17, "003 Q2a, 004 (c)", "σ′ = σ(1 − σ)", "sigmoid"),
    Statement(18, "003 Eq 39–40", "1 − σ(−x) = σ(x)", "sigmoid"),
    Statement(
        19,
        "003 Q2b, 001",
        "softmax Jacobian ŷ_k(δ_ki − ŷ_i)",
        "softmax",
        "003 Eq 16–17 write g_i(t_ij − g_i): it is g_i(t_ij − g_j)",
    ),
    Statement(
        20,
        "003 Eq 18, 001 3(e)(ii)",
        "∂CE/∂logits = ŷ − y",
        "cross-entropy",
        "not −y − ŷ; and −y_k/ŷ_k times the Jacobian is NaN at saturated logits",
    ),
    Statement(
        21,
        "003 Q2c",
        "sigmoid net: ∂J/∂x = ((Δ₂W₂ᵀ) ⊙ σ′(xW₁ + b₁)) W₁ᵀ",
        "network",
        "Eq 22 is right; Eq 20–21 write ⊙ ∂h/∂x for a matrix product",
    ),
    Statement(22, "003 Q2d", "it has D_x·H + H·K + H + K parameters", "network"),
    Statement(23, "003 Eq 23", "J = 1/T Σ_t Σ_window −log P", "window"),
    Statement(
        24, "003 004 Q3a", "∂J/∂r̂ = −w_i + Σ_k P_k w_k", "naive-softmax", "003 Eq 26 has + before its first term"
    ),
    Statement(
        25,
        "003 004",
        "negative sampling: −log σ(u_o·v) − Σ log σ(−u_k·v) and its ∂J/∂v",
        "negative-sampling",
        "003 Eq 36 lacks the inner minus, 004 (c) the log",
    ),
    Statement(
        26,
        "003 Eq 41, 004 (c)",
        "∂J/∂u_k = (σ − t)v, once per word",
        "negative-sampling",
        "times the number of times the word was drawn",
    ),
    Statement(27, "003 Eq 41", "only sampled rows change", "sparse"),
    Statement(
        28,
        "004 (d)",
        "skip-gram: ∂J/∂v_c sums over the window; ∂J/∂w_c+i is one term",
        "window",
        "∂J/∂w_c+i is a sum too: every term touches every word, and a repeated word adds",
    ),
    Statement(29, "003 Q3d", "CBOW: the context's vectors combined predict the center", "cbow"),
    Statement(30, "002 §2", "SGD: too small is slow, too large diverges; one step size for all", "sgd"),
    Statement(31, "002 §2.1", "m ← βm + (1 − β)g, θ ← θ − αm", "momentum"),
    Statement(
        32,
        "002 §2.1",
        "SGD 0.1, SGD 0.005, momentum 0.1/0.9 on ½(100θ₁² + θ₂²)",
        "quadratic",
        remark="002 leaves the criterion open: the gradient norm, tested before each update",
    ),
    Statement(
        33, "000 001 002 §2.2", "m varies less than g", "variance", remark="by (1 − β)/(1 + β) if g is independent"
    ),
    Statement(
        34,
        "000 001",
        "consistent gradients build up in m",
        "momentum",
        "in heavy ball they do, to α/(1 − β); a rolling average never exceeds its gradients",
    ),
    Statement(
        35,
        "002 §2.3",
        "Adam without bias correction and ε",
        "adam",
        "0/0 on a zero first gradient; v averages squares, not magnitudes; β₂ to be stated",
    ),
    Statement(
        36,
        "000 001",
        "parameters with small gradients get larger updates",
        "adam",
        "larger relative to SGD only: Adam's update does not depend on the gradient's scale",
    ),
    Statement(
        37,
        "000 001 002 §2.4a",
        "γ = 1/(1 − p) keeps the expected magnitude",
        "dropout",
        "it keeps the mean; E‖h_drop‖² = ‖h‖²/(1 − p)",
    ),
    Statement(38, "002 §2.4b", "γ grows with p and makes up for the units dropped", "dropout", remark="p = 1 has no γ"),
    Statement(
        39,
        "000 001 002 §2.4c",
        "drop in training, not in evaluation; activations then match",
        "dropout",
        "in the mean and for that layer; not after a nonlinearity",
    ),
    Statement(
        40,
        "001 3(e)",
        "∂h_i/∂x_j = 1{z_i > 0} W_ji",
        "relu",
        remark="at z_i = 0 there is no derivative; 0 by convention",
    ),
    Statement(41, "001 3(e)", "the parser's classifier: ReLU layer, softmax over 3, CE", "relu"),
    Statement(42, "004, end", "good/bad, wonderful/great, boring/waste, cool/sweet lie close", "pca"),
)
"""In the documents' order, numbered from 1."""
