// Imports a Postman collection as Bruno does, into a folder of .bru files: MODULES COLLECTION FOLDER
const { mkdirSync, readFileSync } = require("node:fs");
const { join } = require("node:path");

const [modules, collection, folder] = process.argv.slice(2);
const { postmanToBruno } = require(join(modules, "@usebruno/converters"));
// `bru import` writes by this what it reads of other formats; of Postman's, only Bruno's application does.
const { createCollectionFromBrunoObject } = require(join(modules, "@usebruno/cli/src/utils/collection"));

(async () => {
  const found = await postmanToBruno(JSON.parse(readFileSync(collection)));
  mkdirSync(folder);
  await createCollectionFromBrunoObject(found.collection, folder, { format: "bru" });
})();
