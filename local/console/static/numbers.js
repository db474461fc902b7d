// The figures, counted anew when a run has ended.
import { html, on, throttled } from "./page.js";

const refresh = throttled(1500, async () => {
  const content = await html("/console/numbers/figures");
  if (content !== null) document.getElementById("figures").innerHTML = content;
});

on("run", (row) => { if (row.status !== "running") setTimeout(refresh, 400); });
on("connected", refresh);
