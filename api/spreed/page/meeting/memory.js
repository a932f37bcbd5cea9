/** Remember texts in a storage of the browser; one that forbids it just forgets. */
class Memory {
  #storage;

  constructor(storage) {
    this.#storage = storage;
  }

  get(key) {
    try {
      return window[this.#storage].getItem(`quintet.${key}`) ?? "";
    } catch {
      return "";
    }
  }

  set(key, value) {
    try {
      if (value) window[this.#storage].setItem(`quintet.${key}`, value);
      else window[this.#storage].removeItem(`quintet.${key}`);
    } catch {
      /* private mode */
    }
  }
}
export const memory = new Memory("localStorage");
export const memoryOfTab = new Memory("sessionStorage");
