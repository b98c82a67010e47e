// Charts of evidence, wherever a page or a fragment brings <figure data-evidence-chart="address">: drawn when they come into sight.
"use strict";
(() => {
  const $ = (sel, from) => from.querySelector(sel);
  async function draw(figure) {
    const note = $("[data-note]", figure), plot = $(".plot", figure);
    const say = (text) => { if (note) { note.textContent = text; note.hidden = !text; } };
    try {
      const answer = await fetch(figure.dataset.evidenceChart, { headers: { Accept: "application/json" } });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error || "The server did not answer.");
      say(found.note || "");
      plot.hidden = !found.t.length;
      if (!found.t.length) return;
      const unit = $(".unit", figure);
      if (unit) unit.textContent = Charts.unit(found.unit);
      if (found.sentence) plot.setAttribute("aria-label", found.sentence);
      await Charts.ready;
      Charts.draw(plot, found);
    } catch (fault) { say(fault.message); }
  }
  const seen = new IntersectionObserver((entries) => {
    for (const one of entries) if (one.isIntersecting) { seen.unobserve(one.target); draw(one.target); }
  });
  function mount(from) {
    for (const figure of from.querySelectorAll("figure[data-evidence-chart]:not([data-mounted])")) {
      figure.dataset.mounted = "";
      seen.observe(figure);
    }
  }
  window.EvidenceCharts = { mount };
  addEventListener("DOMContentLoaded", () => mount(document));
  document.addEventListener("htmx:afterSettle", (e) => mount(e.target));
})();
