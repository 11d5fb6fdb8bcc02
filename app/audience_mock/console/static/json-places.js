// Where things are in a JSON text: lines and columns, counted from 1.

function at(text, offset) {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1).length + 1 };
}

// The first error of a text that is no JSON, or null. Browsers word errors differently, so it is found here.
export function syntaxError(text) {
  const error = scan(text, null).error;
  return error ? { ...at(text, error.offset), why: error.why } : null;
}

// The place of a value by its path (keys and indices), or of the last part of it that is there.
export function placeOf(text, path) {
  return at(text, scan(text, path).offset);
}

const NUMBER = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

// One pass over the text, which remembers the deepest value on the path. A stack of its own: a file may be deep.
function scan(text, path) {
  let offset = 0, found = 0, depthFound = -1;
  const stop = (why, place = offset) => ({ offset: found, error: { offset: place, why } });
  const space = () => {
    while (offset < text.length && " \t\n\r".includes(text[offset])) offset += 1;
  };
  const match = (pattern) => {
    pattern.lastIndex = offset;
    const [token] = pattern.exec(text) ?? [null];
    if (token !== null) offset += token.length;
    return token;
  };
  // Open containers: { isList, index, key, onPath }.
  const stack = [];
  const onPath = () => path !== null && stack.every((each, depth) => depth < path.length && String(each.isList ? each.index : each.key) === path[depth]);
  for (;;) {
    space();
    // A value
    if (onPath() && stack.length > depthFound) {
      found = offset;
      depthFound = stack.length;
    }
    const sign = text[offset];
    let opened = false;
    if (sign === undefined) return stop("the text ends here");
    if (sign === "{" || sign === "[") {
      offset += 1;
      stack.push({ isList: sign === "[", index: 0, key: null });
      opened = true;
    } else if (sign === '"') {
      if (match(STRING) === null) return stop("this text has no end, or a character that must be escaped");
    } else {
      const word = ["true", "false", "null"].find((each) => text.startsWith(each, offset));
      if (word) offset += word.length;
      else if (match(NUMBER) === null) return stop("a value is expected here");
    }
    // What follows it
    for (;;) {
      space();
      const inner = stack.at(-1);
      if (inner === undefined) return offset < text.length ? stop("there is more after the end") : { offset: found, error: null };
      const end = inner.isList ? "]" : "}";
      if (text[offset] === end) {
        offset += 1;
        stack.pop();
        opened = false;
        continue;
      }
      if (!opened) {
        const comma = offset;
        if (text[offset] !== ",") return stop(`a comma or ${end} is expected here`);
        offset += 1;
        inner.index += 1;
        space();
        if (text[offset] === end) return stop(`there is a comma before ${end}`, comma);
      }
      if (!inner.isList) {
        const name = text[offset] === '"' ? match(STRING) : null;
        if (name === null) return stop("a key in double quotes is expected here");
        inner.key = JSON.parse(name);
        space();
        if (text[offset] !== ":") return stop("a colon is expected here");
        offset += 1;
      }
      break;
    }
  }
}
