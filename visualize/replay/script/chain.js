// The chain rule of one node, and how large the gradient is on its way.
const up = nodes.map(() => []); // for each node, the backward edges that arrive at it
for (const e of stepOf.keys()) up[edges[e].t].push(e);
function route(i) {
  const found = { nodes: new Set([i]), edges: new Set() }, waiting = [i];
  while (waiting.length) for (const e of up[waiting.pop()]) {
    found.edges.add(e);
    if (!found.nodes.has(edges[e].h)) { found.nodes.add(edges[e].h); waiting.push(edges[e].h); }
  }
  return found;
}
function countPaths(i, memo = new Map()) {
  if (i === loss) return 1;
  if (!memo.has(i)) memo.set(i, up[i].reduce((sum, e) => sum + countPaths(edges[e].h, memo), 0));
  return memo.get(i);
}
function paths(i, most) {
  if (i === loss) return [[]];
  const out = [];
  for (const e of up[i]) for (const rest of paths(edges[e].h, most - out.length)) {
    out.push([e, ...rest]);
    if (out.length >= most) return out;
  }
  return out;
}
const symbol = (i) => (i === loss ? "J" : /^−| [@·/+−] /.test(nodes[i].t) ? `(${nodes[i].t})` : nodes[i].t);
const frac = (above, below) => m("mfrac", m("mrow", m("mo", "∂"), m("mtext", ...above)), m("mrow", m("mo", "∂"), m("mtext", ...below)));

function chainPanel(i) {
  const n = nodes[i];
  const leave = h("button", { type: "button", on: { click: () => { chain = null; show(); } } }, "Back to the step (Esc)");
  if (!finals[i]) return [h("h2", null, name(i)), h("p", null, n.k === "data" ? "Data: nothing asks for its gradient." : "No gradient is asked of this."),
    h("div", { class: "row" }, figure("value", n.v)), leave];
  const count = countPaths(i), shown = paths(i, 4);
  const out = [h("h2", null, "Chain rule for ", name(i))];
  out.push(h("p", null, i === loss ? "This is the loss, J." : count === 1 ? "One path leads to the loss J. The gradient is the product of the local Jacobians along it:"
    : `${count.toLocaleString("en")} paths lead to the loss J. Along each the local Jacobians multiply; over the paths the products add:`));
  shown.forEach((path, k) => {
    const factors = [...path].reverse();
    out.push(h("p", { class: "product" }, k ? h("span", { class: "sign" }, "+") : [m("math", frac(["J"], [symbol(i)])), h("span", { class: "sign" }, "=")],
      factors.map((e, q) => [q ? h("span", { class: "sign" }, "·") : null,
        h("button", { type: "button", class: "factor", title: "go to this step", on: { click: () => go(stepOf.get(e)) } },
          m("math", frac([symbol(edges[e].h)], [symbol(edges[e].t)])))])));
  });
  if (count > shown.length) out.push(h("p", { class: "quiet" }, `and ${(count - shown.length).toLocaleString("en")} more`));
  if (shown[0] && shown[0].length) {
    out.push(h("h3", null, count === 1 ? "Its rules, from the loss" : "The rules of the first, from the loss"));
    out.push(h("ol", { class: "rules" }, [...shown[0]].reverse().map((e) => h("li", null,
      h("span", null, name(edges[e].h), " → ", name(edges[e].t)), ops[nodes[edges[e].h].o].l?.length ? h("div", null, math(ops[nodes[edges[e].h].o].l.at(-1))) : null))));
  }
  if (!predicting || finals[i].at <= known()) out.push(h("div", { class: "row result" }, figure("value", n.v), figure("gradient, all of it", finals[i].map)));
  out.push(leave);
  return out;
}

const alarm = (norm) => (!Number.isFinite(norm) ? "not finite" : norm === 0 ? "exactly 0" : norm < 1e-4 ? "vanishing" : norm > 1e4 ? "exploding" : "");
function trail(at) {
  const rows = nodes.map((_, i) => i).filter((i) => finals[i] && arrivals[i][0].at <= at && maps[finals[i].map]).sort((a, b) => arrivals[a][0].at - arrivals[b][0].at);
  if (rows.length < 2) return null;
  const length = (i) => Number(maps[arrivals[i].filter((a) => a.at <= at).at(-1).map].l), words = rows.map((i) => alarm(length(i)));
  const seen = ["not finite", "exploding", "vanishing", "exactly 0"].filter((word) => words.includes(word));
  return h("details", { class: "trail", open: trailOpen, on: { toggle: (ev) => { trailOpen = ev.target.open; } } },
    h("summary", null, "Size of the gradient on its way back", seen.length > 0 && h("b", { class: "seen" }, ": ", seen.join(", "))),
    h("table", null, h("caption", { class: "quiet" }, "norm, on a logarithmic scale; the loss starts with 1"), h("tbody", null, rows.map((i, k) => {
      const norm = length(i), word = words[k];
      const bar = h("span", { class: Number.isFinite(norm) ? "length" : "length odd" });
      bar.style.width = `${100 * share(norm)}%`;
      return h("tr", { class: word ? "alarm" : "" }, h("th", { scope: "row" }, name(i)), h("td", { class: "rail" }, bar), h("td", null, number(norm)), h("td", null, word));
    }))));
}
let trailOpen = false;
