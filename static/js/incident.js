// Incidents: dialogs, the note's key, ticks, and the charts of one incident. Everything else is links and forms.
"use strict";
(() => {
  const $ = (sel, from = document) => from.querySelector(sel), $$ = (sel, from = document) => [...from.querySelectorAll(sel)];

  document.addEventListener("click", (e) => {
    const opener = e.target.closest("[data-open]");
    if (opener) document.getElementById(opener.dataset.open)?.showModal();
    if (e.target.closest("[data-do=print]")) window.print();
  });

  // ---- n: a note
  addEventListener("keydown", (e) => {
    if (e.key !== "n" || document.documentElement.dataset.singleKeys === "off" || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.target.matches("input, textarea, select") || $("dialog[open]")) return;
    const field = $("[data-note-field]");
    if (!field) return;
    e.preventDefault();
    field.focus();
    field.scrollIntoView({ block: "center" });
  });

  // ---- ticked alerts: the bar appears with the first
  const bar = $("#members-form");
  function count() {
    const ticked = $$("input[name=alert]:checked").length;
    bar.hidden = !ticked;
    $("[data-count]", bar).textContent = ticked;
  }
  if (bar) document.addEventListener("change", (e) => {
    if (e.target.matches("[data-tick-all]")) for (const box of $$("input[name=alert][form=members-form]")) box.checked = e.target.checked;
    if (e.target.matches("[data-tick-all], input[name=alert]")) count();
  });

  // ---- charts: read once, and again when something happened to incidents
  async function draw(figure, fresh) {
    const note = $("[data-note]", figure), plot = $(".plot", figure);
    try {
      const answer = await fetch(figure.dataset.url, { headers: { Accept: "application/json" } });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error || "The server did not answer.");
      const empty = !found.t.length || !found.series.length;
      note.textContent = found.note || (empty ? "No alert has fired yet." : "");
      note.hidden = !note.textContent;
      plot.hidden = empty;
      if (empty) return;
      $(".unit", figure).textContent = Charts.unit(found.unit);
      plot.setAttribute("aria-label", found.sentence);
      if (fresh) Charts.draw(plot, found); else Charts.update(plot, found);
    } catch (fault) { note.hidden = false; note.textContent = fault.message; }
  }
  const figures = $$("figure[data-url]");
  if (figures.length) addEventListener("DOMContentLoaded", () => {
    Charts.ready.then(() => figures.forEach((figure) => draw(figure, true)));
    document.addEventListener("aiops:refreshed", () => figures.forEach((figure) => draw(figure, false)));
  });
})();
