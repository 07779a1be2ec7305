"use strict";
(() => {
  // Text reaches the page only through text nodes and attributes: nothing here parses HTML.
  const D = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const NS = { svg: "http://www.w3.org/2000/svg", math: "http://www.w3.org/1998/Math/MathML" };
  const MATH = new Set("math mfrac mi mn mo mover mrow mspace msqrt msub msubsup msup mtext".split(" "));
  const { nodes, edges, steps, maps, ops } = D;
  const FIRST = steps.findIndex((s) => s.k === "seed"), LAST = steps.length - 1;
  const forwards = FIRST - 1, backwards = LAST - FIRST;

  // ---- making elements --------------------------------------------------------------------------------------
  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
      else if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
    return node;
  }
  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const s = (tag, attributes, ...children) => fill(document.createElementNS(NS.svg, tag), attributes, children);
  const m = (tag, ...children) => fill(document.createElementNS(NS.math, tag), null, children);
  const name = (i) => h("bdi", { class: "name" }, nodes[i].t);

  function math(tree, block) {
    const [tag, ...rest] = tree;
    if (!MATH.has(tag)) return m("mtext", "?");
    if (tag === "mspace") return fill(m("mspace"), { width: rest[0] }, []);
    const made = m(tag, rest.map((c) => (typeof c === "string" ? c : math(c))));
    if (tag === "mover") made.lastChild.setAttribute("stretchy", "false");
    if (tag === "math" && block) made.setAttribute("display", "block");
    return made;
  }

  // ---- numbers ----------------------------------------------------------------------------------------------
  function number(v, digits = 3) {
    v = Number(v);
    if (Number.isNaN(v)) return "NaN";
    if (!Number.isFinite(v)) return v > 0 ? "∞" : "−∞";
    if (v === 0) return "0";
    const size = Math.abs(v);
    let text = size < 1e-4 || size >= 1e6 ? v.toExponential(digits - 1) : String(Number(v.toPrecision(digits)));
    text = text.replace(/\.?0+e/, "e").replace("e+", "e");
    return text.replace(/-/g, "−");
  }
  function brief(v) {
    const size = Math.abs(Number(v));
    if (size > 0 && size < 0.0095) return Number(v).toExponential(0).replace(/-/g, "−");
    if (size >= 99.5 || !(size > 0) || Number.isInteger(size)) return number(v, 4);
    return Number(v).toPrecision(size >= 0.995 ? 3 : 2).replace(/-/g, "−");
  }
  const strange = (v) => typeof v === "string";
  function colour(v, largest) {
    const share = largest ? Math.min(Math.abs(v) / largest, 1) ** 0.75 : 0;
    const end = v > 0 ? [224, 123, 0] : [0, 114, 178];
    return "#" + end.map((c) => Math.round(255 + (c - 255) * share).toString(16).padStart(2, "0")).join("");
  }

  /** Cells of an array as SVG. NaN is hatched, exactly 0 is white, a negative cell without a figure has a minus. */
  function cells(rows, largest, x, y, w, tall, figures, plain) {
    const out = [];
    const across = rows[0].length * w, down = rows.length * tall;
    out.push(s("rect", { class: "sheet", x, y, width: across, height: down }));
    rows.forEach((row, i) => row.forEach((v, j) => {
      const left = x + j * w, top = y + i * tall, odd = strange(v);
      if (v === 0 && w < 6 && !figures) return;
      out.push(s("rect", {
        class: w < 8 ? "cell fine" : "cell", x: left, y: top, width: w, height: tall,
        fill: odd || plain ? "#fff" : colour(v, largest),
      }));
      const dark = !odd && !plain && v < 0 && Math.abs(v) > 0.6 * largest;
      if (odd) out.push(s("path", {
        class: "hatch",
        d: [0, 0.5].map((k) => `M${left + w * k} ${top + tall}L${left + w * (k + 0.5)} ${top}`).join(""),
      }));
      if (figures) {
        if (odd) out.push(s("rect", { x: left + 4, y: top + 4, width: w - 8, height: tall - 8, fill: "#fff" }));
        out.push(s("text", { class: dark ? "figure light" : "figure", x: left + w / 2, y: top + tall / 2 + 4.5 },
          plain ? number(v, 6) : brief(v)));
      } else if (!odd && !plain && v < 0 && Math.min(w, tall) >= 8) {
        out.push(s("path", { class: dark ? "minus light" : "minus", d: `M${left + w * 0.3} ${top + tall / 2}h${w * 0.4}` }));
      }
    }));
    return out;
  }

  function notes(map) {
    const said = [];
    if (map.b) said.push(map.b[0] > 1 ? `means of ${map.b[0]} × ${map.b[1]}` : `means of ${map.b[1]}`);
    if (map.z && !map.i) said.push("exactly 0");
    if (map.n) said.push(`${map.n} not finite`);
    return said;
  }
  const isNumber = (map) => map.c.length === 1 && map.c[0].length === 1 && !map.b;
  function spoken(map) {
    const every = map.c.flat();
    const values = every.length <= 12 && !map.b ? every.map((v) => number(v)).join(", ") : `largest ${number(map.m)}`;
    return `${map.s === "scalar" ? "" : map.s + ": "}${[values, ...notes(map)].join("; ")}`;
  }

  /** A figure of the panel: caption, array, what else is to be said of it. */
  function figure(caption, place, scale) {
    const map = maps[place];
    if (!map) return h("figure", null, h("figcaption", null, caption), h("p", { class: "quiet" }, "no elements to show"));
    const head = h("figcaption", null, caption, map.s === "scalar" ? "" : h("span", { class: "quiet" }, " " + map.s));
    const tail = notes(map).map((t) => h("p", { class: "quiet" }, t));
    if (isNumber(map)) return h("figure", null, head,
      h("p", { class: strange(map.c[0][0]) ? "big odd" : "big" }, number(map.c[0][0], 4)), tail);
    return h("figure", null, head, sheet(map.c, scale || map.m, spoken(map), !map.b, map.i), tail);
  }
  function sheet(rows, largest, label, mayWrite, plain) {
    const across = rows[0].length, down = rows.length;
    const figures = mayWrite && across <= 8 && down <= 10 && across * down <= 48;
    const side = Math.max(2.5, Math.min(26, 300 / across, 230 / down));
    const w = figures ? 50 : side, tall = figures ? 27 : side;
    const width = across * w + 2, height = down * tall + 2;
    return s("svg", { class: "heat", width, height, viewBox: `-1 -1 ${width} ${height}`, role: "img", "aria-label": label },
      cells(rows, largest, 0, 0, w, tall, figures, plain));
  }
  function jacobian(j) {
    const flat = j.d ? j.d.slice() : new Array(j.r * j.k).fill(0);
    for (let i = 0; j.p && i < j.p.length; i += 2) flat[j.p[i]] = j.p[i + 1];
    const rows = [];
    for (let i = 0; i < j.r; i++) rows.push(flat.slice(i * j.k, (i + 1) * j.k));
    const whole = j.of || [j.r, j.k];
    const part = j.of && h("p", { class: "quiet" },
      `a slice: the first ${j.r} of ${j.of[0]} results, ${j.k} of ${j.of[1]} inputs`);
    const head = h("figcaption", null, "local Jacobian ", h("span", { class: "quiet" }, `(${whole[0]} × ${whole[1]})`));
    if (j.r === 1 && j.k === 1) return h("figure", null, head, h("p", { class: "big" }, number(flat[0], 4)), part);
    if (!j.r || !j.k) return h("figure", null, head, h("p", { class: "quiet" }, "empty"));
    return h("figure", null, head,
      sheet(rows, j.m, `local Jacobian, ${whole[0]} results by ${whole[1]} inputs, largest ${number(j.m)}`, true), part,
      h("p", { class: "quiet" }, "rows: results, columns: inputs"));
  }

  // ---- what is known at a step --------------------------------------------------------------------------------
  const valueAt = nodes.map(() => 0), total = nodes.map(() => 0), arrivals = nodes.map(() => []), inputsOf = nodes.map(() => []);
  steps.forEach((step, i) => {
    if (step.k === "forward") valueAt[step.n] = i;
    if (step.k === "seed") arrivals[step.n].push({ at: i, map: step.g });
    if (step.k === "backward") {
      const tail = edges[step.e].t;
      arrivals[tail].push({ at: i, map: step.x ?? step.a });
      total[tail] += 1;
    }
  });
  const loss = steps[FIRST].n;
  edges.forEach((e, i) => inputsOf[e.h].push(i));
  const stepOf = new Map(steps.map((step, i) => [step.e, i]).filter(([e]) => e !== undefined));
  const finals = nodes.map((_, i) => (arrivals[i].length ? arrivals[i].at(-1) : null));

  let now = 0, chain = null, predicting = false, opened = null;
  const revealed = new Set();
  const hidden = (i) => predicting && steps[i].k === "backward" && !revealed.has(i);
  const known = () => (hidden(now) ? now - 1 : now);

  // ---- the graph ----------------------------------------------------------------------------------------------
  const PAD = 26;
  const cards = [], lines = [];
  const picture = s("svg", { class: "graph", role: "group", "aria-label": `Computation graph, ${nodes.length} nodes` });
  picture.setAttribute("viewBox", `${-PAD} ${-PAD} ${D.size[0] + 2 * PAD} ${D.size[1] + 2 * PAD}`);

  function norms() {
    const logs = finals.map((f) => f && maps[f.map] && Number(maps[f.map].l)).filter((l) => l > 0 && Number.isFinite(l)).map(Math.log10);
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
    for (const [x, y, w, tall, label] of D.frames) {
      picture.append(s("rect", { class: "frame", x, y, width: w, height: tall, rx: 12 }));
      picture.append(s("text", { class: "framed", x: x + 12, y: y + 19 }, label));
    }
    edges.forEach((e, i) => {
      if (!e.p) return lines.push(null);
      const { d, x, y, X, Y } = e.p, back = stepOf.has(i);
      const forward = s("g", { class: "forward" }, s("path", { d }), s("path", { class: "tip", d: `M${X} ${Y}l-5 -10h10z` }));
      const backward = back && s("g", { class: "backward", transform: "translate(5 0)" }, s("path", { d }),
        s("path", { class: "chevron", d: `M${x - 6} ${y + 11}L${x} ${y + 2}l6 9` }));
      const line = s("g", { class: "edge" }, forward, backward,
        back && s("path", { class: "grip", d, on: { click: () => go(stepOf.get(i)) } },
          s("title", null, `${nodes[e.h].t} → ${nodes[e.t].t}`)));
      lines.push(line);
      picture.append(line);
    });
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
      n.root && s("rect", { class: "double", x: inset, y: inset, width: w - 2 * inset, height: tall - 2 * inset, rx: round - 4 }),
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
    if (!map) return [...out, s("text", { class: "instead", x, y: 75 }, "–")];
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
    const [left, right] = [Math.min(...seen.map((i) => at(nodes[i].b[0]))) + inner.left, Math.max(...seen.map((i) => at(nodes[i].b[0] + nodes[i].b[2]))) + inner.left];
    const [top, bottom] = [Math.min(...seen.map((i) => at(nodes[i].b[1]))), Math.max(...seen.map((i) => at(nodes[i].b[1] + nodes[i].b[3])))];
    const away = (low, high, from, room) => low < from || high > from + room;
    const behavior = settled && !matchMedia("(prefers-reduced-motion: reduce)").matches ? "smooth" : "auto";
    if (away(top, bottom, box.scrollTop, box.clientHeight) || away(left, right, box.scrollLeft, box.clientWidth))
      box.scrollTo({ top: (top + bottom - box.clientHeight) / 2, left: (left + right - box.clientWidth) / 2, behavior });
  }

  // ---- the panel ----------------------------------------------------------------------------------------------
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
      h("p", { class: "quiet source" }, "source: " + o.src));
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
        h("div", { class: "row" }, inputsOf[i].map((e) => figure([name(edges[e].t)], nodes[edges[e].t].v))),
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
    const row = h("div", { class: "row" }, figure("incoming gradient", step.i), jacobian(step.j));
    out.push(row);
    if (secret) {
      out.push(h("div", { class: "secret" },
        h("p", null, "Predict: what does ", name(e.h), " send back to ", name(e.t), "? ", h("span", { class: "quiet" }, nodes[e.t].s === "scalar" ? "one number" : "shape " + nodes[e.t].s)),
        h("button", { type: "button", class: "main", on: { click: reveal } }, "Reveal"), h("span", { class: "quiet" }, " or press space")));
      return out;
    }
    const n = arrivals[e.t].findIndex((a) => a.at === at) + 1;
    if (first) out.push(h("div", { class: "row result" }, figure([h("span", null, "sent back to "), name(e.t)], step.p)),
      several ? h("p", { class: "sum" }, "⊕ ", `the first of ${arrivals[e.t].length} contributions to `, name(e.t), ": the others will be added to it") : null);
    else {
      const scale = Math.max(...[step.b, step.p, step.a].map((i) => maps[i]?.m ?? 0).filter((v) => typeof v === "number"));
      out.push(h("h3", null, "⊕ ", name(e.t), ` is used ${arrivals[e.t].length} times, so its gradients add: contribution ${n}`),
        h("div", { class: "row result adding" }, figure("had arrived", step.b, scale), h("span", { class: "sign" }, "⊕"),
          figure("arrives: sent back", step.p, scale), h("span", { class: "sign" }, "="), figure("new sum", step.a, scale)));
    }
    if (step.x !== undefined) out.push(h("p", null, "A hook of ", name(e.t), " then changed the sum:"), h("div", { class: "row" }, figure("after the hook", step.x)));
    if (made) out.push(h("p", { class: "badge wrong" }, "✗ the first NaN or infinity of this way back is made here"));
    out.push(badge(step.c));
    if (at === LAST) out.push(engine());
    return out;
  }

  // ---- the chain rule of one node ---------------------------------------------------------------------------
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

  // ---- the trail: how large the gradient is on its way ---------------------------------------------------------
  function trail(at) {
    const rows = nodes.map((_, i) => i).filter((i) => finals[i] && arrivals[i][0].at <= at && maps[finals[i].map]).sort((a, b) => arrivals[a][0].at - arrivals[b][0].at);
    if (rows.length < 2) return null;
    return h("details", { class: "trail", open: trailOpen, on: { toggle: (ev) => { trailOpen = ev.target.open; } } },
      h("summary", null, "Size of the gradient on its way back"),
      h("table", null, h("caption", { class: "quiet" }, "norm, on a logarithmic scale; the loss starts with 1"), h("tbody", null, rows.map((i) => {
        const map = maps[arrivals[i].filter((a) => a.at <= at).at(-1).map], norm = Number(map.l);
        const word = !Number.isFinite(norm) ? "not finite" : norm === 0 ? "exactly 0" : norm < 1e-4 ? "vanishing" : norm > 1e4 ? "exploding" : "";
        const bar = h("span", { class: Number.isFinite(norm) ? "length" : "length odd" });
        bar.style.width = `${100 * share(norm)}%`;
        return h("tr", { class: word ? "alarm" : "" }, h("th", { scope: "row" }, name(i)), h("td", { class: "rail" }, bar), h("td", null, number(norm)), h("td", null, word));
      }))));
  }
  let trailOpen = false;

  // ---- stepping -------------------------------------------------------------------------------------------------
  function phase(at) {
    const k = steps[at].k;
    return k === "inputs" ? "Inputs" : k === "forward" ? `Forward ${at} of ${forwards}` : k === "seed" ? "Loss" : `Backward ${at - FIRST} of ${backwards}`;
  }
  function tell() {
    const step = steps[now];
    if (step.k === "inputs") return "Inputs given";
    if (step.k === "forward") return `${phase(now)}: ${nodes[step.n].t} = ${nodes[step.n].o}. ${maps[nodes[step.n].v] ? spoken(maps[nodes[step.n].v]) : ""}`;
    if (step.k === "seed") return "The loss is reached. Its gradient is 1.";
    const e = edges[step.e], start = `${phase(now)}: ${nodes[e.h].t} sends back to ${nodes[e.t].t}.`;
    if (hidden(now)) return start + " Hidden: predict it, then press space.";
    const sum = step.b === undefined ? "" : ` Added to what had arrived: ${maps[step.a] ? spoken(maps[step.a]) : ""}.`;
    return `${start} ${maps[step.p] ? spoken(maps[step.p]) : ""}.${sum} ${step.c.v === "right" ? "Agrees with finite differences." : step.c.v === "wrong" ? "Disagrees with finite differences!" : "Not compared."}`;
  }
  let later = 0;
  function remember() { // a sandboxed frame may refuse its history, and browsers limit how often it changes
    clearTimeout(later);
    later = setTimeout(() => { try { history.replaceState(null, "", "#step=" + now); } catch { /* then without */ } }, 300);
  }
  function show() {
    drawCards(known());
    mark();
    byId("panel").replaceChildren(...[chain === null ? panel(now) : chainPanel(chain), trail(known())].flat(Infinity).filter(Boolean));
    byId("slider").value = now;
    byId("slider").setAttribute("aria-valuetext", phase(now));
    byId("phase").textContent = phase(now);
    byId("phase").className = steps[now].k === "backward" ? "backward" : "forward";
    byId("back").disabled = now === 0;
    byId("next").disabled = now === LAST;
    byId("live").textContent = chain === null ? tell() : `Chain rule for ${nodes[chain].t}`;
    document.body.dataset.step = now;
    look();
  }
  function go(to) {
    now = Math.max(0, Math.min(LAST, Math.round(to) || 0));
    chain = null;
    byId("panel").scrollTop = 0;
    show();
    remember();
  }
  function read(i) {
    chain = chain === i ? null : i;
    byId("panel").scrollTop = 0;
    show();
  }
  function reveal() {
    revealed.add(now);
    show();
  }
  function predict() {
    predicting = !predicting;
    revealed.clear();
    byId("predict").setAttribute("aria-pressed", String(predicting));
    show();
  }

  // ---- search, help, paper ------------------------------------------------------------------------------------
  let hits = [], turn = -1;
  function search() {
    const asked = byId("search").value.trim().toLowerCase();
    hits = asked ? nodes.map((_, i) => i).filter((i) => [nodes[i].t, nodes[i].o, nodes[i].d].some((t) => t.toLowerCase().includes(asked))) : [];
    turn = -1;
    nodes.forEach((_, i) => cards[i].card.classList.toggle("hit", hits.includes(i)));
    byId("search").classList.toggle("none", !!asked && !hits.length);
    if (asked) byId("live").textContent = hits.length === 1 ? "1 found" : `${hits.length} found`;
  }
  const HELP = [["→  space  Page Down", "step on (space reveals first, in Predict)"], ["←  Page Up", "step back"], ["Home  End", "first, last step"],
    ["p", "predict, then reveal"], ["r", "reveal"], ["/", "search by name or op; Enter goes to the next one found"], ["Esc", "leave the chain rule"], ["?", "this list"]];
  const SIGNS = ["thick border: parameter; dashed: data; rounded: op; double: loss", "solid blue: values, forward; dashed orange: gradients, backward",
    "not yet: nothing has arrived; white cells, “exactly 0”: a gradient that is 0", "cells: orange positive, blue with a minus negative, white 0, hatched NaN or infinite",
    "⊕: several gradients add here", "bar under a card: size of its gradient, logarithmic"];
  function help() {
    const box = byId("help");
    if (box.open) return box.close();
    box.replaceChildren(h("h2", null, "Keys"), h("dl", null, HELP.map(([k, t]) => [h("dt", null, h("kbd", null, k)), h("dd", null, t)])),
      h("h2", null, "Signs"), h("ul", null, SIGNS.map((t) => h("li", null, t))),
      h("p", null, "A click on a card reads its chain rule; a click on a dashed edge goes to its step."),
      h("button", { type: "button", class: "main", on: { click: () => box.close() } }, "Close"));
    box.showModal();
  }
  function handout() {
    const place = byId("handout"), was = [now, chain, predicting];
    [now, chain, predicting] = [LAST, null, false];
    drawCards(LAST);
    mark();
    const graph = picture.cloneNode(true);
    [now, chain, predicting] = was;
    drawCards(known());
    mark();
    for (const c of graph.querySelectorAll(".current, .target")) c.classList.remove("current", "target");
    graph.removeAttribute("width");
    graph.removeAttribute("height");
    place.replaceChildren(h("h1", null, h("bdi", null, D.title)), graph,
      ...steps.map((_, at) => h("article", null, h("p", { class: "phase" }, phase(at)), panel(at, true).flat(Infinity).filter(Boolean))));
  }

  function keydown(ev) {
    if (ev.ctrlKey || ev.metaKey || ev.altKey || byId("help").open) return;
    const on = ev.target, typing = on === byId("search"), slider = on === byId("slider");
    if (typing) {
      if (ev.key === "Enter" && hits.length) {
        turn = (turn + 1) % hits.length;
        go(valueAt[hits[turn]]);
        cards[hits[turn]].card.scrollIntoView?.({ block: "nearest", inline: "nearest" });
      }
      if (ev.key === "Escape") { byId("search").value = ""; search(); on.blur(); }
      return;
    }
    const onward = () => (hidden(now) ? reveal() : go(now + 1));
    const does = {
      ArrowRight: () => go(now + 1), ArrowLeft: () => go(now - 1), PageDown: onward, PageUp: () => go(now - 1),
      Home: () => go(0), End: () => go(LAST), " ": onward, r: () => hidden(now) && reveal(), p: predict,
      "?": help, "/": () => byId("search").focus(), Escape: () => { if (chain !== null) { chain = null; show(); } },
    }[ev.key];
    if (!does) return;
    // A focused control keeps the keys that work it.
    if (slider && ev.key !== "?" && ev.key.length > 1 && ev.key !== "Escape") return;
    if (ev.key === " " && on.closest?.("button, summary, [role=button]")) return;
    ev.preventDefault();
    does();
  }

  byId("slider").max = LAST;
  byId("slider").addEventListener("input", (ev) => go(Number(ev.target.value)));
  byId("back").addEventListener("click", () => go(now - 1));
  byId("next").addEventListener("click", () => go(now + 1));
  byId("predict").addEventListener("click", predict);
  byId("keys").addEventListener("click", help);
  byId("print").addEventListener("click", () => { try { window.print(); } catch { /* a frame may not */ } });
  byId("search").addEventListener("input", search);
  document.addEventListener("keydown", keydown);
  window.addEventListener("beforeprint", handout);
  window.addEventListener("afterprint", () => byId("handout").replaceChildren());
  window.addEventListener("resize", look);
  const asked = () => Number((/^#step=(\d+)$/.exec(location.hash) || [])[1] ?? NaN);
  window.addEventListener("hashchange", () => { if (asked() >= 0) go(asked()); });
  drawGraph();
  go(asked() >= 0 ? asked() : 0);
  settled = true;
})();
