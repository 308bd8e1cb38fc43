// Our own icons, drawn on a square of 24 by lines of 1.75.

import { html, svg } from "./lit.js";

const SHAPES = {
  wave: svg`<path d="M3 12h2l2-6 3 13 3-16 3 12 2-3h3" />`,
  play: svg`<path d="M8 5.5v13l10.5-6.5z" fill="currentColor" />`,
  pause: svg`<path d="M9 6v12M15 6v12" stroke-width="3" />`,
  stop: svg`<rect x="6.5" y="6.5" width="11" height="11" rx="2" fill="currentColor" />`,
  volume: svg`<path d="M4 9.5v5h3.5L12 18V6L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11" />`,
  muted: svg`<path d="M4 9.5v5h3.5L12 18V6L7.5 9.5zM16 10l4.5 4.5M20.5 10 16 14.5" />`,
  copy: svg`<rect x="9" y="9" width="11" height="11" rx="2" /><path d="M15 6V5a1.5 1.5 0 0 0-1.5-1.5h-8A1.5 1.5 0 0 0 4 5v8.5A1.5 1.5 0 0 0 5.5 15H6" />`,
  eye: svg`<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z" /><circle cx="12" cy="12" r="2.8" />`,
  hidden: svg`<path d="M4.5 4.5l15 15M9.6 5.8A9 9 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a16 16 0 0 1-2.6 3.4M6 7.4A15.5 15.5 0 0 0 2.5 12S6 18.5 12 18.500a9 9 0 0 0 4.3-1.1" />`,
  renew: svg`<path d="M19.5 9A8 8 0 0 0 5 8M4.5 15A8 8 0 0 0 19 16M19.5 4v5h-5M4.5 20v-5h5" />`,
  check: svg`<path d="M5 12.500l4.5 4.500L19 7.5" />`,
  warning: svg`<path d="M12 4 2.8 19.500h18.400zM12 10v4.500M12 17v.2" />`,
  listeners: svg`<path d="M4.5 14.500v-2a7.5 7.5 0 0 1 15 0v2" /><rect x="3.5" y="14" width="4" height="6" rx="1.5" /><rect x="16.5" y="14" width="4" height="6" rx="1.5" />`,
  upload: svg`<path d="M12 16V5M7.5 9 12 4.5 16.5 9M4.5 15.500v3A1.5 1.5 0 0 0 6 20h12a1.5 1.5 0 0 0 1.5-1.500v-3" />`,
  download: svg`<path d="M12 4.500V15.500M7.5 11.5 12 16l4.5-4.500M4.5 19.500h15" />`,
  user: svg`<circle cx="12" cy="8.5" r="3.8" /><path d="M4.5 20a7.5 7.5 0 0 1 15 0" />`,
  theme: svg`<circle cx="12" cy="12" r="8" /><path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor" />`,
  edit: svg`<path d="M4.5 19.500l1-4.200L16 4.800a1.7 1.7 0 0 1 2.4 0l.8.8a1.7 1.7 0 0 1 0 2.400L8.7 18.500z" />`,
  close: svg`<path d="M6 6l12 12M18 6 6 18" />`,
  add: svg`<path d="M12 5v14M5 12h14" />`,
  back: svg`<path d="M14.5 5.5 8 12l6.5 6.5" />`,
  link: svg`<path d="M14 4.500h5.500V10M19.5 4.5 11 13M17 14v3.500a2 2 0 0 1-2 2H6.500a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2H10" />`,
};

/** @typedef {keyof typeof SHAPES} IconName */

/**
 * Return an icon. It says nothing to screen readers: the text beside it does.
 *
 * @param {IconName} name
 */
export function icon(name) {
  return html`<svg
    class="icon icon-${name}"
    viewBox="0 0 24 24"
    aria-hidden="true"
    focusable="false"
  >
    ${SHAPES[name]}
  </svg>`;
}
