// Composes subgraphs as Apollo's router does: stdin holds {"name": "SDL", …} as JSON, stdout gets the supergraph's SDL.
// What does not compose is named on stderr, and the exit code is 1.
const { composeServices } = require("@apollo/composition");
const { readFileSync } = require("fs");
const { parse } = require("graphql");

const subgraphs = Object.entries(JSON.parse(readFileSync(0, "utf8")));
const { errors, supergraphSdl } = composeServices(
  subgraphs.map(([name, sdl]) => ({ name, url: `https://${name}.example/graphql`, typeDefs: parse(sdl) })),
);
if (errors) {
  console.error(errors.map((error) => error.message).join("\n"));
  process.exit(1);
}
console.log(supergraphSdl);
