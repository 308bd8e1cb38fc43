import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["api/panel/vendor/", "api/panel/vendor.new/", "node_modules/", ".venv/", "data/"] },
  js.configs.recommended,
  {
    files: ["api/panel/**/*.js"],
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: globals.browser },
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-console": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Lit's templates escape what they show" },
        { property: "outerHTML", message: "Lit's templates escape what they show" },
      ],
      "no-shadow": "error",
    },
  },
];
