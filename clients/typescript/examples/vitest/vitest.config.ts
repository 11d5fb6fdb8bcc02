import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "audience-mock/setup",
  },
});
