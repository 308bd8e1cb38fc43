// All settings of a channel, in groups, each with its unit and what it does.

import { PlainElement, html, live, nothing } from "./lit.js";
import { t, tryText } from "./i18n.js";
import { ask } from "./api.js";
import { confirmAndDo } from "./confirm.js";
import { notify, notifyOf } from "./notices.js";
import "./fallback.js";
import "./webhooks.js";

/**
 * @typedef {object} Field
 * @property {string} name as in the API
 * @property {"text" | "long" | "number" | "switch" | "choice"} kind
 * @property {string} [unit] the key of its text
 * @property {number} [min]
 * @property {number} [max]
 * @property {string[]} [values]
 * @property {boolean} [isAdmins]
 */

/** @type {{ name: string, fields: Field[] }[]} */
const GROUPS = [
  {
    name: "station",
    fields: [
      { name: "name", kind: "text", max: 255 },
      { name: "description", kind: "long", max: 10_000 },
    ],
  },
  {
    name: "gone",
    fields: [
      { name: "graceTime", kind: "number", unit: "unit.s", min: 0, max: 600 },
      { name: "fallbackAfter", kind: "number", unit: "unit.s", min: 0, max: 600 },
      { name: "alwaysOn", kind: "switch" },
    ],
  },
  {
    name: "silence",
    fields: [
      { name: "deadAirLevel", kind: "number", unit: "unit.dbfs", min: -90, max: -20 },
      { name: "deadAirAfter", kind: "number", unit: "unit.s", min: 5, max: 3600 },
      { name: "deadAirFallback", kind: "switch" },
    ],
  },
  {
    name: "encoder",
    fields: [
      { name: "takeover", kind: "choice", values: ["takeover", "refuse"] },
      { name: "simulcast", kind: "switch" },
      { name: "formatChange", kind: "choice", values: ["continue", "end"] },
      { name: "titleCharset", kind: "choice", values: ["latin-1", "cp1251", "cp1252", "cp1256"] },
    ],
  },
  {
    name: "listeners",
    fields: [
      { name: "showListeners", kind: "switch" },
      { name: "maxListeners", kind: "number", unit: "unit.listeners", min: 0, max: 1_000_000 },
      { name: "quality", kind: "choice", values: ["low", "medium", "high", "hd"] },
      { name: "bitrate", kind: "number", unit: "unit.kbit", min: 8, max: 2048 },
      { name: "backupStreamUrl", kind: "text", max: 255 },
    ],
  },
  { name: "operator", fields: [{ name: "isActive", kind: "switch", isAdmins: true }] },
];

class Settings extends PlainElement {
  static properties = {
    channel: { attribute: false },
    isAdmin: { attribute: false },
    isOwner: { attribute: false },
    _changed: { state: true },
    _isBusy: { state: true },
    _problem: { state: true },
  };

  constructor() {
    super();
    /** @type {Record<string, any>} */
    this.channel = {};
    this.isAdmin = false;
    this.isOwner = false;
    /** @type {Record<string, any>} */
    this._changed = {};
    this._isBusy = false;
    this._problem = "";
  }

  get _path() {
    return `/channels/${encodeURIComponent(this.channel.id)}`;
  }

  /**
   * @param {Field} field
   * @param {unknown} value
   */
  _change({ name }, value) {
    const changed = { ...this._changed, [name]: value };
    if (value === this.channel[name]) {
      delete changed[name];
    }
    this._changed = changed;
  }

  /** @param {SubmitEvent} event */
  async _save(event) {
    event.preventDefault();
    const before = Object.fromEntries(
      Object.keys(this._changed).map((name) => [name, this.channel[name]]),
    );
    this._isBusy = true;
    this._problem = "";
    try {
      await this._send(this._changed);
      this._changed = {};
      notify(t("settings.saved"), { undo: () => this._send(before).catch(notifyOf) });
    } catch (error) {
      this._problem = error instanceof Error ? error.message : String(error);
    }
    this._isBusy = false;
  }

  /** @param {Record<string, any>} values */
  async _send(values) {
    const channel = await ask("PATCH", this._path, values);
    this.dispatchEvent(new CustomEvent("settings-changed", { detail: channel }));
  }

  async _archive() {
    const path = this._path;
    const isDone = await confirmAndDo({
      title: t("archive.title", { name: this.channel.name }),
      text: t("archive.text"),
      yes: t("archive.yes"),
      act: () => ask("DELETE", path),
    });
    if (isDone) {
      location.hash = "#/";
      notify(t("archive.done"), {
        undo: () => ask("POST", `${path}/restore`).then(() => location.reload(), notifyOf),
      });
    }
  }

  render() {
    const count = Object.keys(this._changed).length;
    return html`<form class="settings" @submit=${this._save}>
        ${GROUPS.map((group) => this._renderGroup(group))}
        ${
          count
            ? html`<div class="save-bar" role="status">
                <span>${this._problem || t("settings.unsaved", { n: count })}</span>
                <button type="button" class="quiet" @click=${() => (this._changed = {})}>
                  ${t("settings.drop")}
                </button>
                <button class="primary" ?disabled=${this._isBusy}>${t("settings.save")}</button>
              </div>`
            : nothing
        }
      </form>
      <aw-fallback .channelId=${this.channel.id}></aw-fallback>
      <aw-webhooks .channelId=${this.channel.id} .isOwner=${this.isOwner}></aw-webhooks>
      <section class="card" aria-labelledby="archive">
        <h2 id="archive">${t("archive.head")}</h2>
        <p>${t("archive.text")}</p>
        <div class="actions start">
          <button class="danger quiet" @click=${this._archive}>${t("archive.yes")}</button>
        </div>
      </section>`;
  }

  /** @param {{ name: string, fields: Field[] }} group */
  _renderGroup({ name, fields }) {
    const shown = fields.filter((field) => !field.isAdmins || this.isAdmin);
    if (!shown.length) {
      return nothing;
    }
    return html`<fieldset class="card">
      <legend>${tryText(`group.${name}`, name)}</legend>
      <div class="fields">${shown.map((field) => this._renderField(field))}</div>
    </fieldset>`;
  }

  /** @param {Field} field */
  _renderField(field) {
    const id = `setting-${field.name}`;
    const label = tryText(`setting.${field.name}`, field.name);
    const hint = tryText(`setting.${field.name}.hint`, "");
    const isSwitch = field.kind === "switch";
    return html`<div class="field ${isSwitch ? "of-switch" : ""}">
      ${isSwitch ? this._renderInput(field, id) : nothing}
      <label for=${id}>${label}</label>
      ${
        isSwitch
          ? nothing
          : html`<span class="input">
              ${this._renderInput(field, id)}
              ${field.unit ? html`<span class="unit">${tryText(field.unit, "")}</span>` : nothing}
            </span>`
      }
      ${hint ? html`<p class="hint" id="${id}-hint">${hint}</p>` : nothing}
    </div>`;
  }

  /**
   * @param {Field} field
   * @param {string} id
   */
  _renderInput(field, id) {
    const value = this._changed[field.name] ?? this.channel[field.name];
    const { kind, min, max, values = [] } = field;
    /** @param {Event} event */
    const take = (event) => {
      const input = /** @type {HTMLInputElement} */ (event.target);
      if (kind === "switch") {
        this._change(field, input.checked);
      } else if (kind !== "number") {
        this._change(field, input.value);
      } else if (input.value !== "") {
        this._change(field, input.valueAsNumber);
      }
    };
    switch (kind) {
      case "long":
        return html`<textarea
          id=${id}
          dir="auto"
          rows="3"
          maxlength=${max ?? nothing}
          aria-describedby="${id}-hint"
          .value=${live(value)}
          @input=${take}
        ></textarea>`;
      case "number":
        return html`<input
          id=${id}
          type="number"
          class="ltr"
          required
          min=${min ?? nothing}
          max=${max ?? nothing}
          aria-describedby="${id}-hint"
          .value=${live(String(value))}
          @input=${take}
        />`;
      case "switch":
        return html`<input
          id=${id}
          type="checkbox"
          role="switch"
          aria-describedby="${id}-hint"
          .checked=${live(value)}
          @change=${take}
        />`;
      case "choice":
        return html`<select id=${id} aria-describedby="${id}-hint" @change=${take}>
          ${values.map(
            (one) =>
              html`<option value=${one} .selected=${one === value}>
                ${tryText(`setting.${field.name}.${one}`, one)}
              </option>`,
          )}
        </select>`;
      default:
        return html`<input
          id=${id}
          dir="auto"
          maxlength=${max ?? nothing}
          ?required=${field.name === "name"}
          aria-describedby="${id}-hint"
          .value=${live(value)}
          @input=${take}
        />`;
    }
  }
}
customElements.define("aw-settings", Settings);
