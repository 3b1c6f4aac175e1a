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
    // Own styles are small: one file for all pages costs less than one more request for each.
    cssCodeSplit: false,
    rolldownOptions: {
      input: { console: "index.html" },
      output: {
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/, priority: 3 },
            { name: "base", tags: ["$initial"], test: /node_modules/, priority: 2 },
            { name: "core", tags: ["$initial"], priority: 2 },
            { name: "ui", minShareCount: 2, priority: 1 },
          ],
        },
      },
    },
  },
  server: {
    proxy: { "/api": { target: gateway, changeOrigin: false } },
  },
});
