import { byId, showProblem } from "./page.js";

/** Ask for one word. Resolves with it, or with null when the person would rather not. */
export class Question {
  #dialog = byId("ask");
  #input = byId("ask-input");
  #resolve = null;

  constructor() {
    byId("ask-form").onsubmit = (event) => {
      event.preventDefault();
      this.#settle(this.#input.value.trim());
    };
    byId("ask-cancel").onclick = () => this.dismiss();
    this.#dialog.oncancel = () => this.dismiss();
  }

  /** A question still open is dismissed by the next one. */
  ask({ title, text, label, action, problem = "" }) {
    this.dismiss();
    byId("ask-title").textContent = title;
    byId("ask-text").textContent = text;
    byId("ask-label").textContent = label;
    byId("ask-ok").textContent = action;
    showProblem(byId("ask-problem"), problem);
    this.#input.value = "";
    this.#dialog.showModal();
    this.#input.focus();
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  dismiss() {
    this.#settle(null);
  }

  #settle(answer) {
    this.#dialog.close();
    this.#resolve?.(answer || null);
    this.#resolve = null;
  }
}
