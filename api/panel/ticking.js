// A time that runs.

import { PlainElement, html } from "./lit.js";
import { formatLength } from "./i18n.js";

class Ticking extends PlainElement {
  static properties = { since: { attribute: false } };

  constructor() {
    super();
    /** @type {number} milliseconds of this browser's clock */
    this.since = Date.now();
    /** @type {number | undefined} */
    this._timer = undefined;
  }

  connectedCallback() {
    super.connectedCallback();
    this._timer = setInterval(() => this.requestUpdate(), 1000);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this._timer);
  }

  render() {
    return html`<span class="ticking">${formatLength((Date.now() - this.since) / 1000)}</span>`;
  }
}
customElements.define("aw-ticking", Ticking);
