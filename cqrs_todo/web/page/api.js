// Requests to the server. Every answer that is an error becomes a Refused with the words of the server.

export class Refused extends Error {
  constructor(message, code, hint) {
    super(message);
    this.code = code;
    this.hint = hint ?? null;
  }
}

async function answered(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(30_000) });
  } catch {
    throw new Refused("The server cannot be reached.", "UNREACHABLE");
  }
  if (response.status === 401) {
    throw new Refused(
      "The server was started again, so this page cannot read the lists.",
      "NO_TOKEN",
      "Open the URL that todo serve printed last.",
    );
  }
  let document;
  try {
    document = await response.json();
  } catch {
    throw new Refused(`The server answered with the status ${response.status}.`, "UNREACHABLE");
  }
  if (document.error) throw new Refused(document.error.message, document.error.code, document.error.hint);
  return document;
}

export function get(path, values = {}) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
  return answered(given.length ? `${path}?${new URLSearchParams(given)}` : path);
}

export function post(path, document) {
  return answered(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(document) });
}

export async function graphql(query, variables = {}) {
  let answer;
  try {
    answer = await post("/graphql", { query, variables });
  } catch (error) {
    if (error.code !== "UNREACHABLE" || !query.startsWith("mutation")) throw error;
    throw new Refused("The server did not answer.", "UNREACHABLE", "Look whether the change was recorded before you make it again.");
  }
  const [error] = answer.errors ?? [];
  if (error) throw new Refused(error.message, error.extensions?.code ?? "INTERNAL", error.extensions?.hint);
  return answer.data;
}
