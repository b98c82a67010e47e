// Charts of forecasts: each figure names the address of its data; a second one may stand beside it.
"use strict";
(() => {
  const $ = (sel, from = document) => from.querySelector(sel), $$ = (sel, from = document) => [...from.querySelectorAll(sel)];

  function show(figure, spec, fresh) {
    const note = $("[data-note]", figure), plot = $(".plot", figure), empty = !spec.t.length || Boolean(spec.note);
    note.textContent = spec.note || (empty ? "Nothing to draw yet." : "");
    note.hidden = !note.textContent;
    plot.hidden = empty;
    $(".chart-legend", figure).hidden = empty;
    plot.setAttribute("aria-label", spec.sentence || note.textContent);
    if (empty) return;
    const unit = $(".unit", figure);
    if (unit && !unit.textContent) unit.textContent = Charts.unit(spec.unit);
    if (fresh) Charts.draw(plot, spec); else Charts.update(plot, spec);
  }
  async function draw(figure, fresh) {
    try {
      const answer = await fetch(figure.dataset.url, { headers: { Accept: "application/json" } });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error || "The store did not answer.");
      show(figure, found, fresh);
      const second = figure.dataset.second;
      if (second) show(document.getElementById(second), found[second].t.length ? found[second] : { ...found[second], note: found.note }, fresh);
    } catch (fault) {
      const note = $("[data-note]", figure);
      note.hidden = false;
      note.textContent = fault.message;
    }
  }
  const all = (fresh) => $$("figure[data-url]").forEach((figure) => draw(figure, fresh));
  addEventListener("DOMContentLoaded", () => {
    if (!$("figure[data-url]")) return;
    Charts.ready.then(() => all(true));
    setInterval(() => document.hidden || all(false), 60000);
  });
})();
