// The OpenAPI document, validated with the official schema, and the page to try the API, in a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { startBrowser } from "../support/browser.js";
import { http, rest } from "../support/http.js";
import { commandOutput } from "../support/process.js";
import { sharedServer } from "../support/server.js";

const server = sharedServer();
const chromium = startBrowser();

test("the document is valid OpenAPI 3.1, and equals the output of `roomcast openapi`", async () => {
  const { status, text } = await http("GET", `${server.url}/openapi.json`);
  assert.equal(status, 200);
  assert.equal(text, await commandOutput("openapi"));
  const document = JSON.parse(text);
  assert.match(document.openapi, /^3\.1\./);
  const validator = new Validator();
  const { valid, errors } = await validator.validate(document);
  assert.ok(valid, JSON.stringify(errors, null, 2));
  // This throws if a reference does not resolve.
  assert.ok(validator.resolveRefs().paths);
});

test("a user enters a token on the page, and creates and lists a household", async () => {
  const token = server.token({ sub: "anna", name: "Anna" });
  const page = await chromium.context.newPage();
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));

  await page.goto(`${server.url}/docs`);
  await page.getByRole("button", { name: "Authorize" }).click();
  const dialog = page.locator(".modal-ux");
  const inHeader = dialog.locator(".auth-container", { hasText: "token (http, Bearer)" });
  await inHeader.getByRole("textbox").fill(token);
  await inHeader.getByRole("button", { name: "Apply credentials" }).click();
  await dialog.locator(".close-modal").click();

  const created = await execute(page, "household", "household_create_household", '{"name":"Our home"}');
  assert.equal(created.status, 201);
  assert.equal(created.json.name, "Our home");
  const listed = await execute(page, "household", "household_list_households");
  assert.equal(listed.status, 200);
  assert.deepEqual(
    listed.json.map(({ id }) => id),
    [created.json.id],
  );
  assert.deepEqual((await rest("GET", `${server.url}/households`, { token })).json, listed.json);

  assert.deepEqual(errors, []);
  const elsewhere = requests.filter((url) => !url.startsWith(server.url) && !url.startsWith("data:"));
  assert.deepEqual(elsewhere, [], "the page sends requests to this server only");
  await page.close();
});

// Fills in and sends the form of an operation, and reads the response from the page.
async function execute(page, tag, operation, body) {
  const section = page.locator(`#operations-tag-${tag}`);
  if ((await section.getAttribute("data-is-open")) !== "true") await section.click();
  const block = page.locator(`#operations-${tag}-${operation}`);
  await block.locator(".opblock-summary-control").click();
  if (body) await block.locator("textarea.body-param__text").fill(body);
  await block.getByRole("button", { name: "Execute" }).click();
  const response = block.locator(".live-responses-table .response");
  const status = Number((await response.locator(".response-col_status").textContent()).trim().slice(0, 3));
  return { status, json: JSON.parse(await response.locator(".highlight-code code").first().textContent()) };
}
