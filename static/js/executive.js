// The Executive page: printing. theme.js turns the page light before it is printed, charts.js redraws on its themechange.
"use strict";
document.addEventListener("click", (e) => { if (e.target.closest("[data-do=print]")) window.print(); });
