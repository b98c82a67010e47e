// Swagger UI over our own schema. Nothing inline, so that it runs under the page's content security policy.
"use strict";
addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("api-docs");
  const token = document.querySelector("meta[name=csrf-token]").content;
  window.SwaggerUIBundle({
    domNode: place,
    url: place.dataset.schema,
    deepLinking: true,
    docExpansion: "none",
    filter: true,
    validatorUrl: null,
    presets: [window.SwaggerUIBundle.presets.apis],
    requestInterceptor: (request) => {
      // A call by session needs it; it goes to no other origin.
      if (new URL(request.url, location.href).origin === location.origin) request.headers["X-CSRFToken"] = token;
      return request;
    },
  });
});
