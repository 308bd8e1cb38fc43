// Signing in.

import { PlainElement, html, nothing } from "./lit.js";
import { t } from "./i18n.js";
import { ask } from "./api.js";
import { icon } from "./icons.js";
import { renderChoices } from "./choices.js";

class Login extends PlainElement {
  static properties = { _problem: { state: true }, _isBusy: { state: true } };

  constructor() {
    super();
    this._problem = "";
    this._isBusy = false;
  }

  firstUpdated() {
    this.querySelector("input")?.focus();
  }

  /** @param {SubmitEvent} event */
  async _submit(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    this._isBusy = true;
    this._problem = "";
    try {
      const user = await ask("POST", "/panel/login", Object.fromEntries(form));
      this.dispatchEvent(new CustomEvent("logged-in", { detail: user }));
    } catch (error) {
      this._problem = error instanceof Error ? error.message : String(error);
      this._isBusy = false;
      await this.updateComplete;
      /** @type {HTMLInputElement | null} */ (this.querySelector("#password"))?.select();
    }
  }

  render() {
    return html`<main class="middle" tabindex="-1">
      <form class="card login" @submit=${this._submit}>
        <p class="brand big">${icon("wave")}<span>AwazPulse</span></p>
        <h1>${t("login.title")}</h1>
        <label for="email">${t("login.email")}</label>
        <input id="email" name="email" type="email" class="ltr" autocomplete="username" required />
        <label for="password">${t("login.password")}</label>
        <input
          id="password"
          name="password"
          type="password"
          class="ltr"
          autocomplete="current-password"
          required
        />
        ${this._problem ? html`<p class="problem" role="alert">${this._problem}</p>` : nothing}
        <button class="primary" ?disabled=${this._isBusy}>
          ${this._isBusy ? html`<span class="spinner"></span>` : nothing}${t("login.go")}
        </button>
        <p class="dim small">${t("login.hint")}</p>
      </form>
      ${renderChoices()}
    </main>`;
  }
}
customElements.define("aw-login", Login);
