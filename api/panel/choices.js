// The choice of language and theme.

import { html } from "./lit.js";
import { LANGUAGES, getLanguage, remember, setLanguage, t } from "./i18n.js";
import { icon } from "./icons.js";

/** The two buttons. */
export function renderChoices() {
  const other = getLanguage() === "en" ? "ur" : "en";
  return html`<div class="choices">
    <button class="quiet" lang=${other} @click=${() => setLanguage(other)}>
      ${LANGUAGES[other]}
    </button>
    <button class="quiet icon-only" aria-label=${t("theme.other")} @click=${turnTheme}>
      ${icon("theme")}
    </button>
  </div>`;
}

function turnTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  remember("awazpulse.theme", root.dataset.theme);
}
