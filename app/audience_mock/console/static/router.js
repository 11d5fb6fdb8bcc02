// The address: #/worlds/NAME/VIEW/ID?name=value, so that each thing has a link and the back button works.
import { useEffect, useState } from "./vendor/htm-preact.js";
import { PAGE_WORLD } from "./api.js";

export function parse(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  const named = parts[0] === "worlds" && parts[1];
  const [view = "overview", id = null] = named ? parts.slice(2) : parts;
  return { world: named || PAGE_WORLD, view, id, params: Object.fromEntries(new URLSearchParams(search)) };
}

export function href(world, view = "overview", { id, ...params } = {}) {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  const path = ["worlds", world, view, ...(id === undefined || id === null ? [] : [id])].map(encodeURIComponent);
  return `#/${path.join("/")}${search}`;
}

export const go = (world, view, params) => {
  location.hash = href(world, view, params);
};

// As `go`, without a step for the back button: filters change with every key.
export function replace(world, view, params) {
  history.replaceState(null, "", href(world, view, params));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute() {
  const [route, set] = useState(() => parse(location.hash));
  useEffect(() => {
    const listen = () => set(parse(location.hash));
    addEventListener("hashchange", listen);
    return () => removeEventListener("hashchange", listen);
  }, []);
  return route;
}
