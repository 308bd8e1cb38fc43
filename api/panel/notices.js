// Short notices in a corner, read out by screen readers, some with a way back.

import { PlainElement, html, nothing, repeat } from "./lit.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

const SHOWN_MS = 6000;
const SHOWN_WITH_UNDO_MS = 12_000;

/** @typedef {{ id: number, text: string, isError: boolean, undo?: () => void }} Notice */

class Notices extends PlainElement {
  static properties = { _notices: { state: true } };

  constructor() {
    super();
    /** @type {Notice[]} */
    this._notices = [];
    this._last = 0;
  }

  /**
   * @param {string} text
   * @param {{ isError?: boolean, undo?: () => void }} options
   */
  add(text, { isError = false, undo }) {
    const id = ++this._last;
    this._notices = [...this._notices.slice(-2), { id, text, isError, undo }];
    setTimeout(() => this._remove(id), undo || isError ? SHOWN_WITH_UNDO_MS : SHOWN_MS);
  }

  /** @param {number} id */
  _remove(id) {
    this._notices = this._notices.filter((notice) => notice.id !== id);
  }

  render() {
    return html`<div class="notices" role="status" aria-live="polite">
      ${repeat(
        this._notices,
        ({ id }) => id,
        ({ id, text, isError, undo }) =>
          html`<div class="notice ${isError ? "bad" : ""}">
            ${icon(isError ? "warning" : "check")}
            <span>${text}</span>
            ${
              undo
                ? html`<button class="link" @click=${() => (undo(), this._remove(id))}>
                    ${t("undo")}
                  </button>`
                : nothing
            }
            <button class="icon-only" aria-label=${t("close")} @click=${() => this._remove(id)}>
              ${icon("close")}
            </button>
          </div>`,
      )}
    </div>`;
  }
}
customElements.define("aw-notices", Notices);

/**
 * Show a notice.
 *
 * @param {string} text
 * @param {{ isError?: boolean, undo?: () => void }} [options]
 */
export function notify(text, options = {}) {
  let place = /** @type {Notices | null} */ (document.querySelector("aw-notices"));
  if (!place) {
    place = /** @type {Notices} */ (document.createElement("aw-notices"));
    document.body.append(place);
  }
  place.add(text, options);
}

/** @param {unknown} error */
export function notifyOf(error) {
  notify(error instanceof Error ? error.message : String(error), { isError: true });
}
