// Elements. Text reaches the page only through text nodes and attributes: nothing here parses HTML.
const D = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const NS = { svg: "http://www.w3.org/2000/svg", math: "http://www.w3.org/1998/Math/MathML" };
const MATH = new Set("math mfrac mi mn mo mover mrow mspace msqrt msub msubsup msup mtable mtd mtext mtr".split(" "));
const { nodes, edges, steps, maps, ops } = D;
const FIRST = steps.findIndex((s) => s.k === "seed"), LAST = steps.length - 1;
const forwards = FIRST - 1, backwards = LAST - FIRST;

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
