// Before the first paint: the language, its direction and the theme, so that nothing flashes.
(() => {
  const root = document.documentElement;
  /** @param {string} name */
  const recall = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // storage is forbidden, as in some frames
    }
  };
  const asked = new URLSearchParams(location.search);
  const known = ["en", "ur"];
  const wanted = [asked.get("lang"), recall("awazpulse.language"), ...navigator.languages];
  const language = wanted
    .map((name) => name?.slice(0, 2) ?? "")
    .find((name) => known.includes(name));
  root.lang = language ?? "en";
  root.dir = root.lang === "ur" ? "rtl" : "ltr";
  const theme = asked.get("theme") ?? recall("awazpulse.theme");
  if (theme === "dark" || theme === "light") {
    root.dataset.theme = theme;
  }

  // Known now, and needed soon: what would else be found by scripts, one after the other.
  const base = /** @type {HTMLScriptElement} */ (document.currentScript).src.replace(/[^/]*$/, "");
  /** @param {Record<string, string>} facts */
  const fetchSoon = (facts) => {
    document.head.append(Object.assign(document.createElement("link"), facts));
  };
  fetchSoon({ rel: "modulepreload", href: `${base}strings/${root.lang}.js` });
  const font = root.lang === "ur" ? "nastaliq" : "inter";
  const kind = { as: "font", type: "font/woff2", crossOrigin: "anonymous" };
  fetchSoon({ rel: "preload", href: `${base}vendor/${font}.woff2`, ...kind });
})();
