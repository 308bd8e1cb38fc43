// One's own account: the password.

import { PlainElement, html, nothing } from "./lit.js";
import { t } from "./i18n.js";
import { ask } from "./api.js";
import { notify } from "./notices.js";

class AccountPage extends PlainElement {
  static properties = { user: { attribute: false }, _problem: { state: true } };

  constructor() {
    super();
    /** @type {import("./api.js").User | undefined} */
    this.user = undefined;
    this._problem = "";
  }

  connectedCallback() {
    super.connectedCallback();
    document.title = `${t("nav.account")} · AwazPulse`;
  }

  /** @param {SubmitEvent} event */
  async _save(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    this._problem = "";
    try {
      await ask("PUT", "/panel/password", Object.fromEntries(new FormData(form)));
      form.reset();
      notify(t("account.saved"));
    } catch (error) {
      this._problem = error instanceof Error ? error.message : String(error);
    }
  }

  render() {
    return html`<h1>${t("nav.account")}</h1>
      <form class="card form" @submit=${this._save}>
        <h2>${t("account.password")}</h2>
        <p class="dim">${t("account.hint")}</p>
        <input
          class="visually-hidden"
          tabindex="-1"
          aria-hidden="true"
          autocomplete="username"
          .value=${this.user?.email ?? ""}
        />
        <label for="current">${t("account.current")}</label>
        <input
          id="current"
          name="currentPassword"
          type="password"
          class="ltr"
          autocomplete="current-password"
          required
        />
        <label for="new">${t("account.new")}</label>
        <input
          id="new"
          name="newPassword"
          type="password"
          class="ltr"
          autocomplete="new-password"
          minlength="8"
          required
        />
        ${this._problem ? html`<p class="problem" role="alert">${this._problem}</p>` : nothing}
        <div class="actions"><button class="primary">${t("account.save")}</button></div>
      </form>`;
  }
}
customElements.define("aw-account", AccountPage);
