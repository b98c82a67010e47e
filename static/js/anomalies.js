// Anomalies: rated by buttons and keys without leaving the list, the chart of the open one, what else moved in a window dragged over it.
"use strict";
(() => {
  const $ = (sel, from = document) => from.querySelector(sel), $$ = (sel, from = document) => [...from.querySelectorAll(sel)];
  const form = $("#rate");

  // ---- feedback
  async function rate(button) {
    const body = new FormData(form);
    body.set("feedback", button.value);
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(button.formAction, { method: "POST", body, headers: { Accept: "application/json", "X-CSRFToken": $("meta[name=csrf-token]").content } });
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || "The server did not answer as expected.");
      AIOps.toast(button.value ? `Rated ${button.value}; its watch is a little ${button.value === "useful" ? "more" : "less"} sensitive` : "Rating taken back");
      await renew();
    } catch (fault) { AIOps.toast(fault.message, "error"); }
    finally { button.removeAttribute("aria-busy"); }
  }
  async function renew() {
    const answer = await fetch(location.href, { headers: { "X-Fragment": "1", Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html"), at = here()?.dataset.anomaly;
    for (const sel of ["#anomaly-list", "#anomaly-counts", "#anomaly > footer"]) {
      const fresh = $(sel, page);
      if (fresh && $(sel)) $(sel).replaceWith(document.importNode(fresh, true));
    }
    if (at) $(`[data-anomaly="${at}"] .anom-main a`)?.focus();
  }
  document.addEventListener("click", (e) => {
    const button = e.target.closest("button[form=rate]");
    if (!button || !form) return;
    e.preventDefault();
    rate(button);
  });

  // ---- keys: the row that has the focus, else the open one
  const rows = () => $$(".anom[data-anomaly]");
  const here = () => document.activeElement?.closest?.(".anom[data-anomaly]");
  function move(by) {
    const all = rows(), at = all.indexOf(here() ?? $(".anom.is-open"));
    const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
    if (next) { $(".anom-main a", next).focus(); next.scrollIntoView({ block: "nearest" }); }
  }
  function say(value) {
    const row = here() ?? $(".anom.is-open");
    if (!row || !form) return;
    const button = document.createElement("button");
    button.formAction = $("[formaction]", row)?.getAttribute("formaction") ?? "";
    button.value = value;
    if ($("[formaction]", row)) rate(button);
  }
  const keys = { j: () => move(1), k: () => move(-1), y: () => say("useful"), u: () => say("noise"), e: () => say("expected") };
  let jumped = 0;
  addEventListener("keydown", (e) => {
    if (document.documentElement.dataset.singleKeys === "off" || e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input, textarea, select") || $("dialog[open]")) return;
    if (e.key === "g") { jumped = Date.now() + 900; return; }
    if (Date.now() < jumped) { jumped = 0; return; }
    if (e.key === "Escape" && $("#anomaly [data-close]") && !$("details.menu[open]")) { $("#anomaly [data-close]").click(); return; }
    if (keys[e.key]) { e.preventDefault(); e.stopImmediatePropagation(); keys[e.key](); }
  }, true);

  // ---- the drawer's chart; a window dragged over it is ranked
  function ranked(from, to, among = "") {
    const url = new URL($("#anomaly").dataset.changed, location.href);
    url.searchParams.set("from", Math.round(from * 1000));
    url.searchParams.set("to", Math.round(Math.max(to, from + 60) * 1000));
    if (among) url.searchParams.set("among", among);
    $("#what-changed").dataset.asked = url.pathname + url.search;
    htmx.ajax("GET", url.pathname + url.search, { target: "#what-changed", swap: "innerHTML" });
  }
  document.addEventListener("htmx:beforeRequest", (e) => { if (e.target.closest("#what-changed")) $("#what-changed").dataset.asked = e.detail.pathInfo.requestPath; });
  document.addEventListener("submit", (e) => {
    if (!e.target.matches("#changed-form")) return;
    e.preventDefault();
    const asked = new URL($("#what-changed").dataset.asked, location.href).searchParams;
    ranked(asked.get("from") / 1000, asked.get("to") / 1000, $("[name=among]", e.target).value);
  });
  async function draw() {
    const figure = $("#anomaly figure[data-url]");
    if (!figure) return;
    const note = $("[data-note]", figure), plot = $(".plot", figure);
    try {
      const answer = await fetch(figure.dataset.url, { headers: { Accept: "application/json" } });
      const spec = await answer.json();
      if (!answer.ok) throw new Error(spec.error || "The store did not answer.");
      note.textContent = spec.note;
      note.hidden = !spec.note;
      plot.hidden = Boolean(spec.note);
      if (spec.note) return;
      plot.setAttribute("aria-label", spec.sentence);
      const zoom = $("#what-changed") && { to: (from, to) => { Charts.update(plot, { ...spec, picked: { from, to } }, zoom); ranked(from, to); }, back() {} };
      Charts.draw(plot, spec, zoom || undefined);
    } catch (fault) { note.hidden = false; note.textContent = fault.message; }
  }
  addEventListener("DOMContentLoaded", () => { if (window.Charts) Charts.ready.then(draw); });
})();
