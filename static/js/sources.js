// The sources' pages follow polls as they happen; without a connection htmx asks every 10 s anyway.
"use strict";
(() => {
  const least = 2000; // ms between two refreshes
  let last = 0, waiting = 0;

  const refresh = () => {
    waiting = 0;
    last = Date.now();
    const part = document.getElementById("sources-live");
    if (part && !document.hidden && window.htmx) window.htmx.trigger(part, "refresh");
  };
  const soon = () => {
    if (!waiting) waiting = setTimeout(refresh, Math.max(0, last + least - Date.now()));
  };

  addEventListener("DOMContentLoaded", () => window.Live?.subscribe("sources", soon));
})();

// Text that is there to be copied into another program's configuration.
addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("[data-copy-text]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      const part = document.getElementById(button.dataset.copyText);
      try { await navigator.clipboard.writeText([...part.children].map((line) => line.textContent).join("\n")); AIOps.toast("Copied"); } catch { AIOps.toast("The browser does not let this page copy", "error"); }
    });
  }
});
