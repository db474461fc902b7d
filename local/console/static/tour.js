// Six steps that a newcomer clicks through.
import { current, latestDocument, open, openDocument, say, scan } from "./chat.js";
import { post, toast } from "./page.js";

const tour = document.getElementById("tour");
const cards = [...tour.querySelectorAll(".tour-step")];
const buttons = [...tour.querySelectorAll(".step")];
const toggle = document.getElementById("tour-toggle");
const KEY = "console-tour";

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}
// Shown in the holidays only; the date is changed by page.js.
tour.querySelector(".holidays")?.addEventListener("submit", (event) => { event.target.hidden = true; });

const state = { step: 0, hidden: false, done: [], ...remembered() };

function show(step) {
  state.step = step;
  cards.forEach((card, index) => { card.hidden = index !== step; });
  buttons.forEach((button, index) => {
    if (index === step) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
    button.classList.toggle("done", state.done.includes(index));
  });
  tour.classList.toggle("folded", state.hidden);
  toggle.textContent = state.hidden ? "Show" : "Hide";
  toggle.setAttribute("aria-expanded", String(!state.hidden));
  sessionStorage.setItem(KEY, JSON.stringify(state));
}

const actions = {
  async say(card) {
    await onPhone();
    return say(card.dataset.words);
  },
  async scan() {
    await onPhone();
    const file = latestDocument();
    if (!file) return toast("There is no gate pass yet: do step 3 first, and wait for its PDF.", true);
    await openDocument(file.dataset.document, file.dataset.name);
    const code = document.querySelector("#viewer [data-scan]");
    if (!code) return toast("No QR code was found on this document.", true);
    scan(code.dataset.scan);
    return true;
  },
  async break(card) {
    await onPhone();
    if (!(await post("/console/world/fault", { service: "school", kind: "status" }))) return null;
    if (!(await post("/console/world/age", { seconds: "3600" }))) return null;
    return say(card.dataset.words);
  },
  async repair() {
    const answer = await post("/console/world/fault", { service: "school", kind: "" });
    if (answer) toast(answer.message);
    return answer;
  },
};

async function onPhone() {
  if (current() !== tour.dataset.address) await open(tour.dataset.address);
}

tour.addEventListener("click", async (event) => {
  const target = event.target.closest("button");
  if (!target) return;
  if (target === toggle) state.hidden = !state.hidden;
  else if (target.dataset.step) {
    state.hidden = false;
    show(Number(target.dataset.step));
  } else if ("last" in target.dataset) state.hidden = true;
  else if ("next" in target.dataset) state.step = Math.min(state.step + 1, cards.length - 1);
  else if ("perform" in target.dataset) {
    const step = state.step;
    target.disabled = true;
    if (await actions[cards[step].dataset.action](cards[step])) {
      if (!state.done.includes(step)) state.done.push(step);
      cards[step].classList.add("performed");
    }
    target.disabled = false;
  }
  show(state.step);
});

show(state.step);
