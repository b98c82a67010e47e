// Forms of notifications: rows that can be added and taken away, and of a step only the field that its target needs.
"use strict";
(() => {
  const $$ = (sel, from = document) => [...from.querySelectorAll(sel)];

  // ---- of a step's four targets, the chosen one
  function fit(row) {
    const target = row.querySelector("[name$=-target]")?.value;
    $$("[data-for]", row).forEach((part) => (part.hidden = part.dataset.for !== target));
  }
  const fitAll = (from = document) => $$("[data-target]", from).forEach(fit);

  // ---- rows: a matcher is taken out of the page, a step or layer is marked, so that the server leaves it out
  function addRow(kind) {
    const fresh = document.getElementById(`new-${kind}`).content.cloneNode(true);
    if (kind === "matcher") return void document.querySelector("[data-matchers]").append(fresh);
    const total = document.querySelector(`[name=${kind}-TOTAL_FORMS]`), number = Number(total.value);
    const holder = document.createElement("div");
    holder.append(fresh);
    holder.innerHTML = holder.innerHTML.replaceAll("__prefix__", number);
    const row = holder.firstElementChild;
    row.querySelector("legend").textContent = `${kind === "step" ? "Step" : "Layer"} ${number + 1}`;
    document.querySelector(`[data-rows-of=${kind}]`).append(row);
    total.value = number + 1;
    fitAll(row);
    row.querySelector("input, select, textarea")?.focus();
  }
  addEventListener("click", (e) => {
    const add = e.target.closest("[data-add]");
    if (add) return addRow(add.dataset.add);
    const gone = e.target.closest("[data-act=remove-matcher]");
    if (gone) gone.closest("[data-matcher]").remove();
    if (e.target.closest("[data-beep]")) beep();
  });
  addEventListener("change", (e) => {
    const row = e.target.closest("[data-target]");
    if (row && e.target.name.endsWith("-target")) fit(row);
    if (e.target.name?.endsWith("-DELETE")) e.target.closest("[data-row]").classList.toggle("is-gone", e.target.checked);
  });
  addEventListener("submit", (e) => { if (e.target.dataset.confirm && !confirm(e.target.dataset.confirm)) e.preventDefault(); });
  function beep() { document.dispatchEvent(new CustomEvent("aiops:beep")); }

  addEventListener("DOMContentLoaded", () => {
    fitAll();
    $$("[data-add], [data-beep]").forEach((one) => (one.hidden = false));
  });
})();
