// Swagger UI over the descriptions that this server serves, set up so that "Try it out" works at once: its calls
// go to this server, to the world in view, with a token.

const APIS = { pinterest: "Pinterest", pitchtarget: "PitchTarget", control: "Control API" };
// Accepted by default; a world may be set to accept known tokens only, and the page has a button for those.
const AUTHORIZATIONS = { pinterest: "Bearer pina_anything", pitchtarget: "OAuth anything" };

const base = location.pathname.replace(/\/docs$/, "");
const prefix = base.replace(/\/worlds\/[^/]+$/, "");
const world = decodeURIComponent(base.match(/\/worlds\/([^/]+)$/)?.[1] ?? "default");
const chosen = () => (location.hash.slice(2).split("/")[0] in APIS ? location.hash.slice(2).split("/")[0] : "pinterest");

document.getElementById("console").href = `${base}/__admin/ui/`;
document.getElementById("world").textContent = `world ${world}`;

let shown = null;

async function show() {
  const name = chosen();
  if (name === shown) return;
  shown = name;
  document.getElementById("apis").replaceChildren(...Object.entries(APIS).map(([api, title]) => {
    const link = Object.assign(document.createElement("a"), { href: `#/${api}`, textContent: title });
    if (api === name) link.setAttribute("aria-current", "page");
    return link;
  }));
  document.title = `${APIS[name]} · API docs · Audience Mock`;
  const spec = await (await fetch(`${base}/openapi/${name}.json`)).json();
  // At the page's own prefix, so that calls stay behind a proxy and in this world, whatever the server knows of it.
  const pathOf = (url) => [prefix, `/worlds/${world}`].reduce((path, start) => (path.startsWith(`${start}/`) ? path.slice(start.length) : path), new URL(url, location.origin).pathname);
  const here = (servers) => servers.slice(0, 1).map((server) => ({ url: (base + pathOf(server.url)).replace(/(?<=.)\/$/, "") || "/" }));
  spec.servers = here(spec.servers);
  for (const path of Object.values(spec.paths)) for (const operation of Object.values(path)) if (operation.servers) operation.servers = here(operation.servers);
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
