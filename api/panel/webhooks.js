// Other servers that are told what happens to a channel.

import { PlainElement, html, live, nothing, repeat } from "./lit.js";
import { formatMoment, t, tryText } from "./i18n.js";
import { ask, get } from "./api.js";
import { confirmAndDo } from "./confirm.js";
import { copy } from "./clipboard.js";
import { icon } from "./icons.js";
import { notify, notifyOf } from "./notices.js";

const SHOWN_DELIVERIES = 5;
// What a webhook can be told of; none chosen means all of them.
const KINDS = [
  "on_air",
  "off_air",
  "switched",
  "title",
  "login_refused",
  "source_connected",
  "source_lost",
  "dead_air_began",
];

/** @typedef {{ id: string, url: string, events: string[], isActive: boolean }} Webhook */
/** @typedef {{ id: string, event: string, createdAt: string, attempts: number, deliveredAt: string | null, nextTryAt: string | null, lastAnswer: string | null }} Delivery */

class Webhooks extends PlainElement {
  static properties = {
    channelId: { attribute: false },
    isOwner: { attribute: false },
    _webhooks: { state: true },
    _deliveries: { state: true },
    _open: { state: true },
    _secret: { state: true },
    _problem: { state: true },
  };

  constructor() {
    super();
    this.channelId = "";
    this.isOwner = false;
    /** @type {Webhook[]} */
    this._webhooks = [];
    this._open = ""; // the id of the one whose deliveries are shown
    /** @type {Delivery[]} */
    this._deliveries = [];
    this._secret = ""; // of the one that has just been made: it is shown this once
    this._problem = "";
  }

  /** @param {Map<PropertyKey, unknown>} changed */
  willUpdate(changed) {
    if (changed.has("channelId")) {
      this._read();
    }
  }

  get _path() {
    return `/streams/channel/${encodeURIComponent(this.channelId)}/webhooks`;
  }

  async _read() {
    try {
      this._webhooks = (await get(this._path)).items;
    } catch (error) {
      this._problem = error instanceof Error ? error.message : String(error);
    }
  }

  /** @param {SubmitEvent} event */
  async _make(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const values = new FormData(form);
    this._problem = "";
    try {
      const body = { url: values.get("url"), events: values.getAll("events") };
      this._secret = (await ask("POST", this._path, body)).secret;
      form.reset();
      await this._read();
    } catch (error) {
      this._problem = error instanceof Error ? error.message : String(error);
    }
  }

  /**
   * @param {Webhook} webhook
   * @param {boolean} isActive
   */
  async _turn({ id }, isActive) {
    try {
      await ask("PATCH", `${this._path}/${id}`, { isActive });
    } catch (error) {
      notifyOf(error);
    }
    await this._read();
  }

  /** @param {Webhook} webhook */
  async _remove({ id, url }) {
    await confirmAndDo({
      title: t("webhooks.remove.title"),
      text: html`<bdi class="ltr">${url}</bdi>`,
      yes: t("webhooks.remove"),
      act: () => ask("DELETE", `${this._path}/${id}`),
    });
    await this._read();
  }

  /** @param {string} id */
  async _show(id) {
    this._open = this._open === id ? "" : id;
    this._deliveries = [];
    if (!this._open) {
      return;
    }
    try {
      const { items } = await get(`${this._path}/${id}/deliveries`);
      if (this._open === id) {
        this._deliveries = items.slice(0, SHOWN_DELIVERIES);
      }
    } catch (error) {
      notifyOf(error);
    }
  }

  render() {
    return html`<section class="card" aria-labelledby="webhooks">
      <h2 id="webhooks">${t("webhooks.title")}</h2>
      <p class="dim">${t("webhooks.text")}</p>
      ${this._secret ? this._renderSecret() : nothing}
      ${repeat(
        this._webhooks,
        ({ id }) => id,
        (webhook) => this._renderWebhook(webhook),
      )}
      ${this._problem ? html`<p class="problem" role="alert">${this._problem}</p>` : nothing}
      ${this.isOwner ? this._renderForm() : nothing}
    </section>`;
  }

  _renderSecret() {
    return html`<div class="kept" role="status">
      <span>${t("webhooks.secret")} <code class="ltr">${this._secret}</code></span>
      <button
        type="button"
        class="quiet"
        @click=${async () => (await copy(this._secret)) && notify(t("copied"))}
      >
        ${icon("copy")}${t("copy")}
      </button>
      <button type="button" class="link" @click=${() => (this._secret = "")}>${t("close")}</button>
    </div>`;
  }

  /** @param {Webhook} webhook */
  _renderWebhook(webhook) {
    const { id, url, events, isActive } = webhook;
    const isOpen = this._open === id;
    const names = events.map((name) => nameEvent(name));
    return html`<div class="kept">
      <span>
        <code class="ltr">${url}</code>
        <span class="dim small">${names.length ? names.join(" · ") : t("webhooks.all")}</span>
      </span>
      <div class="actions start">
        ${
          this.isOwner
            ? html`<input
                type="checkbox"
                role="switch"
                aria-label=${t("webhooks.active", { url })}
                .checked=${live(isActive)}
                @change=${(/** @type {Event} */ event) =>
                  this._turn(webhook, /** @type {HTMLInputElement} */ (event.target).checked)}
              />`
            : nothing
        }
        <button type="button" class="quiet" aria-expanded=${isOpen} @click=${() => this._show(id)}>
          ${t("webhooks.deliveries")}
        </button>
        <button type="button" class="danger quiet" @click=${() => this._remove(webhook)}>
          ${t("webhooks.remove")}
        </button>
      </div>
      ${isOpen ? this._renderDeliveries() : nothing}
    </div>`;
  }

  _renderDeliveries() {
    return html`<ol class="lines wide">
      ${this._deliveries.map(
        ({ event, createdAt, deliveredAt, nextTryAt, lastAnswer }) =>
          html`<li class=${deliveredAt ? "" : "bad"}>
            <time datetime=${createdAt}>${formatMoment(createdAt)}</time>
            <span>
              ${nameEvent(event)}:
              ${
                deliveredAt
                  ? t("webhooks.delivered")
                  : nextTryAt
                    ? t("webhooks.waiting", { time: formatMoment(nextTryAt) })
                    : t("webhooks.failed")
              }
              <bdi class="dim">${lastAnswer}</bdi>
            </span>
          </li>`,
      )}
      ${this._deliveries.length ? nothing : html`<li>${t("webhooks.none")}</li>`}
    </ol>`;
  }

  _renderForm() {
    return html`<form class="form" @submit=${this._make}>
      <label for="webhook-url">${t("webhooks.url")}</label>
      <input
        id="webhook-url"
        name="url"
        type="url"
        class="ltr"
        required
        placeholder="https://"
        pattern="https?://.+"
      />
      <fieldset class="kinds">
        <legend>${t("webhooks.kinds")}</legend>
        ${KINDS.map(
          (kind) =>
            html`<label
              ><input type="checkbox" name="events" value=${kind} /> ${nameEvent(kind)}</label
            >`,
        )}
      </fieldset>
      <div class="actions"><button class="primary">${t("webhooks.make")}</button></div>
    </form>`;
  }
}
customElements.define("aw-webhooks", Webhooks);

/** @param {string} kind */
function nameEvent(kind) {
  return tryText(`webhooks.on.${kind}`, tryText(`event.${kind}`, kind));
}
