// The list of rules: the search runs when typing stops, rows are ticked (x) and switched together, ticks outlast a refresh.
"use strict";
(() => {
  const form = document.getElementById("listing");
  if (!form) return;
  const $ = (sel, from = document) => from.querySelector(sel);
  const $$ = (sel, from = document) => [...from.querySelectorAll(sel)];
  const search = $("input[type=search][form=listing]"), bulk = document.getElementById("bulk"), picked = new Set();
  let timer;
  form.addEventListener("submit", () => { for (const el of form.elements) if (el.name && !el.value) el.disabled = true; });
  document.addEventListener("change", (e) => { if (e.target === search) e.stopImmediatePropagation(); }, true);
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => form.requestSubmit(), 600); });
  search.addEventListener("keydown", (e) => { if (e.key === "Enter") { e.preventDefault(); form.requestSubmit(); } });

  // ---- ticks
  const boxes = () => $$("#rules-table input[name=rule]");
  function show() {
    if (!bulk) return;
    const all = boxes();
    for (const box of all) { box.checked = picked.has(box.value); box.closest("tr").setAttribute("aria-selected", box.checked); }
    bulk.hidden = !picked.size;
    $("[data-count]", bulk).textContent = picked.size.toLocaleString("en");
    const whole = $("[data-pick-all]");
    if (whole) { whole.checked = all.length > 0 && all.every((box) => box.checked); whole.indeterminate = picked.size > 0 && !whole.checked; }
  }
  function pick(value, on) { if (on) picked.add(value); else picked.delete(value); }
  document.addEventListener("change", (e) => {
    if (e.target.matches("[data-pick-all]")) boxes().forEach((box) => pick(box.value, e.target.checked));
    else if (e.target.matches("#rules-table input[name=rule]")) pick(e.target.value, e.target.checked);
    else return;
    show();
  });
  document.addEventListener("click", (e) => {
    if (e.target.closest("[data-pick-none]")) { picked.clear(); return show(); }
    const row = e.target.closest("#rules-table tbody tr");
    if (!row || e.target.closest("a, button, input") || String(getSelection())) return;
    $("a[href]", row)?.click();
  });
  addEventListener("keydown", (e) => {
    if (e.key !== "x" || e.ctrlKey || e.metaKey || e.altKey || e.target.matches?.("input:not([type=checkbox]), textarea, select") || document.documentElement.dataset.singleKeys === "off") return;
    const box = $("#rules-table tr.cursor input[name=rule]");
    if (box) { pick(box.value, !box.checked); show(); }
  });
  document.addEventListener("aiops:refreshed", show);
  addEventListener("pageshow", () => { boxes().forEach((box) => box.checked && picked.add(box.value)); show(); });
})();
