// Numbers and arrays as one sees them.
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
      if (odd) out.push(s("rect", { x: left + 9, y: top + 6, width: w - 18, height: tall - 12, fill: "#fff" }));
      out.push(s("text", { class: dark ? "figure light" : "figure", x: left + w / 2, y: top + tall / 2 + 4.5 },
        plain ? number(v, 6) : brief(v)));
    } else if (!odd && !plain && v < 0 && Math.min(w, tall) >= 8) {
      out.push(s("path", { class: dark ? "minus light" : "minus", d: `M${left + w * 0.3} ${top + tall / 2}h${w * 0.4}` }));
    }
  }));
  return out;
}

function notes(map) {
  if (map.r) return [];
  const said = [];
  if (map.b) said.push(map.b[0] > 1 ? `means of ${map.b[0]} × ${map.b[1]}` : `means of ${map.b[1]}`);
  if (map.z && !map.i) said.push("exactly 0");
  if (map.n && !isNumber(map)) said.push(`${map.n} not finite`);
  return said;
}
const isNumber = (map) => map.c.length === 1 && map.c[0].length === 1 && !map.b;
function spoken(map) {
  const every = map.c.flat();
  const values = map.r || (every.length <= 12 && !map.b ? every.map((v) => number(v)).join(", ") : `largest ${number(map.m)}`);
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
  if (map.r) return h("figure", null, head, h("p", { class: "quiet" }, map.r));
  return h("figure", null, head, sheet(map.c, scale || map.m, spoken(map), !map.b, map.i), tail);
}
function sheet(rows, largest, label, mayWrite, plain) {
  const across = rows[0].length, down = rows.length;
  const figures = mayWrite && across <= 8 && down <= 10 && across * down <= 48;
  const side = Math.max(2.5, Math.min(26, 288 / across, 200 / down));
  const w = figures ? 50 : side, tall = figures ? 27 : Math.max(side, Math.min(12, 100 / down)); // wide ones stay legible
  const width = across * w + 2, height = down * tall + 2;
  return s("svg", { class: "heat", width, height, viewBox: `-1 -1 ${width} ${height}`, role: "img", "aria-label": label },
    cells(rows, largest, 0, 0, w, tall, figures, plain));
}
/** The Jacobian of one edge; ``inputs``: length of the argument's last axis. A single long row is broken into lines. */
function jacobian(j, inputs) {
  const flat = j.d ? j.d.slice() : new Array(j.r * j.k).fill(0);
  for (let i = 0; j.p && i < j.p.length; i += 2) flat[j.p[i]] = j.p[i + 1];
  const line = j.r === 1 && j.k > 30 ? Math.min(j.k, inputs > 1 && inputs <= 60 ? inputs : 50) : j.k;
  const rows = [];
  for (let i = 0; i < flat.length; i += line) rows.push(flat.slice(i, i + line));
  const whole = j.of || [j.r, j.k];
  const part = j.of && h("p", { class: "quiet" },
    `a slice: the first ${j.r} of ${j.of[0]} results, ${j.k} of ${j.of[1]} inputs`);
  const head = h("figcaption", null, "local Jacobian ", h("span", { class: "quiet" }, `(${whole[0]} × ${whole[1]})`));
  if (j.r === 1 && j.k === 1) return h("figure", null, head, h("p", { class: "big" }, number(flat[0], 4)), part);
  if (!j.r || !j.k) return h("figure", null, head, h("p", { class: "quiet" }, "empty"));
  return h("figure", null, head,
    sheet(rows, j.m, `local Jacobian, ${whole[0]} results by ${whole[1]} inputs, largest ${number(j.m)}`, true), part,
    h("p", { class: "quiet" }, line < j.k ? "one result: its row of inputs, in lines" : "rows: results, columns: inputs"));
}
