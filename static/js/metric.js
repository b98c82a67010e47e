// The chart of a metric's page: the same answers as the explorer's, for the queries that the page names.
"use strict";
(() => {
  const box = document.getElementById("charts");
  if (!box) return;
  let only = null, data = null;
  const params = () => new URLSearchParams(location.search);
  const how = {
    view: "lines", title: box.dataset.title, size: "plot-hero",
    visible: (id) => !only || only === id,
    isolate(id) { only = only === id ? null : id; Results.show(data, how); },
    toggle(id) { how.isolate(id); },
    zoom: {
      to: (from, to) => visit({ from: Math.round(from * 1000), to: Math.round(Math.max(to, from + 1) * 1000) }, { zoomed: true }),
      back: () => (history.state?.zoomed ? history.back() : null),
    },
  };
  async function load() {
    const query = new URLSearchParams(box.dataset.queries);
    for (const name of ["range", "from", "to"]) if (params().get(name)) query.set(name, params().get(name));
    query.set("points", Math.round(Math.min(1200, Math.max(100, box.clientWidth - 90))));
    const dim = setTimeout(() => box.classList.add("is-loading"), 150);
    try {
      const answer = await fetch(`${box.dataset.data}?${query}`, { headers: { Accept: "application/json" } });
      const found = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(found.error || "The server did not answer as expected.");
      const failed = found.queries.find((q) => q.error);
      if (failed) throw new Error(failed.error.message);
      data = found;
      const names = box.dataset.labels.split(",").filter(Boolean);
      data.queries.forEach((q, i) => names[i] && q.series.forEach((s) => (s.label = names[i])));
      Results.show(data, how);
      empty(!Results.series.length);
    } catch (fault) { AIOps.toast(fault.message, "error"); }
    finally { clearTimeout(dim); box.classList.remove("is-loading"); }
  }
  function empty(none) {
    document.getElementById("charts-none")?.remove();
    box.hidden = false;
    box.querySelectorAll("figure").forEach((fig) => (fig.hidden = none));
    if (!none) return;
    const words = document.createElement("p");
    Object.assign(words, { id: "charts-none", className: "panel-body t3 mb-0", textContent: "No samples in this range. Choose a longer one." });
    box.append(words);
  }
  function visit(range, state = {}) {
    const url = new URL(location.href);
    for (const name of ["range", "from", "to"]) url.searchParams.delete(name);
    for (const [name, value] of Object.entries(range)) url.searchParams.set(name, value);
    history.pushState(state, "", url);
    location.reload();                                         // the page's links carry the range
  }
  addEventListener("popstate", () => location.reload());
  addEventListener("DOMContentLoaded", () => Charts.ready.then(() => {
    window.Live?.subscribe("fleet", () => {});
    load();
  }));
})();
