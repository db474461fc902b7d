// The run beside the phone: its state machine lit as it happens, where the time went, one state in detail.
import * as diagram from "./diagram.js";
import { html, on, throttled, toast } from "./page.js";

const panel = document.getElementById("run");
const box = document.getElementById("diagram");
const inspector = document.getElementById("inspector");
const waterfall = document.getElementById("waterfall");
const subtitle = document.getElementById("run-subtitle");
const copy = document.getElementById("copy-link");

let picture = null;
let machine = panel.dataset.machine;
let run = panel.dataset.run || null;
let follows = null; // the message whose run is shown once it starts
let chosen = null;
const LATEST_KEPT = 50;
const latest = [];

// --- the state machine ------------------------------------------------------------------------------------------------

async function show(name) {
  if (picture && name === machine) return;
  machine = name;
  picture = null;
  const svg = await html(`/console/machines/${name}`);
  if (svg === null || machine !== name) return;
  picture = diagram.show(box, svg, choose);
  box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
  for (const button of panel.querySelectorAll("[data-machine]")) {
    button.setAttribute("aria-pressed", String(button.dataset.machine === name));
  }
}

function clear() {
  for (const name of picture.nodes.keys()) diagram.setStatus(picture, name, "");
  diagram.setWays(picture, []);
  box.classList.remove("has-run");
}

for (const button of panel.querySelectorAll("[data-machine]")) {
  button.addEventListener("click", async () => {
    select(null);
    await show(button.dataset.machine);
    clear();
    subtitle.textContent = "No run is shown. Send a message, or choose a run in the list of runs.";
  });
}

// --- one run ----------------------------------------------------------------------------------------------------------

function select(name) {
  run = name;
  panel.dataset.run = name ?? "";
  copy.disabled = !name;
  closeInspector();
  if (!name) waterfall.replaceChildren();
}

async function load() {
  const name = run;
  if (!name) return;
  const response = await fetch(`/console/runs/${encodeURIComponent(name)}/view`);
  if (!response.ok || name !== run) return;
  const view = await response.json();
  await show(view.run.machine);
  if (name !== run || !picture) return;
  box.classList.add("has-run");
  for (const state of picture.nodes.keys()) {
    const found = view.states[state];
    const ended = view.run.status !== "running";
    diagram.setStatus(picture, state, found?.status ?? (ended ? "skipped" : ""), found ? badge(found) : "");
  }
  diagram.setWays(picture, view.edges);
  centre(view.states);
  const place = waterfall.querySelector(".bars")?.scrollTop ?? 0;
  waterfall.innerHTML = view.waterfall;
  waterfall.querySelector(".bars").scrollTop = place;
  const { sender, words, intent, status } = view.run;
  subtitle.replaceChildren(
    Object.assign(document.createElement("span"), { className: `badge ${status}`, textContent: status }),
    ` ${[words && `“${words}”`, sender && `from ${sender}`, intent && intent.replaceAll("_", " ")].filter(Boolean).join(" · ")}`,
  );
  if (chosen) choose(chosen, false);
}

/** On a narrow screen the picture is wider than its box: show where the run went. */
function centre(states) {
  if (box.scrollWidth <= box.clientWidth) return;
  const visited = Object.keys(states).map((name) => picture.nodes.get(name)?.group.getBoundingClientRect()).filter(Boolean);
  if (!visited.length) return;
  const left = visited.reduce((sum, { x, width }) => sum + x + width / 2, 0) / visited.length;
  box.scrollLeft += left - box.getBoundingClientRect().x - box.clientWidth / 2;
}

function badge({ ms, visits, attempts, cold }) {
  const parts = [];
  if (ms >= 1) parts.push(ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${Math.round(ms)} ms`);
  if (visits > 1) parts.push(`×${visits}`);
  if (attempts > 1) parts.push(`${attempts} attempts`);
  if (cold) parts.push("❄");
  return parts.join(" ");
}

const reload = throttled(180, load);

/** Show the run of the message that was sent from here. */
function follow(row) {
  if (row.name === run) return;
  select(row.name);
  if (picture && row.machine === machine) clear();
  reload();
}

on("sent", ({ id }) => {
  follows = id;
  const row = latest.find(({ message_id: message }) => message === id); // it may have begun before the answer came
  if (row) follow(row);
});
on("show", ({ name }) => { follows = null; select(name); reload(); });
on("run", (row) => {
  latest.unshift(row);
  latest.length = Math.min(latest.length, LATEST_KEPT);
  if (follows && row.message_id === follows) follow(row);
  if (row.name === run) reload();
});
on("state", (state) => {
  if (state.execution !== run) return;
  if (picture && state.machine === machine) {
    box.classList.add("has-run");
    const status = state.stop ? (state.ok ? (state.attempts > 1 ? "retried" : "done") : "caught") : "running";
    diagram.setStatus(picture, state.name, status, state.stop ? badge({ ms: (state.stop - state.start) * 1000, visits: 1, attempts: state.attempts }) : "");
  }
  reload();
});
on("connected", reload);

copy.addEventListener("click", async () => {
  const address = `${location.origin}/console/runs/${run}`;
  try {
    await navigator.clipboard.writeText(address);
    toast("The link to this run was copied.");
  } catch {
    toast(address);
  }
});

// --- one state --------------------------------------------------------------------------------------------------------

async function choose(name, withFocus = true) {
  if (!run) return toast("Send a message first: then a state can be looked into.");
  chosen = name;
  const content = await html(`/console/runs/${encodeURIComponent(run)}/states/${encodeURIComponent(name)}`);
  if (content === null || chosen !== name) return undefined;
  if (inspector.dataset.content === content) return undefined;
  const opened = inspector.hidden;
  inspector.dataset.content = content;
  inspector.innerHTML = content;
  inspector.hidden = false;
  for (const [key, { group }] of picture.nodes) group.classList.toggle("chosen", key === name);
  if (withFocus) {
    inspector.querySelector(".close").focus({ preventScroll: true });
    if (opened) inspector.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
  return undefined;
}

function closeInspector() {
  const name = chosen;
  chosen = null;
  inspector.hidden = true;
  inspector.dataset.content = "";
  inspector.replaceChildren();
  if (picture) for (const { group } of picture.nodes.values()) group.classList.remove("chosen");
  return name;
}

inspector.addEventListener("click", (event) => {
  if (event.target.closest(".close")) picture.nodes.get(closeInspector())?.button.focus();
});
inspector.addEventListener("keydown", (event) => {
  if (event.key === "Escape") picture.nodes.get(closeInspector())?.button.focus();
});
waterfall.addEventListener("click", (event) => {
  const button = event.target.closest("[data-state]");
  if (button) choose(button.dataset.state);
});

await show(machine);
if (run) {
  copy.disabled = false;
  reload();
}
