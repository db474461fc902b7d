// Lights up the picture of a state machine, which the server has drawn (templates/machine.html).

const STATUSES = ["running", "done", "retried", "caught", "failed", "skipped"];

/** Puts the picture `svg` into `box`; `choose(name)` is called when a state is clicked. */
export function show(box, svg, choose) {
  box.innerHTML = svg;
  const nodes = new Map([...box.querySelectorAll("[data-state]")].map((group) => [group.dataset.state, {
    group,
    button: group.querySelector("[role=button]"),
    badge: group.querySelector(".badge-text"),
    label: group.querySelector("[role=button]").getAttribute("aria-label"),
  }]));
  const edges = [...box.querySelectorAll(".edge")];
  for (const [name, { group }] of nodes) {
    group.addEventListener("click", () => choose(name));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(name);
    });
  }
  return { nodes, edges };
}

export function setStatus(picture, name, status, text = "") {
  const node = picture.nodes.get(name);
  if (!node) return;
  node.group.classList.remove(...STATUSES);
  if (status) node.group.classList.add(status);
  node.badge.textContent = text;
  node.button.setAttribute("aria-label", [node.label, status, text].filter(Boolean).join(", "));
}

/** Shows the ways that were taken: pairs of states. */
export function setWays(picture, pairs) {
  const taken = new Set(pairs.map((pair) => pair.join(">")));
  for (const edge of picture.edges) {
    const isTaken = taken.has(`${edge.dataset.from}>${edge.dataset.to}`);
    const tip = !isTaken ? "plain" : edge.classList.contains("catch") ? "error" : "taken";
    edge.classList.toggle("taken", isTaken);
    edge.setAttribute("marker-end", `url(#tip-${tip})`);
    if (isTaken) edge.parentNode.append(edge); // above the others
  }
}
