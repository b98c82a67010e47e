// The list of resources: the search runs while typing stops, a row opens where it is clicked.
"use strict";
(() => {
  const form = document.getElementById("listing");
  if (!form) return;
  const search = form.querySelector("input[type=search]");
  const tidy = () => { for (const el of form.elements) if (el.name && !el.value) el.disabled = true; };
  form.addEventListener("submit", tidy);
  search.addEventListener("change", (e) => e.stopPropagation());   // leaving the field alone does not search again
  search.addEventListener("search", () => form.requestSubmit());
  form.querySelector("tbody")?.addEventListener("click", (e) => {
    if (e.target.closest("a, button, input") || String(getSelection())) return;
    e.target.closest("tr")?.querySelector("a[href]")?.click();
  });
})();
