// What the sources use of Lit, and the base of our elements.

import { LitElement } from "./vendor/lit/index.js";

export { html, svg, nothing, render } from "./vendor/lit/index.js";
export { live } from "./vendor/lit-html/directives/live.js";
export { repeat } from "./vendor/lit-html/directives/repeat.js";

/**
 * An element without a shadow: one style sheet dresses all of them, and labels and descriptions refer
 * to each other across elements.
 */
export class PlainElement extends LitElement {
  /** @override */
  createRenderRoot() {
    return this;
  }
}
