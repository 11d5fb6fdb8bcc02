export * from "./testcontainers.js";
