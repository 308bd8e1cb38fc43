// A text as a QR code, for a phone's camera.

import { html, svg } from "./lit.js";

const QUIET = 4; // modules of margin that scanners need (ISO/IEC 18004 §5.3.8)

/**
 * Return the code as a picture.
 *
 * @param {string} text
 * @param {string} label
 */
export async function drawQrCode(text, label) {
  const { default: makeCode } = await import("./vendor/qrcode.js");
  const code = makeCode(0, "M");
  code.addData(text);
  code.make();
  const count = code.getModuleCount();
  let path = "";
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < count; column++) {
      if (code.isDark(row, column)) {
        path += `M${column + QUIET} ${row + QUIET}h1v1h-1z`;
      }
    }
  }
  const size = count + 2 * QUIET;
  return html`<svg class="qr" viewBox="0 0 ${size} ${size}" role="img" aria-label=${label}>
    ${svg`<rect width="100%" height="100%" fill="#fff" /><path d=${path} fill="#000" />`}
  </svg>`;
}
