import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const gateway = process.env.SMARTPLUS_GATEWAY ?? "http://127.0.0.1:8080";

// One HTML file per application: the console now, the resident app as a second entry beside it.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    chunkSizeWarningLimit: 1000,
    // A font inlined as data: would need a looser Content-Security-Policy.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { console: "index.html" },
    },
  },
  server: {
    proxy: { "/api": { target: gateway, changeOrigin: false } },
  },
});
