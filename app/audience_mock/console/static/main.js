import { html, render } from "./vendor/htm-preact.js";
import { parse } from "./router.js";
import { Shell } from "./shell.js";
import { enterWorld } from "./store.js";

// Before the first paint: the page waits for this longer than for anything else.
enterWorld(parse(location.hash).world);

const place = document.getElementById("app");
place.replaceChildren();
render(html`<${Shell} />`, place);
