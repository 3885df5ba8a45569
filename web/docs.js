// The reference, made of the description that the server gives. What it sends goes to this server alone.

"use strict";

SwaggerUIBundle({
  url: "openapi.yaml",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // The address of the description's `servers` is an example; this page knows where it came from.
  requestInterceptor(request) {
    const asked = new URL(request.url, document.baseURI);
    const here = new URL(".", document.baseURI);
    if (asked.host !== here.host || asked.protocol !== here.protocol) {
      request.url = new URL(asked.pathname.slice(1) + asked.search, here).href;
    }
    return request;
  },
});
