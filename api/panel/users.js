// An administrator's users.

import { PlainElement, html, nothing, repeat } from "./lit.js";
import { formatTime, t } from "./i18n.js";
import { ask, get } from "./api.js";
import { confirmAndDo } from "./confirm.js";
import { copy } from "./clipboard.js";
import { icon } from "./icons.js";
import { notify, notifyOf } from "./notices.js";

const PAGE = 50;

/**
 * @typedef {object} Account
 * @property {string} id
 * @property {string} email
 * @property {string} role
 * @property {boolean} isActive
 * @property {number} maxChannels
 * @property {number | null} maxListeners
 * @property {string} createdAt
 */

class Users extends PlainElement {
  static properties = {
    _users: { state: true },
    _next: { state: true },
    _open: { state: true },
    _made: { state: true },
    _problem: { state: true },
  };

  constructor() {
    super();
    /** @type {Account[] | null} */
    this._users = null;
    /** @type {string | null} */
    this._next = null;
    this._open = ""; // the id of the user who is edited, or "new"
    /** @type {{ email: string, password: string } | null} shown once */
    this._made = null;
    this._problem = "";
  }

  connectedCallback() {
    super.connectedCallback();
    document.title = `${t("nav.users")} · AwazPulse`;
    this._read("");
  }

  /** @param {string} after */
  async _read(after) {
    try {
      const page = await get(`/users?limit=${PAGE}&after=${encodeURIComponent(after)}`);
      this._users = after ? [...(this._users ?? []), ...page.items] : page.items;
      this._next = page.next;
    } catch (error) {
      notifyOf(error);
    }
  }

  /**
   * @param {SubmitEvent} event
   * @param {Account | null} account
   */
  async _save(event, account) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const limit = form.get("maxListeners");
    const body = {
      email: form.get("email"),
      role: form.get("role"),
      isActive: form.has("isActive"),
      maxChannels: Number(form.get("maxChannels")),
      maxListeners: limit === "" ? null : Number(limit),
    };
    this._problem = "";
    try {
      if (account) {
        await ask("PATCH", `/users/${encodeURIComponent(account.id)}`, body);
        notify(t("users.saved"));
      } else {
        const made = await ask("POST", "/users", body);
        this._made = { email: made.email, password: made.password };
      }
      this._open = "";
      await this._read("");
    } catch (error) {
      this._problem = error instanceof Error ? error.message : String(error);
    }
  }

  /** @param {Account} account */
  _reset({ id, email }) {
    confirmAndDo({
      title: t("users.reset.title", { email }),
      text: t("users.reset.text"),
      yes: t("users.reset"),
      act: async () => {
        const made = await ask("PUT", `/users/${encodeURIComponent(id)}/password`, {});
        this._made = { email, password: made.password };
      },
    });
  }

  render() {
    return html`<div class="title-row">
        <h1>${t("nav.users")}</h1>
        <button class="primary" @click=${() => (this._open = this._open === "new" ? "" : "new")}>
          ${icon("add")}${t("users.new")}
        </button>
      </div>
      ${this._made ? this._renderMade(this._made) : nothing}
      ${this._open === "new" ? html`<div class="card">${this._renderForm(null)}</div>` : nothing}
      ${
        this._users
          ? html`<ul class="users">
              ${repeat(
                this._users,
                ({ id }) => id,
                (account) => this._renderUser(account),
              )}
            </ul>`
          : html`<div class="card skeleton" aria-busy="true"></div>`
      }
      ${
        this._next
          ? html`<button class="quiet wide" @click=${() => this._read(this._next ?? "")}>
              ${t("more")}
            </button>`
          : nothing
      }`;
  }

  /** @param {{ email: string, password: string }} made */
  _renderMade({ email, password }) {
    return html`<div class="card made" role="status">
      <p>${t("users.password", { email })}</p>
      <p>
        <code class="ltr">${password}</code>
        <button class="quiet" @click=${async () => (await copy(password)) && notify(t("copied"))}>
          ${icon("copy")}${t("copy")}
        </button>
        <button class="link" @click=${() => (this._made = null)}>${t("close")}</button>
      </p>
    </div>`;
  }

  /** @param {Account} account */
  _renderUser(account) {
    const { id, email, role, isActive, maxChannels, createdAt } = account;
    const isOpen = this._open === id;
    return html`<li class="card user">
      <div class="user-head">
        <span>
          <strong class="ltr">${email}</strong>
          ${isActive ? nothing : html`<span class="badge">${t("state.disabled")}</span>`}
          <span class="dim small">
            ${t(role === "admin" ? "role.admin" : "role.owner")} ·
            ${t("users.channels", { n: maxChannels })} ·
            ${t("users.since", { date: formatTime(createdAt, { dateStyle: "medium" }) })}
          </span>
        </span>
        <button
          class="quiet"
          aria-expanded=${isOpen}
          aria-label=${t("users.edit", { email })}
          @click=${() => (this._open = isOpen ? "" : id)}
        >
          ${icon("edit")}${t("edit")}
        </button>
      </div>
      ${
        isOpen
          ? html`${this._renderForm(account)}
              <button class="link" @click=${() => this._reset(account)}>
                ${t("users.reset")}
              </button>`
          : nothing
      }
    </li>`;
  }

  /** @param {Account | null} account */
  _renderForm(account) {
    const key = account?.id ?? "new";
    return html`<form
      class="form"
      @submit=${(/** @type {SubmitEvent} */ event) => this._save(event, account)}
    >
      <label for="email-${key}">${t("login.email")}</label>
      <input
        id="email-${key}"
        name="email"
        type="email"
        class="ltr"
        required
        .value=${account?.email ?? ""}
      />
      <label for="role-${key}">${t("users.role")}</label>
      <select id="role-${key}" name="role">
        <option value="station_owner" .selected=${account?.role !== "admin"}>
          ${t("role.owner")}
        </option>
        <option value="admin" .selected=${account?.role === "admin"}>${t("role.admin")}</option>
      </select>
      <label for="channels-${key}">${t("users.max-channels")}</label>
      <input
        id="channels-${key}"
        name="maxChannels"
        type="number"
        class="ltr"
        min="0"
        max="100000"
        required
        .value=${String(account?.maxChannels ?? 10)}
      />
      <label for="listeners-${key}">${t("users.max-listeners")}</label>
      <input
        id="listeners-${key}"
        name="maxListeners"
        type="number"
        class="ltr"
        min="0"
        max="1000000"
        placeholder=${t("users.no-limit")}
        .value=${String(account?.maxListeners ?? "")}
      />
      <div class="field of-switch">
        <input
          id="active-${key}"
          name="isActive"
          type="checkbox"
          role="switch"
          .checked=${account?.isActive ?? true}
        />
        <label for="active-${key}">${t("users.active")}</label>
        <p class="hint">${t("users.active.hint")}</p>
      </div>
      ${this._problem ? html`<p class="problem" role="alert">${this._problem}</p>` : nothing}
      <div class="actions">
        <button type="button" class="quiet" @click=${() => (this._open = "")}>
          ${t("cancel")}
        </button>
        <button class="primary">${t(account ? "settings.save" : "users.make")}</button>
      </div>
    </form>`;
  }
}
customElements.define("aw-users", Users);
