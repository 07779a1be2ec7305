// The graph: cards, edges, what is marked in them, and where one looks.
const PAD = 26;
const cards = [], lines = [];
const picture = s("svg", { class: "graph", role: "group", "aria-label": `Computation graph, ${nodes.length} nodes` });
picture.setAttribute("viewBox", `${-PAD} ${-PAD} ${D.size[0] + 2 * PAD} ${D.size[1] + 2 * PAD}`);

function norms() {
  const logs = arrivals.flat().map((a) => maps[a.map] && Number(maps[a.map].l)).filter((l) => l > 0 && Number.isFinite(l)).map(Math.log10);
  const low = Math.min(0, ...logs), high = Math.max(0, ...logs);
  return { low: low - 0.15 * Math.max(high - low, 1), high };
}
const range = norms();
/** Share of the bar that a norm fills, on a logarithmic scale from the smallest of this run to the largest. */
function share(norm) {
  if (!Number.isFinite(norm)) return 1;
  return norm > 0 ? Math.max(0.02, (Math.log10(norm) - range.low) / (range.high - range.low)) : 0;
}

function drawGraph() {
  const named = s("g");
  for (const [x, y, w, tall, at, line, patch, label] of D.frames) {
    picture.append(s("rect", { class: "frame", x, y, width: w, height: tall, rx: 12 }));
    if (patch) named.append(s("rect", { class: "patch", x: at - 3, y: line - 13, width: patch + 6, height: 18 }));
    named.append(s("text", { class: "framed", x: at, y: line }, label));
  }
  edges.forEach((e, i) => {
    if (!e.p) return lines.push(null);
    const { d, b, x, y, X, Y } = e.p, back = stepOf.has(i);
    const forward = s("g", { class: "forward" }, s("path", { d }), s("path", { class: "tip", d: `M${X} ${Y}l-5 -10h10z` }));
    const backward = back && s("g", { class: "backward" }, s("path", { d: b }),
      s("path", { class: "chevron", d: `M${x - 6} ${y + 11}L${x} ${y + 2}l6 9` }));
    const line = s("g", { class: "edge" }, forward, backward,
      back && s("path", { class: "grip", d: b, on: { click: () => go(stepOf.get(i)) } },
        s("title", null, `${nodes[e.h].t} → ${nodes[e.t].t}`)));
    lines.push(line);
    picture.append(line);
  });
  picture.append(named);
  nodes.forEach((n, i) => {
    const [x, y, w, tall] = n.b, round = n.k === "op" ? 11 : 2, inset = n.root ? 4 : 0;
    const live = s("g");
    const small = n.u ? [n.o, n.d].filter(Boolean).join(", ") : n.d || (n.k === "op" ? "" : n.k);
    const card = s("g", {
      class: `card ${n.k}`, transform: `translate(${x} ${y})`, tabindex: 0, role: "button",
      "aria-label": `${n.t}, ${n.k}${n.u ? " " + n.o : ""}, ${n.s}: read its chain rule`,
      on: { click: () => read(i), keydown: (ev) => { if (ev.key === "Enter" || ev.key === " ") { ev.preventDefault(); ev.stopPropagation(); read(i); } } },
    },
    s("title", null, [n.t, n.o, n.d, n.s, n.w].filter(Boolean).join(" · ")),
    s("rect", { class: "body", width: w, height: tall, rx: round }),
    n.root && s("rect", { class: "double", x: inset, y: inset, width: w - 2 * inset, height: tall - 2 * inset, rx: Math.max(1, round - 4) }),
    s("text", { class: "title", x: 12, y: 23 }, n.a),
    s("text", { class: "shape", x: w - 12, y: 22 }, n.s),
    s("text", { class: "small", x: 12, y: 38 }, small.length > 27 ? small.slice(0, 26) + "…" : small),
    live);
    cards.push({ card, live, state: "" });
    picture.append(card);
  });
  byId("graph").append(picture);
}

function column(x, w, label, place, instead) {
  const out = [s("text", { class: "small", x, y: 54 }, label)], map = maps[place];
  if (instead) return [...out, s("text", { class: "instead", x, y: 75 }, instead)];
  if (!map || map.r) return [...out, s("text", { class: "instead", x, y: 75 }, map ? map.r : "–")];
  if (isNumber(map)) return [...out, s("text", { class: "scalar", x, y: 79 }, number(map.c[0][0]))];
  const across = map.c[0].length, down = map.c.length, listed = map.i && !map.b ? map.c.flat().join(", ") : "";
  if (listed && listed.length <= 16) return [...out, s("text", { class: "listed", x, y: 76 }, listed)];
  const tall = Math.min(13, 35 / down), wide = Math.min(16, w / across);
  return [...out, cells(map.c, map.m, x, 59, Math.min(wide, 2 * tall), tall, false, map.i)];
}

function drawCards(at) {
  nodes.forEach((n, i) => {
    const has = valueAt[i] <= at, come = arrivals[i].filter((a) => a.at <= at), last = come.at(-1);
    const state = `${has}/${come.length}`;
    if (cards[i].state === state) return;
    cards[i].state = state;
    const w = n.b[2], half = (w - 32) / 2, out = [];
    out.push(column(12, n.g ? half : w - 24, "value", n.v, has ? "" : "not yet"));
    if (n.g) {
      const all = arrivals[i].length;
      const label = all > 1 ? (come.length < all ? `gradient ${come.length}/${all}` : `gradient ⊕${all}`) : "gradient";
      out.push(column(20 + half, half, label, last && last.map, last ? "" : "not yet"));
      if (last && maps[last.map]) {
        const norm = Number(maps[last.map].l), filled = share(norm);
        out.push(s("rect", { class: "rail", x: 12, y: 97, width: w - 24, height: 3.5 }));
        out.push(s("rect", { class: Number.isFinite(norm) ? "bar" : "bar odd", x: 12, y: 97, width: (w - 24) * filled, height: 3.5 },
          s("title", null, `size (norm) ${number(norm)}`)));
      }
      if (all > 1 && come.length) {
        out.push(s("circle", { class: "plus", cx: w / 2, cy: n.b[3], r: 9 }));
        out.push(s("path", { class: "plus", d: `M${w / 2 - 5} ${n.b[3]}h10m-5 -5v10` }));
      }
    }
    cards[i].live.replaceChildren(...out.flat(Infinity));
    cards[i].card.classList.toggle("waiting", !has);
  });
}

function mark() {
  const step = steps[now], path = chain === null ? null : route(chain);
  const backward = step.k === "backward" && edges[step.e];
  nodes.forEach((n, i) => {
    const c = cards[i].card.classList;
    c.toggle("current", chain === null ? i === (backward ? backward.h : step.n) : i === chain);
    c.toggle("target", chain === null && !!backward && i === backward.t);
    c.toggle("faded", !!path && !path.nodes.has(i));
  });
  edges.forEach((e, i) => {
    if (!lines[i]) return;
    const c = lines[i].classList, at = stepOf.get(i);
    c.toggle("alive", valueAt[e.h] <= now);
    c.toggle("sent", at !== undefined && at <= now);
    c.toggle("current", chain === null && (at === now || (step.k === "forward" && e.h === step.n)));
    c.toggle("onpath", !!path && path.edges.has(i));
    c.toggle("faded", !!path && !path.edges.has(i));
  });
}

function fit() {
  const box = byId("graph"), w = D.size[0] + 2 * PAD, tall = D.size[1] + 2 * PAD;
  const whole = Math.min((box.clientWidth - 4) / w, (box.clientHeight - 4) / tall);
  const scale = Math.min(1.25, whole >= 0.7 ? whole : Math.max(0.7, Math.min(1, (box.clientWidth - 4) / w)));
  picture.setAttribute("width", w * scale);
  picture.setAttribute("height", tall * scale);
  return scale;
}
let settled = false; // the first look jumps: nothing has moved yet
function look() {
  const step = steps[now], box = byId("graph"), scale = fit();
  const seen = chain !== null ? [chain] : step.k === "backward" ? [edges[step.e].h, edges[step.e].t] : step.n === undefined ? [] : [step.n];
  if (!seen.length) return box.scrollTo({ top: 0, left: 0 });
  const inner = { left: picture.getBoundingClientRect().left - box.getBoundingClientRect().left + box.scrollLeft };
  const at = (v) => (v + PAD) * scale;
  // Two cards too far apart to be seen at once: the one that sends.
  if (seen.length > 1 && Math.max(...seen.map((i) => at(nodes[i].b[1] + nodes[i].b[3]))) - Math.min(...seen.map((i) => at(nodes[i].b[1]))) > box.clientHeight) seen.pop();
  const [left, right] = [Math.min(...seen.map((i) => at(nodes[i].b[0]))) + inner.left, Math.max(...seen.map((i) => at(nodes[i].b[0] + nodes[i].b[2]))) + inner.left];
  const [top, bottom] = [Math.min(...seen.map((i) => at(nodes[i].b[1]))), Math.max(...seen.map((i) => at(nodes[i].b[1] + nodes[i].b[3])))];
  const away = (low, high, from, room) => low < from || high > from + room;
  const behavior = settled && !matchMedia("(prefers-reduced-motion: reduce)").matches ? "smooth" : "auto";
  if (away(top, bottom, box.scrollTop, box.clientHeight) || away(left, right, box.scrollLeft, box.clientWidth))
    box.scrollTo({ top: (top + bottom - box.clientHeight) / 2, left: (left + right - box.clientWidth) / 2, behavior });
}
