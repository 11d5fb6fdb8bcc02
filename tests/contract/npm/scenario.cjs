// A life of ad accounts and tokens through npm's `pinterest-sdk` 1.1.0, which is generated from description
// 5.3.0: prints what the client's models held, each fact a line of JSON.
//
// Run by test_npm_client.py as `node scenario.cjs BASE_URL`, with NODE_PATH set to where the client lies.
"use strict";

const sdk = require("pinterest-sdk");

const BASE_URL = process.argv[2];

/** A client as its users make it: constructed with the base URL, the token is put in afterwards. */
function clientOf(token) {
  const client = new sdk.ApiClient(BASE_URL);
  client.authentications.pinterest_oauth2.accessToken = token;
  return client;
}

/** A client for tokens. `oauthToken` sends the grant's type and nothing else: no app, no code. Both are added
 * by what the client has for that: a default header, and a plugin of superagent, whose fields come first.
 */
function appOf(form) {
  const client = new sdk.ApiClient(BASE_URL);
  const app = Buffer.from("1234567:secret").toString("base64");
  client.defaultHeaders.Authorization = `Basic ${app}`;
  client.plugins = [(request) => request.type("form").send(new URLSearchParams(form).toString())];
  return new sdk.OauthApi(client);
}

/** Method and path of each call that the client made. */
const called = [];
const send = sdk.ApiClient.prototype.callApi;
sdk.ApiClient.prototype.callApi = function (path, method, ...more) {
  called.push(`${method} ${path}`);
  return send.call(this, path, method, ...more);
};

/** The client's callback as a promise of what a test has to see. */
function answerOf(call) {
  return new Promise((resolve) => {
    call((error, data, response) =>
      resolve({
        model: data === null ? null : data.constructor.name,
        data,
        status: response.status,
        rejection: error === null ? null : response.body,
      }),
    );
  });
}

function tell(name, fact) {
  console.log(JSON.stringify({ [name]: fact }));
}

async function main() {
  // What the client has, by its own names.
  const apis = Object.keys(sdk).filter((name) => name.endsWith("Api"));
  tell("methods", apis.flatMap((name) => Object.getOwnPropertyNames(sdk[name].prototype)));

  // Ad accounts, page by page.
  const accounts = new sdk.AdAccountsApi(clientOf("pina_test"));
  const first = await answerOf((end) => accounts.adAccountsList({ pageSize: 2 }, end));
  tell("first_page", first);
  const next = { pageSize: 2, bookmark: first.data.bookmark, includeSharedAccounts: false };
  tell("last_page", await answerOf((end) => accounts.adAccountsList(next, end)));
  tell("account", sdk.AdAccount.constructFromObject(first.data.items[0]));

  // Tokens: for a code, and for the refresh token that came with it.
  const code = { code: "code_mock.ads:read.1", redirect_uri: "https://shop.example/back" };
  tell("token", await answerOf((end) => appOf(code).oauthToken("authorization_code", end)));
  const refresh = { refresh_token: "pinr_mock.ads:read" };
  const refreshed = await answerOf((end) => appOf(refresh).oauthToken("refresh_token", end));
  tell("refreshed", refreshed);
  const again = new sdk.AdAccountsApi(clientOf(refreshed.data.access_token));
  tell("with_the_token", await answerOf((end) => again.adAccountsList({}, end)));

  // Rejections come as the callback's first argument, with the answer as the third.
  const alone = new sdk.OauthApi(new sdk.ApiClient(BASE_URL));
  tell("grant_alone", await answerOf((end) => alone.oauthToken("authorization_code", end)));
  tell("grant_without_code", await answerOf((end) => appOf({}).oauthToken("authorization_code", end)));
  const stranger = new sdk.AdAccountsApi(clientOf(null));
  tell("stranger", await answerOf((end) => stranger.adAccountsList({}, end)));
  tell("misfit", await answerOf((end) => accounts.adAccountsList({ pageSize: 251 }, end)));
  tell("called", called);
}

main();
