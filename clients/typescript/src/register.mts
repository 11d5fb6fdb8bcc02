// `node --import audience-mock/register --test`: the runner starts the server before it starts the processes of
// the tests, which find its URL in their environment. It ends with the runner.
import setup from "./setup.js";

await setup();
