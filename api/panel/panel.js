// The panel: who is signed in, which page is shown, and the bar above all of them.

import { PlainElement, html, nothing } from "./lit.js";
import { loadStrings, t } from "./i18n.js";
import { ask, session, whoAmI } from "./api.js";
import { renderChoices } from "./choices.js";
import { icon } from "./icons.js";
import { notifyOf } from "./notices.js";
import "./login.js";

/** @typedef {import("./api.js").User} User */

// What is not needed at first is loaded when it is.
const AGAIN_MS = 3000; // until a server that cannot be reached is asked again
const LATER = /** @type {Record<string, () => Promise<unknown>>} */ ({
  "": () => import("./channels.js"),
  channel: () => import("./channel.js"),
  users: () => import("./users.js"),
  account: () => import("./account.js"),
});

class Panel extends PlainElement {
  static properties = {
    _user: { state: true },
    _route: { state: true },
    _isReady: { state: true },
    _isLost: { state: true },
    _problem: { state: true },
  };

  constructor() {
    super();
    /** @type {User | null} */
    this._user = null;
    this._route = readRoute();
    this._isReady = false;
    this._isLost = false;
    this._problem = "";
    /** @type {number | undefined} */
    this._againTimer = undefined;
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("hashchange", () => this._follow());
    session.addEventListener("over", () => (this._user = null));
    this.addEventListener("line-lost", (event) => {
      this._isLost = /** @type {CustomEvent<boolean>} */ (event).detail;
    });
    this._begin();
  }

  async _begin() {
    const known = knownUser;
    knownUser = undefined;
    try {
      const user = await (known ?? whoAmI());
      this._problem = "";
      if (user) {
        await LATER[this._route[0]]?.();
      }
      this._user = user;
      this._isReady = true;
    } catch (error) {
      this._problem = error instanceof Error ? error.message : String(error);
      clearTimeout(this._againTimer);
      this._againTimer = setTimeout(() => this._begin(), AGAIN_MS);
    }
  }

  async _follow() {
    const route = readRoute();
    await LATER[route[0]]?.();
    const isOther = route.slice(0, 2).join() !== this._route.slice(0, 2).join();
    this._route = route;
    if (isOther) {
      this._isLost = false;
      scrollTo(0, 0);
    }
    await this.updateComplete;
    document.querySelector("main")?.focus({ preventScroll: true });
  }

  /** @param {CustomEvent<User>} event */
  async _logIn(event) {
    await LATER[this._route[0]]?.();
    this._user = event.detail;
  }

  async _logOut() {
    try {
      await ask("POST", "/panel/logout");
      this._user = null;
      location.hash = "";
    } catch (error) {
      notifyOf(error);
    }
  }

  render() {
    if (this._problem) {
      return html`<main class="middle" tabindex="-1">
        <div class="card">
          <h1>${t("unreachable.title")}</h1>
          <p>${this._problem}</p>
          <button class="primary" @click=${this._begin}>${t("try-again")}</button>
        </div>
      </main>`;
    }
    if (!this._isReady) {
      return nothing;
    }
    if (!this._user) {
      return html`<aw-login @logged-in=${this._logIn}></aw-login>`;
    }
    return html`
      <a class="skip" href="#main" @click=${skip}>${t("skip")}</a>
      ${this._renderBar(this._user)}
      <div class="lost" role="status">
        ${this._isLost ? html`<span class="spinner"></span>${t("reconnecting")}` : nothing}
      </div>
      <main id="main" tabindex="-1">${this._renderPage(this._user)}</main>
    `;
  }

  /** @param {User} user */
  _renderBar(user) {
    const page = this._route[0];
    return html`<header class="bar">
      <a class="brand" href="#/">${icon("wave")}<span>AwazPulse</span></a>
      <nav aria-label=${t("nav.main")}>
        <a href="#/" aria-current=${page === "" || page === "channel" ? "page" : "false"}
          >${t("nav.channels")}</a
        >
        ${
          user.role === "admin"
            ? html`<a href="#/users" aria-current=${page === "users" ? "page" : "false"}
                >${t("nav.users")}</a
              >`
            : nothing
        }
      </nav>
      ${renderChoices()}
      <details class="menu" @focusout=${closeMenu}>
        <summary aria-label=${t("account.of", { email: user.email })}>${icon("user")}</summary>
        <div>
          <p class="dim ltr">${user.email}</p>
          <a href="#/account">${t("nav.account")}</a>
          <a href="/docs">${t("nav.api")}</a>
          <button class="link" @click=${this._logOut}>${t("log-out")}</button>
        </div>
      </details>
    </header>`;
  }

  /** @param {User} user */
  _renderPage(user) {
    const [page, id, part] = this._route;
    switch (page) {
      case "":
        return html`<aw-channels .user=${user}></aw-channels>`;
      case "channel":
        return html`<aw-channel
          .user=${user}
          .channelId=${id ?? ""}
          .tab=${part ?? ""}
        ></aw-channel>`;
      case "users":
        return user.role === "admin" ? html`<aw-users></aw-users>` : renderNowhere();
      case "account":
        return html`<aw-account .user=${user}></aw-account>`;
      default:
        return renderNowhere();
    }
  }
}
customElements.define("aw-panel", Panel);

function renderNowhere() {
  return html`<div class="card empty">
    <h1>${t("nowhere.title")}</h1>
    <p><a href="#/">${t("nowhere.back")}</a></p>
  </div>`;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.querySelector("main")?.focus();
}

/** @param {FocusEvent} event */
function closeMenu(event) {
  const menu = /** @type {HTMLDetailsElement} */ (event.currentTarget);
  if (event.relatedTarget instanceof Node && !menu.contains(event.relatedTarget)) {
    menu.open = false;
  }
}

function readRoute() {
  const parts = location.hash.replace(/^#\/?/, "").split("/");
  return parts.map((part) => decodeURIComponent(part));
}

/** @type {Promise<User | null> | undefined} */
let knownUser = whoAmI();
knownUser.catch(() => undefined); // told when the page asks for it
await loadStrings();
document.body.append(document.createElement("aw-panel"));
