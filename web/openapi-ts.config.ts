import { defineConfig } from "@hey-api/openapi-ts";

export default defineConfig({
  input: process.env.SMARTPLUS_OPENAPI ?? "../contracts/openapi.json",
  output: { path: "src/api/generated", clean: true },
  plugins: [
    { name: "@hey-api/client-fetch", throwOnError: true, runtimeConfigPath: "../client" },
    "@hey-api/typescript",
    { name: "@hey-api/sdk", responseStyle: "data" },
  ],
});
