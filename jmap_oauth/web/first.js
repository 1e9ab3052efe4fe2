// The form is painted first. The rest is fetched then, while the reader looks for the key.

function fetchRest() {
  document.head.append(document.getElementById("modules").content);
  import("./app.js");
}

new PerformanceObserver(fetchRest).observe({ type: "paint", buffered: true });
