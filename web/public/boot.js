// Runs before the first paint so that a dark console never flashes white. A file of its own, so that no inline script is needed.
(function () {
  var stored = null;
  try {
    stored = localStorage.getItem("smartplus.colour-scheme");
  } catch (_) {
    /* storage may be forbidden; the system's preference stands */
  }
  var dark = stored === "dark" || (stored !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
