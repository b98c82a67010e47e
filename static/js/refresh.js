// Keeps the server-written parts of a page fresh: asks for the page again when something happened and swaps the parts that differ.
// A part is any [data-part] with an id. It waits while the reader's focus, selection or open menu is inside it.
"use strict";
(() => {
  const LEAST = 5000, MOST = 30000;                            // ms between two refreshes; without any event
  let last = Date.now(), timer = null, running = false, again = false;
  const held = (part) => part.contains(document.activeElement) && document.activeElement !== document.body && document.activeElement.matches("input, select, textarea, summary")
    || part.querySelector("details.menu[open]") || (String(getSelection()) && part.contains(getSelection().anchorNode));
  const bare = (html) => html.replace(/(<time[^>]*>)[^<]*/g, "$1");   // ages count by themselves

  function swap(part, fresh) {
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    part.replaceWith(fresh);
    if (focused) [...fresh.querySelectorAll("a[href]")].find((a) => a.getAttribute("href") === focused)?.focus({ preventScroll: true });
  }
  async function refresh() {
    timer = null;
    if (document.hidden || window.Live?.state === "paused") return;
    if (running) { again = true; return; }                     // what happened meanwhile may not be in the answer
    running = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Fragment": "1", Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        const fresh = page.getElementById(part.id);
        if (fresh && !held(part) && bare(fresh.outerHTML) !== bare(part.outerHTML)) swap(part, document.importNode(fresh, true));
        else if (fresh) copyAges(part, fresh);
      }
      document.dispatchEvent(new CustomEvent("aiops:refreshed"));
    } catch { /* the live control says that the server does not answer */ }
    finally {
      running = false;
      last = Date.now();
      if (again) { again = false; soon(); }
    }
  }
  function copyAges(part, fresh) {
    const now = part.querySelectorAll("time[data-ago]"), then = fresh.querySelectorAll("time[data-ago]");
    now.forEach((el, i) => { if (then[i]) { el.dateTime = then[i].dateTime; el.title = then[i].title; } });
  }
  function soon() { timer ??= setTimeout(refresh, Math.max(0, last + LEAST - Date.now())); }
  addEventListener("DOMContentLoaded", () => {
    for (const topic of (document.body.dataset.live || "").split(" ").filter(Boolean)) window.Live?.subscribe(topic, soon);
    setInterval(() => Date.now() - last >= MOST && soon(), 5000);
    document.addEventListener("visibilitychange", () => document.hidden || soon());
  });
})();
