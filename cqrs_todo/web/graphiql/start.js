// GraphiQL with the server that this page comes from. The cookie of the page admits it.

const EXAMPLE = `# Each query takes a moment, as --at does. The documentation at the left lists everything.
{
  list(at: "now") {
    name
    position
    todos(query: "is:open", sort: ["due"], first: 10) {
      totalCount
      edges { node { number text due tags } }
    }
  }
}
`;

function isSubscription({ query, operationName }) {
  const name = operationName ? `\\s+${operationName}\\b` : "\\b";
  return new RegExp(`^\\s*subscription${name}`, "m").test(query);
}

async function fetcher(parameters) {
  if (isSubscription(parameters)) return follow(parameters);
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(parameters),
  });
  return response.json();
}

// Yields what a subscription sends, over graphql-transport-ws, until it is no longer wanted.
async function* follow(parameters) {
  const socket = new WebSocket(`ws://${location.host}/graphql`, "graphql-transport-ws");
  const send = (message) => socket.send(JSON.stringify(message));
  const waiting = [];
  let wake = () => {};
  const give = (message) => { waiting.push(message); wake(); };
  socket.addEventListener("open", () => send({ type: "connection_init" }));
  socket.addEventListener("close", () => give({ type: "complete" }));
  socket.addEventListener("message", ({ data }) => give(JSON.parse(data)));
  try {
    for (;;) {
      while (!waiting.length) await new Promise((resolve) => { wake = resolve; });
      const message = waiting.shift();
      if (message.type === "connection_ack") send({ type: "subscribe", id: "1", payload: parameters });
      else if (message.type === "ping") send({ type: "pong" });
      else if (message.type === "next") yield message.payload;
      else if (message.type === "error") yield { errors: message.payload };
      else if (message.type === "complete") return;
    }
  } finally {
    socket.close();
  }
}

const root = ReactDOM.createRoot(document.getElementById("graphiql"));
root.render(React.createElement(GraphiQL, { fetcher, defaultQuery: EXAMPLE, shouldPersistHeaders: false }));
