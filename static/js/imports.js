// A change in how a file is read shows at once what becomes of it.
"use strict";
addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("mapping");
  form?.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type=checkbox]")) form.requestSubmit(form.querySelector("[data-update]"));
  });
});
