// What every page has: the connection to the events, the notice of a restart, messages, forms that change the world.

const live = document.getElementById("live");
const notice = document.getElementById("notice");
const boot = document.body.dataset.boot;

/** Dispatches "console:<kind>" on the document for each event of the server. */
function connect() {
  const source = new EventSource(`/console/events?after=${encodeURIComponent(document.body.dataset.latest)}`);
  source.onopen = () => setLive("live", "live");
  source.onerror = () => {
    setLive("lost", "connection lost");
    showNotice("The console does not answer. Is make run still running? Trying again …", false);
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 1000);
  };
  source.addEventListener("hello", (event) => {
    if (JSON.parse(event.data).boot === boot) {
      notice.hidden = true;
      emit("connected");
    } else {
      showNotice("The assistant was restarted. This page shows what ran before the restart.", true);
    }
    setLive("live", "live");
  });
  source.addEventListener("missed", () => emit("connected"));
  for (const kind of ["bubble", "ticks", "typing", "reaction", "started", "run", "state", "world"]) {
    source.addEventListener(kind, (event) => emit(kind, JSON.parse(event.data)));
  }
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

function setLive(state, words) {
  live.dataset.state = state;
  live.querySelector("span").textContent = words;
}

function showNotice(words, withReload) {
  notice.replaceChildren(words);
  if (withReload) {
    const button = Object.assign(document.createElement("button"), { textContent: "Show the new run" });
    button.addEventListener("click", () => location.assign("/console"));
    notice.append(" ", button);
  }
  notice.hidden = false;
}

export function emit(kind, detail) {
  document.dispatchEvent(new CustomEvent(`console:${kind}`, { detail }));
}

/** Calls `handler` with the data of each event of that kind. */
export function on(kind, handler) {
  document.addEventListener(`console:${kind}`, (event) => handler(event.detail));
}

/** At most one call in `milliseconds`, the last one included. */
export function throttled(milliseconds, work) {
  let timer = null;
  let again = false;
  const run = async () => {
    again = false;
    await work();
    timer = setTimeout(() => { timer = null; if (again) start(); }, milliseconds);
  };
  const start = () => { timer = timer ?? setTimeout(run, 0); };
  return () => { again = true; start(); };
}

export function toast(words, bad = false) {
  const box = Object.assign(document.createElement("p"), { textContent: words, className: bad ? "toast bad" : "toast" });
  const all = document.getElementById("toasts");
  all.append(box);
  while (all.children.length > 3) all.firstChild.remove();
  setTimeout(() => box.remove(), 6000);
}

/** Sends a form; the answer as JSON, or null after an error that was shown. */
export async function post(path, fields) {
  const body = fields instanceof FormData ? fields : new FormData();
  if (!(fields instanceof FormData)) for (const [name, value] of Object.entries(fields ?? {})) body.append(name, value);
  try {
    const response = await fetch(path, { method: "POST", body });
    const type = response.headers.get("content-type") ?? "";
    const answer = type.includes("json") ? await response.json() : { message: await response.text() };
    if (response.ok) return answer;
    toast(answer.message || `The console answered ${response.status}.`, true);
  } catch {
    toast("The console does not answer.", true);
  }
  return null;
}

export async function html(path) {
  const response = await fetch(path);
  return response.ok ? response.text() : null;
}

async function showTroubles() {
  try {
    const { troubles } = await (await fetch("/console/world/troubles")).json();
    const box = document.getElementById("troubles");
    box.hidden = !troubles.length;
    box.textContent = troubles.length === 1 ? troubles[0] : `${troubles.length} things are broken`;
    box.title = troubles.join("\n");
  } catch { /* the next event tries again */ }
}

const troubles = throttled(700, showTroubles);
on("world", () => { troubles(); setTimeout(troubles, 2500); });
on("connected", troubles);

// Every form that changes the world: sent when its button, switch or slider is used.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form.act");
  if (!form) return;
  event.preventDefault();
  const answer = await post(form.getAttribute("action"), new FormData(form));
  if (answer) toast(answer.message);
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form.fault, form.slider");
  if (form) form.requestSubmit();
});
document.addEventListener("input", (event) => {
  const output = event.target.closest("form.slider")?.querySelector("output");
  if (output) output.textContent = `${Number(event.target.value)} s`;
});

connect();
