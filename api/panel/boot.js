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
})();
