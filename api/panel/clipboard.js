// Copying, also where the Clipboard API is missing: it is there with HTTPS and on localhost alone.

/**
 * Copy a text that may have to be fetched first; say whether it worked.
 *
 * @param {string | Promise<string>} text
 * @returns {Promise<boolean>}
 */
export async function copy(text) {
  if (navigator.clipboard && typeof ClipboardItem !== "undefined") {
    try {
      // With a promise in it: Safari takes a write only while the click is being handled.
      const blob = Promise.resolve(text).then((found) => new Blob([found], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
      return true;
    } catch {
      // Not allowed here, or the text could not be had: the await below tells the second one.
    }
  }
  return copyBySelection(await text);
}

/** @param {string} text */
function copyBySelection(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "off-screen";
  field.setAttribute("aria-hidden", "true");
  const before = document.activeElement;
  // Within an open dialog, for what is outside of it takes no focus.
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } finally {
    field.remove();
    if (before instanceof HTMLElement) {
      before.focus();
    }
  }
}
