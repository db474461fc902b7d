// The list of runs: searched on the server, refreshed when something runs.
import { html, on, throttled } from "./page.js";

const filters = document.getElementById("filters");
const rows = document.getElementById("rows");

const refresh = throttled(600, async () => {
  const query = new URLSearchParams(new FormData(filters));
  const content = await html(`/console/runs/rows?${query}`);
  if (content !== null && !rows.contains(document.activeElement)) rows.innerHTML = content;
});

filters.addEventListener("submit", (event) => event.preventDefault());
filters.addEventListener("input", () => {
  const query = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  refresh();
});
on("run", refresh);
on("connected", refresh);
