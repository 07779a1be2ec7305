// The panel beside the graph: one step, told.
function derivation(op, paper) {
  const o = ops[op];
  if (!o || !o.f) return h("p", { class: "quiet" }, `${op} has no written derivation.`);
  const lines = o.l.map((line, i) => h("li", { class: i === o.l.length - 1 ? "rule" : "" }, math(line)));
  const rule = lines.length ? lines.pop() : null;
  const list = lines.length > 0 && h("ol", { class: "steps" }, lines);
  const short = lines.length <= 4;
  const middle = list && (paper || short ? list : h("details", {
    open: opened === true, on: { toggle: (ev) => { opened = ev.target.open; } } },
    h("summary", null, `derivation, ${lines.length} lines`), list));
  return h("div", { class: "derivation" },
    h("div", { class: "definition" }, math(o.f)), middle,
    rule && h("ol", { class: "steps" }, rule),
    h("p", { class: "quiet source" }, "source: " + o.src),
    o.notes && (paper ? h("p", { class: "quiet source" }, "in the code: " + o.notes)
      : h("details", null, h("summary", null, "what the code does differently"), h("p", { class: "quiet" }, o.notes))));
}

function badge(c) {
  const sign = { right: "✓", wrong: "✗", none: "–" }[c.v];
  const part = c.of > c.m && c.m ? `, ${c.m} of ${c.of} elements` : "";
  const text = c.v === "none" ? c.t
    : c.v === "wrong" ? `the rule disagrees with finite differences: largest difference ${number(c.l, 2)}${part}`
      : `checked against finite differences: largest difference ${number(c.l, 2)}${part}${c.t ? "; " + c.t : ""}`;
  return h("p", { class: "badge " + c.v }, h("span", { "aria-hidden": "true" }, sign + " "), text);
}

function call(i) {
  const inputs = inputsOf[i].map((e) => [h("span", { class: "quiet" }, edges[e].a + " = "), name(edges[e].t)]);
  const said = inputs.flatMap((part, k) => (k ? [", ", part] : [part]));
  return h("p", { class: "call" }, name(i), " = ", h("b", null, nodes[i].o), "(", said, nodes[i].d ? (said.length ? ", " : "") + nodes[i].d : "", ")",
    nodes[i].w && h("span", { class: "quiet" }, "  at " + nodes[i].w));
}

function panel(at, paper) {
  const step = steps[at];
  if (step.k === "inputs") {
    const given = nodes.map((n, i) => i).filter((i) => nodes[i].k !== "op");
    return [h("h2", null, "What is given"),
      h("p", null, `${given.length} inputs. The steps compute the values first, forward, each from values that are there already; then the gradients, backward, along the same edges.`),
      h("div", { class: "row" }, given.slice(0, 12).map((i) => figure([name(i), " ", h("span", { class: "quiet" }, nodes[i].k)], nodes[i].v))),
      given.length > 12 && h("p", { class: "quiet" }, `and ${given.length - 12} more in the picture`),
      paper ? null : h("p", { class: "hint" }, "Step on with → or the button. Click a parameter for its chain rule; ? lists keys and signs.")];
  }
  if (step.k === "forward") {
    const i = step.n, before = inputsOf[i].some((e) => maps[nodes[edges[e].t].v]?.n);
    return [h("h2", null, "Forward: ", name(i)), call(i), h("p", null, ops[nodes[i].o].doc),
      ops[nodes[i].o].f && h("div", { class: "derivation" }, h("div", { class: "definition" }, math(ops[nodes[i].o].f))),
      paper ? null : h("div", { class: "row" }, inputsOf[i].map((e) => figure([name(edges[e].t)], nodes[edges[e].t].v))),
      h("div", { class: "row result" }, figure([h("span", null, "result "), name(i)], nodes[i].v)),
      maps[nodes[i].v]?.n && !before ? h("p", { class: "badge wrong" }, "✗ the first value that is not finite is made here") : null];
  }
  if (step.k === "seed") return [h("h2", null, "The loss is reached"),
    h("p", null, "The backward pass starts with the derivative of the loss with respect to itself:"),
    h("div", { class: "derivation" }, h("div", { class: "definition" }, m("math", frac(["J"], ["J"]), m("mo", "="), m("mn", "1")))),
    h("div", { class: "row" }, figure([h("span", null, "value "), name(step.n)], nodes[step.n].v), figure("gradient", step.g)),
    engine()];
  return backward(step, at, paper);
}

function engine() {
  if (D.engine.d === null) return h("p", { class: "quiet" }, "A hook changes gradients in this run, so the totals were not compared with backward().");
  return D.engine.ok
    ? h("p", { class: "quiet" }, `These steps run the engine's own rules one by one. Their totals and those of backward() differ by at most ${number(D.engine.d, 2)}.`)
    : h("p", { class: "badge wrong" }, `✗ the totals of these steps and those of backward() differ by ${number(D.engine.d, 2)}: an op's kernel and its rule disagree`);
}

function backward(step, at, paper) {
  const e = edges[step.e], secret = !paper && hidden(at), op = nodes[e.h].o;
  const first = step.b === undefined, several = arrivals[e.t].length > 1;
  const out = [h("h2", null, name(e.h), h("span", { "aria-label": " sends back to " }, " → "), name(e.t)),
    call(e.h), derivation(op, paper)];
  if (ops[op].b && nodes[e.t].s !== nodes[e.h].s) out.push(h("p", null, name(e.t), ` ${nodes[e.t].s} was copied to ${nodes[e.h].s} (broadcasting). Each copy gets a gradient, and they add: `,
    "what the rule answers is summed over the copies."));
  const made = maps[step.p]?.n && !maps[step.i]?.n;
  // A sign stays with what follows it where a line is too short for all.
  const term = (sign, shown) => h("div", { class: "term" }, h("span", { class: "sign", "aria-hidden": "true" }, sign), shown);
  out.push(h("div", { class: "row times" }, figure("incoming gradient", step.i),
    term("×", jacobian(step.j, Number(/(\d+)\)$/.exec(nodes[e.t].s)?.[1])))));
  if (secret) {
    out.push(h("div", { class: "secret" },
      h("p", null, "Predict: what does ", name(e.h), " send back to ", name(e.t), "? ", h("span", { class: "quiet" }, nodes[e.t].s === "scalar" ? "one number" : "shape " + nodes[e.t].s)),
      h("button", { type: "button", class: "main", on: { click: reveal } }, "Reveal"), h("span", { class: "quiet" }, " or press space")));
    return out;
  }
  const n = arrivals[e.t].findIndex((a) => a.at === at) + 1;
  if (first) out.push(h("div", { class: "row result times" }, term("=", figure([h("span", null, "sent back to "), name(e.t)], step.p))),
    several ? h("p", { class: "sum" }, "⊕ ", `the first of ${arrivals[e.t].length} contributions to `, name(e.t), ": the others will be added to it") : null);
  else {
    const scale = Math.max(...[step.b, step.p, step.a].map((i) => maps[i]?.m ?? 0).filter((v) => typeof v === "number"));
    out.push(h("h3", null, "⊕ ", name(e.t), ` is used ${arrivals[e.t].length} times, so its gradients add: contribution ${n}`),
      h("div", { class: "row result adding" }, term("", figure("had arrived", step.b, scale)),
        term("⊕", figure("arrives: sent back", step.p, scale)), term("=", figure("new sum", step.a, scale))));
  }
  if (step.x !== undefined) out.push(h("p", null, "A hook of ", name(e.t), " then changed the sum:"), h("div", { class: "row" }, figure("after the hook", step.x)));
  if (made) out.push(h("p", { class: "badge wrong" }, "✗ the first NaN or infinity of this way back is made here"));
  out.push(badge(step.c));
  if (/kink/.test(step.c.t) && ops[op].kinks) out.push(h("ul", { class: "quiet" }, ops[op].kinks.map((t) => h("li", null, t))));
  if (at === LAST) out.push(engine());
  return out;
}
