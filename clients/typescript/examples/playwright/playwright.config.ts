import { defineConfig } from "@playwright/test";

export default defineConfig({
  globalSetup: "audience-mock/setup",
  fullyParallel: true,
});
