// A question before something that cannot be taken back.

import { html, nothing, render } from "./lit.js";
import { t } from "./i18n.js";

/**
 * Ask; while `act` runs the dialog shows it, and if it fails, why. Resolves to whether it was done.
 *
 * @param {object} question
 * @param {string} question.title
 * @param {unknown} question.text
 * @param {string} question.yes
 * @param {string} [question.doing]
 * @param {boolean} [question.isGentle] nothing is lost by it
 * @param {() => Promise<unknown>} question.act
 * @returns {Promise<boolean>}
 */
export function confirmAndDo({ title, text, yes, doing, isGentle = false, act }) {
  const dialog = document.createElement("dialog");
  dialog.className = "confirm";
  dialog.setAttribute("aria-labelledby", "confirm-title");
  document.body.append(dialog);
  return new Promise((resolve) => {
    let isBusy = false;
    let isDone = false;
    let problem = "";
    const show = () =>
      render(
        html`<h2 id="confirm-title">${title}</h2>
          <p>${text}</p>
          ${problem ? html`<p class="problem" role="alert">${problem}</p>` : nothing}
          <div class="actions">
            <button class="quiet" ?disabled=${isBusy} @click=${() => dialog.close()}>
              ${t("cancel")}
            </button>
            <button class=${isGentle ? "primary" : "danger"} ?disabled=${isBusy} @click=${go}>
              ${isBusy ? html`<span class="spinner"></span>${doing ?? yes}` : yes}
            </button>
          </div>`,
        dialog,
      );
    const go = async () => {
      isBusy = true;
      problem = "";
      show();
      try {
        await act();
        isDone = true;
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
      }
      isBusy = false;
      if (isDone) {
        dialog.close();
      } else {
        show();
      }
    };
    dialog.addEventListener("cancel", (event) => isBusy && event.preventDefault());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(isDone);
    });
    show();
    dialog.showModal();
  });
}
