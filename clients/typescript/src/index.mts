// The classes are those of `require`, so that an error of one is an error of the other.
export * from "./index.js";
