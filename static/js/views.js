// The saved views of a list: fetched when their menu opens, one more kept by its form.
"use strict";
(() => {
  const views = document.querySelector("#views");
  if (!views) return;
  const list = views.querySelector("[data-views]");
  views.addEventListener("toggle", async () => {
    if (!views.open) return;
    const answer = await fetch(views.dataset.url, { headers: { Accept: "text/html" } });
    if (answer.ok) list.innerHTML = await answer.text();
  });
  views.addEventListener("submit", async (e) => {
    e.preventDefault();
    const given = new FormData(e.target);
    given.set("state", location.search);
    const token = document.querySelector("meta[name=csrf-token]").content;
    const answer = await fetch(views.dataset.url, { method: "POST", body: new URLSearchParams(given), headers: { Accept: "text/html, application/json", "X-CSRFToken": token } });
    if (!answer.ok) return AIOps.toast((await answer.json().catch(() => ({}))).error || "The view could not be kept", "error");
    list.innerHTML = await answer.text();
    AIOps.toast("View saved");
  });
})();
