export { expect, test } from "./playwright.js";
export type { Fixtures } from "./playwright.js";
