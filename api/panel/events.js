// What happens to channels, told by the server over a WebSocket that comes back by itself.

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 5000;
const SILENT_MS = 1200; // a gap shorter than this is shown to nobody

/**
 * @typedef {object} ChannelEvent
 * @property {string} id
 * @property {string} type
 * @property {string} channelId
 * @property {"hls" | "icecast"} streamType
 * @property {string} time
 * @property {Record<string, any>} data
 */

export class EventLine {
  /**
   * @param {string} path
   * @param {object} handlers
   * @param {(event: ChannelEvent) => void} handlers.onEvent
   * @param {() => void} handlers.onHello everything may have changed: read the state anew
   * @param {(isLost: boolean) => void} [handlers.onLost]
   * @param {() => Promise<unknown>} [handlers.beforeRetry]
   */
  constructor(path, handlers) {
    this._path = path;
    this._handlers = handlers;
    this._waitMs = FIRST_WAIT_MS;
    this._isClosed = false;
    /** @type {WebSocket | undefined} */
    this._socket = undefined;
    /** @type {number | undefined} */
    this._timer = undefined;
    /** @type {number | undefined} */
    this._lostTimer = undefined;
    this._hurry = this._hurry.bind(this);
    addEventListener("online", this._hurry);
    addEventListener("pageshow", this._hurry);
    this._connect();
  }

  close() {
    this._isClosed = true;
    removeEventListener("online", this._hurry);
    removeEventListener("pageshow", this._hurry);
    clearTimeout(this._timer);
    clearTimeout(this._lostTimer);
    this._socket?.close();
  }

  _connect() {
    this._timer = undefined;
    const address = new URL(this._path, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this._socket = socket;
    socket.addEventListener("message", (message) => this._receive(message.data));
    socket.addEventListener("close", () => this._lose(socket));
  }

  /** @param {string} text */
  _receive(text) {
    const event = /** @type {ChannelEvent} */ (JSON.parse(text));
    if (event.type === "hello" || event.type === "missed") {
      this._waitMs = FIRST_WAIT_MS;
      clearTimeout(this._lostTimer);
      this._lostTimer = undefined;
      this._handlers.onLost?.(false);
      this._handlers.onHello();
    } else {
      this._handlers.onEvent(event);
    }
  }

  /** @param {WebSocket | undefined} socket */
  _lose(socket) {
    if (this._isClosed || socket !== this._socket) {
      return;
    }
    this._socket = undefined;
    this._lostTimer ??= setTimeout(() => this._handlers.onLost?.(true), SILENT_MS);
    const waitMs = this._waitMs * (0.75 + Math.random() / 2);
    this._waitMs = Math.min(this._waitMs * 2, LONGEST_WAIT_MS);
    this._timer = setTimeout(() => this._retry(), waitMs);
  }

  async _retry() {
    this._timer = undefined;
    try {
      // A handshake that fails does not say why. The session may have run out, and is continued here.
      await this._handlers.beforeRetry?.();
    } catch {
      this._lose(this._socket); // the server does not answer either
      return;
    }
    if (!this._isClosed && !this._socket) {
      this._connect();
    }
  }

  _hurry() {
    if (this._timer !== undefined && !this._isClosed) {
      clearTimeout(this._timer);
      this._retry();
    }
  }
}
