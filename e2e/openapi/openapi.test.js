// The OpenAPI document, as its official schema judges it, and the page to try it, in a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { startBrowser } from "../support/browser.js";
import { http, rest } from "../support/http.js";
import { commandOutput } from "../support/process.js";
import { sharedServer } from "../support/server.js";

const server = sharedServer();
const chromium = startBrowser();

test("the document is valid OpenAPI 3.1, and the same as the command line prints", async () => {
  const { status, text } = await http("GET", `${server.url}/openapi.json`);
  assert.equal(status, 200);
  assert.equal(text, await commandOutput("openapi"));
  const document = JSON.parse(text);
  assert.match(document.openapi, /^3\.1\./);
  const validator = new Validator();
  const { valid, errors } = await validator.validate(document);
  assert.ok(valid, JSON.stringify(errors, null, 2));
  // Every reference leads somewhere; this throws if one does not.
  assert.ok(validator.resolveRefs().paths);
});

test("a token is pasted on the page, a household is made there, and read", async () => {
  const token = server.token({ sub: "anna", name: "Anna" });
  const page = await chromium.context.newPage();
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));

  await page.goto(`${server.url}/docs`);
  await page.getByRole("button", { name: "Authorize" }).click();
  const dialog = page.locator(".modal-ux");
  const inHeader = dialog.locator(".auth-container", { hasText: "token (http, Bearer)" });
  await inHeader.getByRole("textbox").fill(token);
  await inHeader.getByRole("button", { name: "Apply credentials" }).click();
  await dialog.locator(".close-modal").click();

  const made = await execute(page, "household", "household_create_household", '{"name":"Our home"}');
  assert.equal(made.status, 201);
  assert.equal(made.json.name, "Our home");
  const listed = await execute(page, "household", "household_list_households");
  assert.equal(listed.status, 200);
  assert.deepEqual(
    listed.json.map(({ id }) => id),
    [made.json.id],
  );
  assert.deepEqual((await rest("GET", `${server.url}/households`, { token })).json, listed.json);

  assert.deepEqual(troubles, []);
  const elsewhere = asked.filter((url) => !url.startsWith(server.url) && !url.startsWith("data:"));
  assert.deepEqual(elsewhere, [], "the page asks nobody but our server");
  await page.close();
});

// Fills in and sends an operation's form, and reads what the page shows of the answer.
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
