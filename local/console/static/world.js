// The picture of the system, its switches and sliders, shown anew when something has changed.
import { html, on, throttled } from "./page.js";

const board = document.getElementById("board");

const refresh = throttled(500, async () => {
  const content = await html("/console/world/board");
  const active = document.activeElement;
  if (content === null || (active?.matches("input[type=range]") && active.matches(":active"))) return;
  const place = board.contains(active) ? focusKey(active) : null;
  board.innerHTML = content;
  if (place) board.querySelector(place)?.focus();
});

/** A selector of the same control after the board was drawn anew. */
function focusKey(active) {
  const form = active.closest("form");
  const hidden = [...(form?.querySelectorAll("input[type=hidden]") ?? [])].filter((input) => input.name !== "action");
  const which = hidden.map((input) => `:has(input[name="${input.name}"][value="${CSS.escape(input.value)}"])`).join("");
  const value = active.type === "radio" ? `[value="${CSS.escape(active.value)}"]` : "";
  return form ? `form[action="${form.getAttribute("action")}"]${which} ${active.localName}${active.name ? `[name="${active.name}"]` : ""}${value}` : null;
}

on("world", () => { refresh(); setTimeout(refresh, 1500); setTimeout(refresh, 4000); });
on("run", refresh);
on("connected", refresh);
