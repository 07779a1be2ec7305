// What is known at a step.
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
