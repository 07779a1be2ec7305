// Stepping, search, help, paper, keys.
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
    ...steps.map((step, at) => h("article", { class: step.k }, h("p", { class: "phase" }, phase(at)), panel(at, true).flat(Infinity).filter(Boolean))));
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
