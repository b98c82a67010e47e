// "Explain this window": sends the range the page shows now, which a drag in a chart changes, and shows what comes below the button.
"use strict";
document.addEventListener("click", (e) => {
  const button = e.target.closest("[data-explain]");
  if (!button || !window.htmx) return;
  const url = new URL(button.dataset.explain, location.href), here = new URLSearchParams(location.search);
  for (const name of ["range", "from", "to"]) if (here.get(name)) url.searchParams.set(name, here.get(name));
  if (!here.get("range") && !here.get("from") && button.dataset.range) for (const [name, value] of new URLSearchParams(button.dataset.range)) url.searchParams.set(name, value);
  const target = document.getElementById(button.dataset.target);
  button.setAttribute("aria-busy", "true");
  htmx.ajax("POST", url.pathname + url.search, { target, swap: "innerHTML", source: button }).finally(() => { button.removeAttribute("aria-busy"); target.scrollIntoView({ block: "nearest" }); });
});
