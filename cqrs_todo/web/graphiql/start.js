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

async function fetcher(parameters) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(parameters),
  });
  return response.json();
}

const root = ReactDOM.createRoot(document.getElementById("graphiql"));
root.render(React.createElement(GraphiQL, { fetcher, defaultQuery: EXAMPLE, shouldPersistHeaders: false }));
