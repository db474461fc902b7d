// The phone: messages, choices, reactions, files; and the list of people.
import { html, on, post, toast } from "./page.js";

const MOST_MESSAGES = 150;
const column = document.getElementById("phone");
const people = document.getElementById("people");
const viewer = document.getElementById("viewer");

export const current = () => column.dataset.address;
let arriving = null;
const bubbles = () => document.getElementById("bubbles");
const messageOf = (element) => element.closest(".message");
const find = (id) => bubbles()?.querySelector(`.message[data-id="${CSS.escape(id)}"]`);

// --- whose phone ----------------------------------------------------------------------------------------------------

export async function open(address) {
  arriving = { address, bubbles: [] };
  const mine = arriving;
  const content = await html(`/console/chats/${encodeURIComponent(address)}`);
  if (content === null) return toast("There is no such person.", true);
  if (arriving !== mine) return undefined; // another phone was chosen meanwhile
  arriving = null;
  column.dataset.address = address;
  column.innerHTML = content;
  mine.bubbles.forEach(add); // what came while the page was on its way
  for (const link of people.querySelectorAll(".person")) {
    if (link.dataset.address === address) {
      link.setAttribute("aria-current", "true");
      const unread = link.querySelector(".unread");
      unread.hidden = true;
      unread.textContent = "";
    } else link.removeAttribute("aria-current");
  }
  fillPicker();
  scrollDown();
  return undefined;
}

function fillPicker() {
  const select = document.getElementById("person-select");
  if (!select) return;
  select.replaceChildren(...[...people.querySelectorAll(".person")].map((link) => {
    const label = `${link.querySelector("b").textContent} · ${link.querySelector(".situation").textContent}`;
    return new Option(label, link.dataset.address, false, link.dataset.address === current());
  }));
  if (!select.value) select.append(new Option(current(), current(), true, true));
}

people.addEventListener("click", (event) => {
  const link = event.target.closest(".person");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  open(link.dataset.address);
});
column.addEventListener("change", (event) => {
  if (event.target.id === "person-select") open(event.target.value);
  if (event.target.id === "file" && event.target.files.length) {
    const form = new FormData();
    form.append("kind", "file");
    form.append("file", event.target.files[0]);
    sendForm(form);
  }
});
document.getElementById("people-search").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/);
  for (const item of people.children) {
    const text = `${item.textContent} ${item.firstElementChild.dataset.address}`.toLowerCase();
    item.hidden = !words.every((word) => text.includes(word));
  }
});
document.getElementById("other-number").addEventListener("submit", (event) => {
  event.preventDefault();
  open(new FormData(event.target).get("number").replace(/\D/g, ""));
});

function personItem(address, name) {
  let link = people.querySelector(`.person[data-address="${CSS.escape(address)}"]`);
  if (!link) {
    const item = people.lastElementChild.cloneNode(true);
    link = item.firstElementChild;
    link.dataset.address = address;
    link.href = `/console?with=${address}`;
    link.removeAttribute("aria-current");
    link.querySelector("b").textContent = name;
    link.querySelector(".situation").textContent = "not in the list of samples";
    link.querySelector(".avatar").textContent = "?";
    people.append(item);
    while (people.children.length > 120) people.children[60].remove();
  }
  return link;
}

// --- sending ----------------------------------------------------------------------------------------------------------

async function sendForm(form) {
  const answer = await post(`/console/chats/${encodeURIComponent(current())}/messages`, form);
  if (answer) document.dispatchEvent(new CustomEvent("console:sent", { detail: answer }));
  return answer;
}

export const say = (text) => sendForm({ kind: "text", text });

column.addEventListener("submit", (event) => {
  if (event.target.id !== "composer") return;
  event.preventDefault();
  const words = document.getElementById("words");
  if (words.value.trim()) say(words.value);
  words.value = "";
});

column.addEventListener("click", (event) => {
  const target = event.target.closest("button, a, summary");
  if (!target) return;
  const message = messageOf(target);
  if (target.dataset.say) say(target.dataset.say);
  else if (target.dataset.kind) {
    sendForm({ kind: target.dataset.kind });
    target.closest("details")?.removeAttribute("open");
  } else if (target.dataset.choice) {
    target.closest("dialog")?.close();
    sendForm({ kind: "tap", choice: target.dataset.choice, reply_to: message.dataset.id });
  } else if (target.dataset.react) {
    target.closest("details").removeAttribute("open");
    sendForm({ kind: "reaction", text: target.dataset.react, reply_to: message.dataset.id });
  } else if (target.classList.contains("open-list")) message.querySelector("dialog").showModal();
  else if (target.dataset.document) openDocument(target.dataset.document, target.dataset.name);
  else if (target.classList.contains("to-run") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    document.dispatchEvent(new CustomEvent("console:show", { detail: { name: message.dataset.run } }));
  }
});

// --- documents --------------------------------------------------------------------------------------------------------

export async function openDocument(id, name) {
  const content = await html(`/console/documents/${id}`);
  if (content === null) return toast("WhatsApp does not have this file any more.", true);
  viewer.innerHTML = content;
  viewer.querySelector(".viewer-top b").textContent = name ?? "Document";
  if (!viewer.open) viewer.showModal();
}

export const latestDocument = () => [...column.querySelectorAll("[data-document]")].pop();

export function scan(address) {
  const guard = viewer.querySelector(".guard");
  guard.hidden = false;
  guard.querySelector("iframe").src = `/console/passes/${address.split("/").pop()}`;
  guard.querySelector("a").href = address;
  guard.scrollIntoView({ block: "nearest" });
}

viewer.addEventListener("click", (event) => {
  const place = event.target.closest("[data-scan]");
  if (place) scan(place.dataset.scan);
  else if (event.target.closest(".close") || event.target === viewer) viewer.close();
});
viewer.addEventListener("close", () => viewer.replaceChildren());

// --- what happens -----------------------------------------------------------------------------------------------------

function scrollDown() {
  const box = bubbles();
  if (box) box.scrollTop = box.scrollHeight;
}

/** Shows a message in its place by time: a reply may be reported before the message that it answers. */
function add({ id, time, html: content }) {
  if (find(id)) return;
  const all = [...bubbles().querySelectorAll(".message")];
  const next = all.find((message) => Number(message.dataset.time) > time) ?? document.getElementById("typing");
  next.insertAdjacentHTML("beforebegin", content);
  for (const extra of all.slice(0, Math.max(0, all.length + 1 - MOST_MESSAGES))) extra.remove();
  scrollDown();
}

on("bubble", (bubble) => {
  const { address, preview, mine, name } = bubble;
  if (arriving?.address === address) arriving.bubbles.push(bubble);
  const link = personItem(address, name ?? `+${address}`);
  const line = link.querySelector(".preview");
  line.hidden = false;
  line.textContent = mine ? `✓ ${preview}` : preview;
  if (address !== current()) {
    const unread = link.querySelector(".unread");
    if (!mine) {
      unread.hidden = false;
      unread.textContent = Number(unread.textContent || 0) + 1;
      unread.setAttribute("aria-label", `${unread.textContent} unread`);
    }
    return;
  }
  add(bubble);
});

const TICKS = { sent: "sent", delivered: "delivered", read: "read", failed: "not delivered" };
on("ticks", ({ address, id, ticks }) => {
  const mark = address === current() && find(id)?.querySelector(".ticks");
  if (mark) {
    mark.className = `ticks ${ticks}`;
    mark.setAttribute("aria-label", TICKS[ticks] ?? ticks);
  }
});

let typingEnds = 0;
on("typing", ({ address, on: isTyping, seconds }) => {
  if (address !== current()) return;
  document.getElementById("typing").hidden = !isTyping;
  const line = document.getElementById("typing-line");
  line.dataset.words ??= line.textContent === "typing…" ? "" : line.textContent;
  line.textContent = isTyping ? "typing…" : line.dataset.words;
  clearTimeout(typingEnds);
  if (isTyping) typingEnds = setTimeout(() => { document.getElementById("typing").hidden = true; }, seconds * 1000);
  scrollDown();
});

on("reaction", ({ address, id, emoji }) => {
  const mark = address === current() && find(id)?.querySelector(".reaction");
  if (mark) {
    mark.textContent = emoji;
    mark.hidden = !emoji;
  }
});

on("started", ({ address, id, run }) => {
  const message = address === current() && find(id);
  if (message) {
    message.dataset.run = run;
    const link = message.querySelector(".to-run");
    link.href = `/console/runs/${run}`;
    link.hidden = false;
  }
});

let seen = false;
on("connected", () => {
  if (seen && current()) open(current()); // what was missed while the connection was lost
  seen = true;
});

fillPicker();
scrollDown();
