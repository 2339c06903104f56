// The subscription: it says when something was recorded, and notices when the server can no longer be heard.

const PROTOCOL = "graphql-transport-ws";
const DOCUMENT = "subscription($after: Int, $list: String) { events(after: $after, list: $list) { last } }";
const PING_MS = 3_000;
const SILENT_MS = 3_000;
const PAUSES_MS = [300, 1_000, 2_000, 5_000];

export class Live {
  // The handlers are `news`, `up`, `down(seconds)`, and `failed(error)` for an error that trying again does not end.
  constructor(handlers) {
    this.handlers = handlers;
    this.failures = 0;
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => { if (!document.hidden && this.waiting) this.retry(); });
  }

  // Follows a list, in place of any that was followed before. `after` returns the position up to which it is known.
  follow(list, after) {
    this.stop();
    this.list = list;
    this.after = after;
    this.failures = 0;
    this.#connect();
  }

  stop() {
    clearTimeout(this.waiting);
    clearTimeout(this.timer);
    this.waiting = null;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  retry() {
    if (!this.list || this.socket) return;
    clearTimeout(this.waiting);
    this.waiting = null;
    this.#connect();
  }

  // Connects anew, because an answer of the server did not come.
  lost() {
    if (this.socket) this.#lost(this.socket);
  }

  // Nothing is missing, so the next pause is a short one.
  isCurrent() {
    this.failures = 0;
  }

  #connect() {
    const url = new URL("/graphql", location.href);
    url.protocol = "ws:";
    const socket = new WebSocket(url, PROTOCOL);
    this.socket = socket;
    const send = (message) => socket.send(JSON.stringify(message));
    const listen = () => { // a message must come soon, or the server is not heard
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        if (this.socket !== socket) return;
        send({ type: "ping" });
        this.timer = setTimeout(() => this.#lost(socket), SILENT_MS);
      }, PING_MS);
    };
    this.timer = setTimeout(() => this.#lost(socket), SILENT_MS * 2);
    socket.addEventListener("open", () => send({ type: "connection_init" }));
    socket.addEventListener("close", () => this.#lost(socket));
    socket.addEventListener("message", ({ data }) => {
      if (this.socket !== socket) return;
      listen();
      const message = JSON.parse(data);
      if (message.type === "connection_ack") {
        send({ type: "subscribe", id: "events", payload: { query: DOCUMENT, variables: { list: this.list, after: this.after() } } });
        this.handlers.up();
      } else if (message.type === "ping") send({ type: "pong" });
      else if (message.type === "next" && !message.payload.errors?.length) this.handlers.news(message.payload.data.events.last);
      else if (message.type === "next" || message.type === "error") {
        const [error] = message.type === "next" ? message.payload.errors : message.payload;
        this.stop();
        this.handlers.failed({ message: error.message, code: error.extensions?.code, hint: error.extensions?.hint });
      } else if (message.type === "complete") this.#lost(socket);
    });
  }

  #lost(socket) {
    if (this.socket !== socket) return;
    this.stop();
    const pause = PAUSES_MS[Math.min(this.failures++, PAUSES_MS.length - 1)];
    this.handlers.down(pause / 1000);
    this.waiting = setTimeout(() => this.retry(), pause);
  }
}
