// Swagger UI over the descriptions that this server serves, set up so that "Try it out" works at once: its calls
// go to this server, to the world in view, with a token.

const TITLES = { pinterest: "Pinterest", pitchtarget: "PitchTarget", control: "Control API" };
// Accepted by default; a world may be set to accept known tokens only, and the page has a button for those.
const AUTHORIZATIONS = { pinterest: "Bearer pina_anything", pitchtarget: "OAuth anything" };

const base = location.pathname.replace(/\/docs$/, "");
const prefix = base.replace(/\/worlds\/[^/]+$/, "");
const world = decodeURIComponent(base.match(/\/worlds\/([^/]+)$/)?.[1] ?? "default");

document.getElementById("console").href = `${base}/__admin/ui/`;
document.getElementById("world").textContent = `world ${world}`;

const getJson = async (path) => (await fetch(prefix + path, { headers: { Accept: "application/json" } })).json();
const titleOf = (name) => TITLES[name] ?? name;

// The names of all APIs, those that were installed among them.
const names = getJson("/").then(({ pages }) => pages.flatMap((page) => page.match(/^\/openapi\/(.+)\.json$/)?.[1] ?? []));
let shown = null;

async function show() {
  const known = await names;
  const asked = location.hash.slice(2).split("/")[0];
  const name = known.includes(asked) ? asked : known[0];
  if (name === shown) return;
  shown = name;
  document.getElementById("apis").replaceChildren(...known.map((api) => {
    const link = Object.assign(document.createElement("a"), { href: `#/${api}`, textContent: titleOf(api) });
    if (api === name) link.setAttribute("aria-current", "page");
    return link;
  }));
  document.title = `${titleOf(name)} · API docs · Audience Mock`;
  const spec = await getJson(`/openapi/${name}.json`);
  moveServers(spec);
  const adminToken = sessionStorage.getItem("audience-mock-admin-token");
  SwaggerUIBundle({
    spec,
    dom_id: "#swagger",
    deepLinking: false,
    validatorUrl: null,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    showExtensions: false,
    syntaxHighlight: { activated: true },
    presets: [SwaggerUIBundle.presets.apis],
    requestInterceptor: (request) => authorized(request, name, adminToken),
  });
}

// To the page's own prefix and world, whatever the server knows of proxies before it: relative as a rule, and
// absolute where it was told its public URL.
function moveServers(spec) {
  const pathOf = ({ url }) => new URL(url, location.origin).pathname;
  const isPublic = spec.servers.some(({ url }) => !url.startsWith("/"));
  const shortest = spec.servers.map(pathOf).sort((one, other) => one.length - other.length)[0].replace(/\/$/, "");
  const root = isPublic ? (shortest.startsWith(prefix) && prefix ? prefix : shortest) : "";
  const here = (servers) => servers.slice(0, 1).map((server) => ({ url: (base + pathOf(server).slice(root.length)).replace(/(?<=.)\/$/, "") || "/" }));
  for (const path of Object.values(spec.paths)) {
    for (const operation of Object.values(path)) if (operation.servers) operation.servers = here(operation.servers);
  }
  spec.servers = here(spec.servers);
}

// Swagger UI asks for OAuth in several steps; the mock accepts any token, so each call gets one.
function authorized(request, name, adminToken) {
  const given = Object.keys(request.headers).find((header) => header.toLowerCase() === "authorization");
  const own = adminToken ? `Bearer ${adminToken}` : undefined;
  const authorization = AUTHORIZATIONS[name] ?? own;
  if (given === undefined && authorization !== undefined) request.headers.Authorization = authorization;
  return request;
}

addEventListener("hashchange", show);
show();
