// The file that plays while the encoder is gone: dropped here, heard before it is sent.

import { PlainElement, html, nothing } from "./lit.js";
import { formatBytes, formatLength, formatNumber, t } from "./i18n.js";
import { ask, get, upload } from "./api.js";
import { confirmAndDo } from "./confirm.js";
import { icon } from "./icons.js";
import { notify, notifyOf } from "./notices.js";

/** @typedef {{ title: string, durationS: number | null, bytes: number | null, fileName: string }} Kept */

class Fallback extends PlainElement {
  static properties = {
    channelId: { attribute: false },
    _kept: { state: true },
    _file: { state: true },
    _title: { state: true },
    _progress: { state: true },
    _isOver: { state: true },
    _problem: { state: true },
  };

  constructor() {
    super();
    this.channelId = "";
    /** @type {Kept | null | undefined} undefined: not read yet */
    this._kept = undefined;
    /** @type {File | null} */
    this._file = null;
    this._preview = "";
    this._title = "";
    /** @type {number | null} 0 to 1 while a file is sent */
    this._progress = null;
    this._isOver = false;
    this._problem = "";
    /** @type {AbortController | undefined} */
    this._stopper = undefined;
  }

  /** @param {Map<PropertyKey, unknown>} changed */
  willUpdate(changed) {
    if (changed.has("channelId")) {
      this._read();
    }
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._stopper?.abort();
    this._forget();
  }

  get _path() {
    return `/streams/channel/${encodeURIComponent(this.channelId)}/fallback`;
  }

  async _read() {
    try {
      this._kept = await get(this._path);
    } catch (error) {
      this._problem = error instanceof Error ? error.message : String(error);
    }
  }

  /** @param {DragEvent} event */
  _drop(event) {
    event.preventDefault();
    this._isOver = false;
    this._choose(event.dataTransfer?.files[0]);
  }

  /** @param {File | undefined} file */
  _choose(file) {
    this._forget();
    if (!file) {
      return;
    }
    this._file = file;
    this._preview = URL.createObjectURL(file);
    this._title = "";
    this._problem = "";
  }

  _forget() {
    URL.revokeObjectURL(this._preview);
    this._file = null;
    this._preview = "";
    this._progress = null;
  }

  async _send() {
    const file = this._file;
    if (!file) {
      return;
    }
    this._stopper = new AbortController();
    this._progress = 0;
    this._problem = "";
    try {
      const query = this._title ? `?title=${encodeURIComponent(this._title)}` : "";
      const tell = (/** @type {number} */ part) => (this._progress = part);
      this._kept = await upload(this._path + query, file, tell, this._stopper.signal);
      this._forget();
      notify(t("fallback.done"));
    } catch (error) {
      this._progress = null;
      if (!(error instanceof DOMException)) {
        this._problem = error instanceof Error ? error.message : String(error);
      }
    }
  }

  _remove() {
    confirmAndDo({
      title: t("fallback.remove.title"),
      text: t("fallback.remove.text"),
      yes: t("fallback.remove"),
      act: async () => {
        await ask("DELETE", this._path);
        this._kept = null;
      },
    }).catch(notifyOf);
  }

  render() {
    return html`<section class="card" aria-labelledby="fallback">
      <h2 id="fallback">${t("fallback.title")}</h2>
      <p class="dim">${t("fallback.text")}</p>
      ${this._kept ? this._renderKept(this._kept) : nothing}
      ${this._problem ? html`<p class="problem" role="alert">${this._problem}</p>` : nothing}
      ${this._file ? this._renderFile(this._file) : this._renderPlace()}
    </section>`;
  }

  /** @param {Kept} kept */
  _renderKept({ title, durationS, bytes, fileName }) {
    const facts = [
      durationS === null ? "" : formatLength(durationS),
      bytes === null ? "" : formatBytes(bytes),
    ];
    return html`<div class="kept">
      <span>
        <bdi><strong>${title || fileName}</strong></bdi>
        <span class="dim small">${facts.filter(Boolean).join(" · ")}</span>
      </span>
      <button class="danger quiet" @click=${this._remove}>${t("fallback.remove")}</button>
    </div>`;
  }

  _renderPlace() {
    return html`<label
      class="drop ${this._isOver ? "over" : ""}"
      @dragover=${(/** @type {DragEvent} */ event) => (event.preventDefault(), (this._isOver = true))}
      @dragleave=${() => (this._isOver = false)}
      @drop=${this._drop}
    >
      ${icon("upload")}
      <span>${t("fallback.drop")}</span>
      <span class="dim small">${t("fallback.kinds")}</span>
      <input
        type="file"
        accept="audio/*,.mp3,.aac,.flac,.ogg,.wav"
        class="visually-hidden"
        @change=${(/** @type {Event} */ event) =>
          this._choose(/** @type {HTMLInputElement} */ (event.target).files?.[0])}
      />
    </label>`;
  }

  /** @param {File} file */
  _renderFile(file) {
    const isSending = this._progress !== null;
    return html`<div class="chosen-file">
      <p><bdi>${file.name}</bdi> <span class="dim small">${formatBytes(file.size)}</span></p>
      <audio controls src=${this._preview} aria-label=${t("fallback.preview")}></audio>
      <label for="fallback-title">${t("fallback.shown")}</label>
      <input
        id="fallback-title"
        dir="auto"
        maxlength="255"
        placeholder=${t("fallback.shown.hint")}
        .value=${this._title}
        ?disabled=${isSending}
        @input=${(/** @type {Event} */ event) =>
          (this._title = /** @type {HTMLInputElement} */ (event.target).value)}
      />
      ${
        isSending
          ? html`<div class="progress">
              <progress
                max="1"
                .value=${this._progress ?? 0}
                aria-label=${t("fallback.sending")}
              ></progress>
              <span class="dim small"
                >${
                  (this._progress ?? 0) < 1
                    ? formatNumber(this._progress ?? 0, { style: "percent" })
                    : t("fallback.checking")
                }</span
              >
            </div>`
          : nothing
      }
      <div class="actions">
        <button class="quiet" @click=${() => (isSending ? this._stopper?.abort() : this._forget())}>
          ${t("cancel")}
        </button>
        <button class="primary" ?disabled=${isSending} @click=${this._send}>
          ${t("fallback.send")}
        </button>
      </div>
    </div>`;
  }
}
customElements.define("aw-fallback", Fallback);
