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
  // The viewer sends every parameter twice, in the address and in the form; the API takes each once.
  requestInterceptor(request) {
    if (!(request.body instanceof FormData)) return request;
    const asked = new URL(request.url, document.baseURI);
    for (const name of request.body.keys()) asked.searchParams.delete(name);
    request.url = asked.href;
    return request;
  },
});
