// The API as the panel calls it: with its cookie, which scripts never see.

import { t, tryText } from "./i18n.js";

const HEADERS = { "X-AwazPulse-Panel": "1" };

/** @typedef {{ id: string, email: string, role: "admin" | "station_owner" }} User */

/** What the API says no with. `message` is for people, in their language where we know the reason. */
export class ApiError extends Error {
  /**
   * @param {number} status 0: the server cannot be reached
   * @param {string} kind the problem's type, such as `wrong-login`
   * @param {string} detail the server's own words
   */
  constructor(status, kind, detail) {
    super(describe(status, kind, detail));
    this.status = status;
    this.kind = kind;
  }
}

/**
 * @param {number} status
 * @param {string} kind
 * @param {string} detail
 */
function describe(status, kind, detail) {
  if (status === 0) {
    return t("problem.unreachable");
  }
  return tryText(`problem.${kind}`, detail || t("problem.other", { status }), { detail });
}

/** What begins, continues and ends the session: a 401 of these is an answer. */
const OF_SESSION = ["/panel/login", "/panel/refresh", "/panel/logout"];

/** Told when the session is over. */
export const session = new EventTarget();

/** @type {Promise<boolean> | undefined} */
let refreshing;

/** Continue the session; requests that fail together ask once. */
function refresh() {
  refreshing ??= send("POST", "/panel/refresh")
    .then(async (response) => {
      // Only a refusal ends the session: a server that restarts has not said no.
      if (response.ok || response.status === 401) {
        return response.ok;
      }
      throw await readError(response);
    })
    .finally(() => {
      refreshing = undefined;
    });
  return refreshing;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<Response>}
 */
async function send(method, path, body) {
  const init = /** @type {RequestInit} */ ({ method, headers: HEADERS, cache: "no-store" });
  if (body !== undefined) {
    init.headers = { ...HEADERS, "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  try {
    return await fetch(path, init);
  } catch {
    throw new ApiError(0, "unreachable", "");
  }
}

/**
 * Call the API; return the response. Throws `ApiError`.
 *
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 */
export async function call(method, path, body) {
  let response = await send(method, path, body);
  if (response.status === 401 && !OF_SESSION.includes(path) && (await refresh())) {
    response = await send(method, path, body);
  }
  if (response.ok) {
    return response;
  }
  const error = await readError(response);
  if (error.kind === "invalid-token") {
    session.dispatchEvent(new Event("over"));
  }
  throw error;
}

/** @param {Response} response */
async function readError(response) {
  const problem = await response.json().catch(() => ({}));
  const kind = String(problem.type ?? "").replace("urn:awazpulse:problem:", "");
  return new ApiError(response.status, kind, String(problem.detail ?? ""));
}

/**
 * Call the API; return what its JSON says.
 *
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function ask(method, path, body) {
  const response = await call(method, path, body);
  return response.status === 204 ? null : response.json();
}

/** @param {string} path */
export const get = (path) => ask("GET", path);

/**
 * Return who is signed in, null if nobody is.
 *
 * @returns {Promise<User | null>}
 */
export async function whoAmI() {
  try {
    return await get("/auth/me");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      return null;
    }
    throw error;
  }
}

/**
 * Have the browser save what a GET answers.
 *
 * @param {string} path
 * @param {string} fileName
 */
export async function download(path, fileName) {
  const response = await call("GET", path);
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/**
 * Upload a file; `onProgress` is told the part that is sent, 0 to 1.
 *
 * @param {string} path
 * @param {File} file
 * @param {(part: number) => void} onProgress
 * @param {AbortSignal} signal
 * @returns {Promise<any>}
 */
export async function upload(path, file, onProgress, signal) {
  await whoAmI(); // a session that has run out is continued before the file is sent, and not after
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of what it has sent
    request.open("PUT", path);
    request.setRequestHeader("X-AwazPulse-Panel", "1");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      onProgress(event.total ? event.loaded / event.total : 0);
    });
    request.addEventListener("load", () => {
      if (request.status < 300) {
        resolve(request.response);
        return;
      }
      const kind = String(request.response?.type ?? "").replace("urn:awazpulse:problem:", "");
      reject(new ApiError(request.status, kind, String(request.response?.detail ?? "")));
    });
    request.addEventListener("error", () => reject(new ApiError(0, "unreachable", "")));
    request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    signal.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("file", file);
    request.send(form);
  });
}
