/** Pictures to send: chosen, pasted or dropped. */

import { announce, byId } from "./dom.js";

const MAX_BYTES = 8 * 1024 * 1024;
const KINDS = { "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif" };

/** Read a file as base64, which programs send as `bytes` just as browsers' arrays of numbers. */
function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => {
      resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    };
    reader.onerror = () => {
      reject(reader.error);
    };
    reader.readAsDataURL(file);
  });
}

/** `send(message)` returns whether it went out; `channel()` tells where to, or "" for nowhere. */
export class Uploads {
  #send;
  #channel;

  constructor({ send, channel }) {
    this.#send = send;
    this.#channel = channel;
    const field = byId("picture-file");
    byId("add-picture").onclick = () => {
      field.click();
    };
    field.onchange = () => {
      for (const file of field.files) this.#upload(file);
      field.value = "";
    };
    byId("write-text").onpaste = (event) => this.#take(event, event.clipboardData);
    byId("talk").ondragover = (event) => {
      if ([...event.dataTransfer.types].includes("Files")) event.preventDefault();
    };
    byId("talk").ondrop = (event) => this.#take(event, event.dataTransfer);
  }

  #take(event, { files }) {
    if (!files.length) return undefined;
    event.preventDefault();
    for (const file of [...files].slice(0, 4)) this.#upload(file);
    return undefined;
  }

  async #upload(file) {
    const channel = this.#channel();
    if (!channel) return announce("Pictures cannot be sent here.");
    const kind = KINDS[file.type];
    if (!kind) return announce("Only PNG, JPEG and GIF pictures can be sent.");
    if (file.size > MAX_BYTES) return announce("This picture is larger than 8 MiB.");
    const name = /\.(png|jpe?g|gif)$/i.test(file.name) ? file.name : `picture.${kind}`;
    try {
      const bytes = await base64(file);
      if (!this.#send({ action: "file", channel, message: name, bytes })) {
        return announce("The picture was not sent: there is no connection.");
      }
      return announce("Sending the picture…");
    } catch {
      return announce("This picture could not be read.");
    }
  }
}
