import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "./audience_mock.setup.js",
    include: ["*.test.js"],
  },
});
