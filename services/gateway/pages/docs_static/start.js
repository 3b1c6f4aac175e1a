// Every request that changes something repeats the csrftoken cookie, as the API demands.
SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    const token = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="));
    if (token) request.headers["X-CSRF-Token"] = token.slice("csrftoken=".length);
    return request;
  },
});
