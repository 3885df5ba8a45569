// The API reference: Swagger UI with the server's own openapi.yaml. Its requests go to this server only.

"use strict";

SwaggerUIBundle({
  url: "openapi.yaml",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // Swagger UI sends each parameter in the query and in the form; the API accepts it once.
  requestInterceptor(request) {
    if (!(request.body instanceof FormData)) return request;
    const url = new URL(request.url, document.baseURI);
    for (const name of request.body.keys()) url.searchParams.delete(name);
    request.url = url.href;
    return request;
  },
});
