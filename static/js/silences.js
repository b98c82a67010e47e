// The form of a silence: rows of matchers, fields that belong to a choice, what it would hide now.
"use strict";
(() => {
  const form = document.getElementById("silence-form");
  if (!form) return;
  const $ = (sel, from = document) => from.querySelector(sel);
  const $$ = (sel, from = document) => [...from.querySelectorAll(sel)];
  const PAUSE = 350;                                           // ms after an edit
  let timer = null, asked = 0;

  function fold() {
    $("[data-until]", form).hidden = form.elements.preset.value !== "until";
    for (const box of $$("[data-repeat]", form)) box.hidden = !box.dataset.repeat.split(" ").includes(form.elements.repeat.value);
    $("[data-zone]", form).textContent = form.elements.time_zone.value || document.documentElement.dataset.tz;
  }
  async function preview() {
    const box = $("#silence-preview"), mine = ++asked;
    if (!$$("[name=matcher_value], [name=matcher_name]", form).some((field) => field.value.trim())) return;
    const dim = setTimeout(() => box.classList.add("is-loading"), 150);
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", headers: { "X-CSRFToken": $("meta[name=csrf-token]").content, Accept: "text/html" }, body: new URLSearchParams(new FormData(form)) });
      const html = await answer.text();
      if (mine === asked && answer.ok) box.innerHTML = html;
    } catch { /* the form can be sent without it */ }
    finally { clearTimeout(dim); box.classList.remove("is-loading"); }
  }
  function soon() { clearTimeout(timer); timer = setTimeout(preview, PAUSE); }
  function number() {
    $$("[data-matcher]", form).forEach((row, i) => $$("[aria-label]", row).forEach((el) => el.setAttribute("aria-label", el.getAttribute("aria-label").replace(/matcher \S+$/, `matcher ${i + 1}`))));
  }
  form.addEventListener("input", soon);
  form.addEventListener("change", () => { fold(); soon(); });
  form.addEventListener("click", (e) => {
    const button = e.target.closest("[data-act]");
    if (button?.dataset.act === "add-matcher") {
      const row = document.importNode($("#matcher-row").content, true).firstElementChild;
      $("[data-matchers]", form).append(row);
      number();
      $("input", row).focus();
    } else if (button?.dataset.act === "remove-matcher") { button.closest("[data-matcher]").remove(); number(); soon(); }
  });
  addEventListener("DOMContentLoaded", () => { fold(); preview(); });
})();
