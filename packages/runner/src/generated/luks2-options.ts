// Generated from ../luks2/device.json#/options by generate-validators. Do not edit: change the schema and run `npm run build`.
// oxlint-disable -- generated
// @ts-nocheck -- generated

/** An unlocked LUKS2 container. */
export type Luks2OptionsSchema = {
	/** Unlocks a key slot. It ends at the first line end, as osbuild and cryptsetup have it; `key-file` takes every byte. */
	readonly passphrase?: Secret;
	/** Unlocks a key slot: every byte of it, line ends and NULs included. */
	readonly "key-file"?: Secret;
	/**
	 * How much of the beginning of `key-file` is skipped.
	 *
	 * @default 0
	 */
	readonly "keyfile-offset"?: number;
	/** How much of `key-file` is used; without it all that follows `keyfile-offset`. */
	readonly "keyfile-size"?: number;
	/** The key of the data itself, as `cryptsetup luksDump --dump-volume-key --volume-key-file` writes it. No key slot is needed. */
	readonly "volume-key-file"?: Secret;
	/** Unlocks by the tokens in the header and nothing else. */
	readonly "token-only"?: true;
	/** The only token that is tried. */
	readonly "token-id"?: number;
	/** The only type of tokens that is tried, such as `luks2-keyring`. */
	readonly "token-type"?: string;
	/** The only key slot that passphrase or key file are tried on. */
	readonly "key-slot"?: number;
	/** A detached header: a file beneath the tree; a leading `/` is the tree. The parent holds nothing but data then. */
	readonly header?: string;
	/**
	 * Nothing can be written.
	 *
	 * @default false
	 */
	readonly "read-only"?: boolean;
	/**
	 * Discards (TRIM) reach the parent, and with them, which parts are in use can be seen there.
	 *
	 * @default false
	 */
	readonly "allow-discards"?: boolean;
	/** The sector size that the container must have been made with: another one is an error. */
	readonly "sector-size"?: 512 | 1024 | 2048 | 4096;
	/** What must guard the data against changes, as luksFormat calls it, or `none`: another one is an error. */
	readonly integrity?: string;
	/**
	 * Writes data and tags without a journal: quicker, and damaged where the machine stops in between.
	 *
	 * @default false
	 */
	readonly "integrity-no-journal"?: boolean;
	/**
	 * Encrypts on the processor that asked for it.
	 *
	 * @default false
	 */
	readonly "same-cpu-crypt"?: boolean;
	/**
	 * Sends writes on from where they were encrypted, unsorted.
	 *
	 * @default false
	 */
	readonly "submit-from-crypt-cpus"?: boolean;
	/**
	 * Decrypts at once instead of in a queue.
	 *
	 * @default false
	 */
	readonly "no-read-workqueue"?: boolean;
	/**
	 * Encrypts at once instead of in a queue.
	 *
	 * @default false
	 */
	readonly "no-write-workqueue"?: boolean;
	/**
	 * Hands the key to dm-crypt without the kernel's keyring, for containers that forbid that.
	 *
	 * @default false
	 */
	readonly "disable-keyring"?: boolean;
};

/** A secret: a string, or where its bytes are taken from when the device is opened. `trim` leaves one line feed at their end out, which they keep otherwise. */
export type Secret = string | {
	readonly env: string;
	/** @default false */
	readonly trim?: boolean;
} | {
	readonly file: string;
	/** @default false */
	readonly trim?: boolean;
} | {
	readonly fd: number;
	/** @default false */
	readonly trim?: boolean;
} | {
	readonly command: readonly string[];
	/**
	 * Seconds after which it is ended.
	 *
	 * @default 60
	 */
	readonly timeout?: number;
	/** @default false */
	readonly trim?: boolean;
} | {
	readonly credential: string;
	/** @default false */
	readonly trim?: boolean;
} | {
	readonly keyring: string;
	/** @default false */
	readonly trim?: boolean;
} | {
	readonly prompt: string;
};

/** One thing that is wrong with a value, in the terms of its JSON Schema. */
export interface SchemaProblem {
	/** JSON pointer to the offending part of the value; empty for the value itself. */
	readonly instancePath: string;
	/** JSON pointer, with a leading `#`, to the keyword in the schema. */
	readonly schemaPath: string;
	/** The keyword that is not satisfied, such as `type`, `required`, `additionalProperties`. */
	readonly keyword: string;
	/** What the keyword asks for, such as `{ type: "integer" }` or `{ missingProperty: "filename" }`. */
	readonly params: Readonly<Record<string, unknown>>;
}

/** Finds everything that keeps `value` from being {@link Luks2OptionsSchema}; nothing when it is. */
export function findLuks2OptionsSchemaProblems(value: unknown): readonly SchemaProblem[] {
	return validate(value) ? [] : validate.errors;
}

var __getOwnPropNames = Object.getOwnPropertyNames;
var __commonJS = (cb, mod) => function __require() {
  try {
    return mod || (0, cb[__getOwnPropNames(cb)[0]])((mod = { exports: {} }).exports, mod), mod.exports;
  } catch (e) {
    throw mod = 0, e;
  }
};

var require_ucs2length = __commonJS({
  "dist/runtime/ucs2length.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    function ucs2length(str) {
      const len = str.length;
      let length = 0;
      let pos = 0;
      let value;
      while (pos < len) {
        length++;
        value = str.charCodeAt(pos++);
        if (value >= 55296 && value <= 56319 && pos < len) {
          value = str.charCodeAt(pos);
          if ((value & 64512) === 56320)
            pos++;
        }
      }
      return length;
    }
    exports.default = ucs2length;
    ucs2length.code = 'require("ajv/dist/runtime/ucs2length").default';
  }
});

var validate = validate15;
var schema38 = { "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false, "oneOf": [{ "required": ["passphrase"] }, { "required": ["key-file"] }, { "required": ["volume-key-file"] }, { "required": ["token-only"] }], "dependentRequired": { "keyfile-offset": ["key-file"], "keyfile-size": ["key-file"], "token-id": ["token-only"], "token-type": ["token-only"] }, "dependentSchemas": { "key-slot": { "anyOf": [{ "required": ["passphrase"] }, { "required": ["key-file"] }] } }, "properties": { "passphrase": { "$ref": "#/$defs/secret" }, "key-file": { "$ref": "#/$defs/secret", "type": "object" }, "keyfile-offset": { "type": "integer", "minimum": 0 }, "keyfile-size": { "type": "integer", "minimum": 1, "maximum": 8388608 }, "volume-key-file": { "$ref": "#/$defs/secret", "type": "object" }, "token-only": { "const": true }, "token-id": { "type": "integer", "minimum": 0, "maximum": 31 }, "token-type": { "type": "string", "pattern": "^[ -~]+$" }, "key-slot": { "type": "integer", "minimum": 0, "maximum": 31 }, "header": { "type": "string", "pattern": "^/*[^/\\u0000][^\\u0000]*$" }, "read-only": { "type": "boolean" }, "allow-discards": { "type": "boolean" }, "sector-size": { "anyOf": [{ "const": 512 }, { "const": 1024 }, { "const": 2048 }, { "const": 4096 }] }, "integrity": { "type": "string", "pattern": "^[a-z0-9()-]+$" }, "integrity-no-journal": { "type": "boolean" }, "same-cpu-crypt": { "type": "boolean" }, "submit-from-crypt-cpus": { "type": "boolean" }, "no-read-workqueue": { "type": "boolean" }, "no-write-workqueue": { "type": "boolean" }, "disable-keyring": { "type": "boolean" } }, "$defs": { "secret": { "anyOf": [{ "type": "string" }, { "type": "object", "additionalProperties": false, "required": ["env"], "properties": { "env": { "type": "string", "pattern": "^[^=\\u0000]+$" }, "trim": { "type": "boolean" } } }, { "type": "object", "additionalProperties": false, "required": ["file"], "properties": { "file": { "type": "string", "pattern": "^[^\\u0000]+$" }, "trim": { "type": "boolean" } } }, { "type": "object", "additionalProperties": false, "required": ["fd"], "properties": { "fd": { "type": "integer", "minimum": 0, "maximum": 2147483647 }, "trim": { "type": "boolean" } } }, { "type": "object", "additionalProperties": false, "required": ["command"], "properties": { "command": { "type": "array", "minItems": 1, "items": { "type": "string", "pattern": "^[^\\u0000]*$" } }, "timeout": { "type": "number", "exclusiveMinimum": 0 }, "trim": { "type": "boolean" } } }, { "type": "object", "additionalProperties": false, "required": ["credential"], "properties": { "credential": { "type": "string", "pattern": "^(?!\\.{1,2}$)[^/\\u0000]+$" }, "trim": { "type": "boolean" } } }, { "type": "object", "additionalProperties": false, "required": ["keyring"], "properties": { "keyring": { "type": "string", "pattern": "^[^\\u0000]+$", "maxLength": 4095 }, "trim": { "type": "boolean" } } }, { "type": "object", "additionalProperties": false, "required": ["prompt"], "properties": { "prompt": { "type": "string", "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]+$" } } }] } } };
var func1 = Object.prototype.hasOwnProperty;
var pattern4 = new RegExp("^[^=\\u0000]+$", "u");
var pattern5 = new RegExp("^[^\\u0000]+$", "u");
var pattern6 = new RegExp("^[^\\u0000]*$", "u");
var pattern7 = new RegExp("^(?!\\.{1,2}$)[^/\\u0000]+$", "u");
var pattern9 = new RegExp("^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]+$", "u");
var func2 = require_ucs2length().default;
function validate16(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate16.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  const _errs0 = errors;
  let valid0 = false;
  const _errs1 = errors;
  if (typeof data !== "string") {
    const err0 = { instancePath, schemaPath: "#/anyOf/0/type", keyword: "type", params: { type: "string" } };
    if (vErrors === null) {
      vErrors = [err0];
    } else {
      vErrors.push(err0);
    }
    errors++;
  }
  var _valid0 = _errs1 === errors;
  valid0 = valid0 || _valid0;
  const _errs3 = errors;
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data.env === void 0) {
      const err1 = { instancePath, schemaPath: "#/anyOf/1/required", keyword: "required", params: { missingProperty: "env" } };
      if (vErrors === null) {
        vErrors = [err1];
      } else {
        vErrors.push(err1);
      }
      errors++;
    }
    for (const key0 in data) {
      if (!(key0 === "env" || key0 === "trim")) {
        const err2 = { instancePath, schemaPath: "#/anyOf/1/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key0 } };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
    }
    if (data.env !== void 0) {
      let data0 = data.env;
      if (typeof data0 === "string") {
        if (!pattern4.test(data0)) {
          const err3 = { instancePath: instancePath + "/env", schemaPath: "#/anyOf/1/properties/env/pattern", keyword: "pattern", params: { pattern: "^[^=\\u0000]+$" } };
          if (vErrors === null) {
            vErrors = [err3];
          } else {
            vErrors.push(err3);
          }
          errors++;
        }
      } else {
        const err4 = { instancePath: instancePath + "/env", schemaPath: "#/anyOf/1/properties/env/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
    }
    if (data.trim !== void 0) {
      if (typeof data.trim !== "boolean") {
        const err5 = { instancePath: instancePath + "/trim", schemaPath: "#/anyOf/1/properties/trim/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err5];
        } else {
          vErrors.push(err5);
        }
        errors++;
      }
    }
  } else {
    const err6 = { instancePath, schemaPath: "#/anyOf/1/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err6];
    } else {
      vErrors.push(err6);
    }
    errors++;
  }
  var _valid0 = _errs3 === errors;
  valid0 = valid0 || _valid0;
  if (_valid0) {
    var props0 = true;
  }
  const _errs10 = errors;
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data.file === void 0) {
      const err7 = { instancePath, schemaPath: "#/anyOf/2/required", keyword: "required", params: { missingProperty: "file" } };
      if (vErrors === null) {
        vErrors = [err7];
      } else {
        vErrors.push(err7);
      }
      errors++;
    }
    for (const key1 in data) {
      if (!(key1 === "file" || key1 === "trim")) {
        const err8 = { instancePath, schemaPath: "#/anyOf/2/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key1 } };
        if (vErrors === null) {
          vErrors = [err8];
        } else {
          vErrors.push(err8);
        }
        errors++;
      }
    }
    if (data.file !== void 0) {
      let data2 = data.file;
      if (typeof data2 === "string") {
        if (!pattern5.test(data2)) {
          const err9 = { instancePath: instancePath + "/file", schemaPath: "#/anyOf/2/properties/file/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]+$" } };
          if (vErrors === null) {
            vErrors = [err9];
          } else {
            vErrors.push(err9);
          }
          errors++;
        }
      } else {
        const err10 = { instancePath: instancePath + "/file", schemaPath: "#/anyOf/2/properties/file/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err10];
        } else {
          vErrors.push(err10);
        }
        errors++;
      }
    }
    if (data.trim !== void 0) {
      if (typeof data.trim !== "boolean") {
        const err11 = { instancePath: instancePath + "/trim", schemaPath: "#/anyOf/2/properties/trim/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err11];
        } else {
          vErrors.push(err11);
        }
        errors++;
      }
    }
  } else {
    const err12 = { instancePath, schemaPath: "#/anyOf/2/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err12];
    } else {
      vErrors.push(err12);
    }
    errors++;
  }
  var _valid0 = _errs10 === errors;
  valid0 = valid0 || _valid0;
  if (_valid0) {
    if (props0 !== true) {
      props0 = true;
    }
  }
  const _errs17 = errors;
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data.fd === void 0) {
      const err13 = { instancePath, schemaPath: "#/anyOf/3/required", keyword: "required", params: { missingProperty: "fd" } };
      if (vErrors === null) {
        vErrors = [err13];
      } else {
        vErrors.push(err13);
      }
      errors++;
    }
    for (const key2 in data) {
      if (!(key2 === "fd" || key2 === "trim")) {
        const err14 = { instancePath, schemaPath: "#/anyOf/3/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key2 } };
        if (vErrors === null) {
          vErrors = [err14];
        } else {
          vErrors.push(err14);
        }
        errors++;
      }
    }
    if (data.fd !== void 0) {
      let data4 = data.fd;
      if (!(typeof data4 == "number" && (!(data4 % 1) && !isNaN(data4)) && isFinite(data4))) {
        const err15 = { instancePath: instancePath + "/fd", schemaPath: "#/anyOf/3/properties/fd/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err15];
        } else {
          vErrors.push(err15);
        }
        errors++;
      }
      if (typeof data4 == "number" && isFinite(data4)) {
        if (data4 > 2147483647 || isNaN(data4)) {
          const err16 = { instancePath: instancePath + "/fd", schemaPath: "#/anyOf/3/properties/fd/maximum", keyword: "maximum", params: { comparison: "<=", limit: 2147483647 } };
          if (vErrors === null) {
            vErrors = [err16];
          } else {
            vErrors.push(err16);
          }
          errors++;
        }
        if (data4 < 0 || isNaN(data4)) {
          const err17 = { instancePath: instancePath + "/fd", schemaPath: "#/anyOf/3/properties/fd/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err17];
          } else {
            vErrors.push(err17);
          }
          errors++;
        }
      }
    }
    if (data.trim !== void 0) {
      if (typeof data.trim !== "boolean") {
        const err18 = { instancePath: instancePath + "/trim", schemaPath: "#/anyOf/3/properties/trim/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err18];
        } else {
          vErrors.push(err18);
        }
        errors++;
      }
    }
  } else {
    const err19 = { instancePath, schemaPath: "#/anyOf/3/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err19];
    } else {
      vErrors.push(err19);
    }
    errors++;
  }
  var _valid0 = _errs17 === errors;
  valid0 = valid0 || _valid0;
  if (_valid0) {
    if (props0 !== true) {
      props0 = true;
    }
  }
  const _errs24 = errors;
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data.command === void 0) {
      const err20 = { instancePath, schemaPath: "#/anyOf/4/required", keyword: "required", params: { missingProperty: "command" } };
      if (vErrors === null) {
        vErrors = [err20];
      } else {
        vErrors.push(err20);
      }
      errors++;
    }
    for (const key3 in data) {
      if (!(key3 === "command" || key3 === "timeout" || key3 === "trim")) {
        const err21 = { instancePath, schemaPath: "#/anyOf/4/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key3 } };
        if (vErrors === null) {
          vErrors = [err21];
        } else {
          vErrors.push(err21);
        }
        errors++;
      }
    }
    if (data.command !== void 0) {
      let data6 = data.command;
      if (Array.isArray(data6)) {
        if (data6.length < 1) {
          const err22 = { instancePath: instancePath + "/command", schemaPath: "#/anyOf/4/properties/command/minItems", keyword: "minItems", params: { limit: 1 } };
          if (vErrors === null) {
            vErrors = [err22];
          } else {
            vErrors.push(err22);
          }
          errors++;
        }
        const len0 = data6.length;
        for (let i0 = 0; i0 < len0; i0++) {
          let data7 = data6[i0];
          if (typeof data7 === "string") {
            if (!pattern6.test(data7)) {
              const err23 = { instancePath: instancePath + "/command/" + i0, schemaPath: "#/anyOf/4/properties/command/items/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]*$" } };
              if (vErrors === null) {
                vErrors = [err23];
              } else {
                vErrors.push(err23);
              }
              errors++;
            }
          } else {
            const err24 = { instancePath: instancePath + "/command/" + i0, schemaPath: "#/anyOf/4/properties/command/items/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err24];
            } else {
              vErrors.push(err24);
            }
            errors++;
          }
        }
      } else {
        const err25 = { instancePath: instancePath + "/command", schemaPath: "#/anyOf/4/properties/command/type", keyword: "type", params: { type: "array" } };
        if (vErrors === null) {
          vErrors = [err25];
        } else {
          vErrors.push(err25);
        }
        errors++;
      }
    }
    if (data.timeout !== void 0) {
      let data8 = data.timeout;
      if (typeof data8 == "number" && isFinite(data8)) {
        if (data8 <= 0 || isNaN(data8)) {
          const err26 = { instancePath: instancePath + "/timeout", schemaPath: "#/anyOf/4/properties/timeout/exclusiveMinimum", keyword: "exclusiveMinimum", params: { comparison: ">", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err26];
          } else {
            vErrors.push(err26);
          }
          errors++;
        }
      } else {
        const err27 = { instancePath: instancePath + "/timeout", schemaPath: "#/anyOf/4/properties/timeout/type", keyword: "type", params: { type: "number" } };
        if (vErrors === null) {
          vErrors = [err27];
        } else {
          vErrors.push(err27);
        }
        errors++;
      }
    }
    if (data.trim !== void 0) {
      if (typeof data.trim !== "boolean") {
        const err28 = { instancePath: instancePath + "/trim", schemaPath: "#/anyOf/4/properties/trim/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err28];
        } else {
          vErrors.push(err28);
        }
        errors++;
      }
    }
  } else {
    const err29 = { instancePath, schemaPath: "#/anyOf/4/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err29];
    } else {
      vErrors.push(err29);
    }
    errors++;
  }
  var _valid0 = _errs24 === errors;
  valid0 = valid0 || _valid0;
  if (_valid0) {
    if (props0 !== true) {
      props0 = true;
    }
  }
  const _errs35 = errors;
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data.credential === void 0) {
      const err30 = { instancePath, schemaPath: "#/anyOf/5/required", keyword: "required", params: { missingProperty: "credential" } };
      if (vErrors === null) {
        vErrors = [err30];
      } else {
        vErrors.push(err30);
      }
      errors++;
    }
    for (const key4 in data) {
      if (!(key4 === "credential" || key4 === "trim")) {
        const err31 = { instancePath, schemaPath: "#/anyOf/5/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key4 } };
        if (vErrors === null) {
          vErrors = [err31];
        } else {
          vErrors.push(err31);
        }
        errors++;
      }
    }
    if (data.credential !== void 0) {
      let data10 = data.credential;
      if (typeof data10 === "string") {
        if (!pattern7.test(data10)) {
          const err32 = { instancePath: instancePath + "/credential", schemaPath: "#/anyOf/5/properties/credential/pattern", keyword: "pattern", params: { pattern: "^(?!\\.{1,2}$)[^/\\u0000]+$" } };
          if (vErrors === null) {
            vErrors = [err32];
          } else {
            vErrors.push(err32);
          }
          errors++;
        }
      } else {
        const err33 = { instancePath: instancePath + "/credential", schemaPath: "#/anyOf/5/properties/credential/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err33];
        } else {
          vErrors.push(err33);
        }
        errors++;
      }
    }
    if (data.trim !== void 0) {
      if (typeof data.trim !== "boolean") {
        const err34 = { instancePath: instancePath + "/trim", schemaPath: "#/anyOf/5/properties/trim/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err34];
        } else {
          vErrors.push(err34);
        }
        errors++;
      }
    }
  } else {
    const err35 = { instancePath, schemaPath: "#/anyOf/5/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err35];
    } else {
      vErrors.push(err35);
    }
    errors++;
  }
  var _valid0 = _errs35 === errors;
  valid0 = valid0 || _valid0;
  if (_valid0) {
    if (props0 !== true) {
      props0 = true;
    }
  }
  const _errs42 = errors;
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data.keyring === void 0) {
      const err36 = { instancePath, schemaPath: "#/anyOf/6/required", keyword: "required", params: { missingProperty: "keyring" } };
      if (vErrors === null) {
        vErrors = [err36];
      } else {
        vErrors.push(err36);
      }
      errors++;
    }
    for (const key5 in data) {
      if (!(key5 === "keyring" || key5 === "trim")) {
        const err37 = { instancePath, schemaPath: "#/anyOf/6/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key5 } };
        if (vErrors === null) {
          vErrors = [err37];
        } else {
          vErrors.push(err37);
        }
        errors++;
      }
    }
    if (data.keyring !== void 0) {
      let data12 = data.keyring;
      if (typeof data12 === "string") {
        if (func2(data12) > 4095) {
          const err38 = { instancePath: instancePath + "/keyring", schemaPath: "#/anyOf/6/properties/keyring/maxLength", keyword: "maxLength", params: { limit: 4095 } };
          if (vErrors === null) {
            vErrors = [err38];
          } else {
            vErrors.push(err38);
          }
          errors++;
        }
        if (!pattern5.test(data12)) {
          const err39 = { instancePath: instancePath + "/keyring", schemaPath: "#/anyOf/6/properties/keyring/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]+$" } };
          if (vErrors === null) {
            vErrors = [err39];
          } else {
            vErrors.push(err39);
          }
          errors++;
        }
      } else {
        const err40 = { instancePath: instancePath + "/keyring", schemaPath: "#/anyOf/6/properties/keyring/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err40];
        } else {
          vErrors.push(err40);
        }
        errors++;
      }
    }
    if (data.trim !== void 0) {
      if (typeof data.trim !== "boolean") {
        const err41 = { instancePath: instancePath + "/trim", schemaPath: "#/anyOf/6/properties/trim/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err41];
        } else {
          vErrors.push(err41);
        }
        errors++;
      }
    }
  } else {
    const err42 = { instancePath, schemaPath: "#/anyOf/6/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err42];
    } else {
      vErrors.push(err42);
    }
    errors++;
  }
  var _valid0 = _errs42 === errors;
  valid0 = valid0 || _valid0;
  if (_valid0) {
    if (props0 !== true) {
      props0 = true;
    }
  }
  const _errs49 = errors;
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data.prompt === void 0) {
      const err43 = { instancePath, schemaPath: "#/anyOf/7/required", keyword: "required", params: { missingProperty: "prompt" } };
      if (vErrors === null) {
        vErrors = [err43];
      } else {
        vErrors.push(err43);
      }
      errors++;
    }
    for (const key6 in data) {
      if (!(key6 === "prompt")) {
        const err44 = { instancePath, schemaPath: "#/anyOf/7/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key6 } };
        if (vErrors === null) {
          vErrors = [err44];
        } else {
          vErrors.push(err44);
        }
        errors++;
      }
    }
    if (data.prompt !== void 0) {
      let data14 = data.prompt;
      if (typeof data14 === "string") {
        if (!pattern9.test(data14)) {
          const err45 = { instancePath: instancePath + "/prompt", schemaPath: "#/anyOf/7/properties/prompt/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]+$" } };
          if (vErrors === null) {
            vErrors = [err45];
          } else {
            vErrors.push(err45);
          }
          errors++;
        }
      } else {
        const err46 = { instancePath: instancePath + "/prompt", schemaPath: "#/anyOf/7/properties/prompt/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err46];
        } else {
          vErrors.push(err46);
        }
        errors++;
      }
    }
  } else {
    const err47 = { instancePath, schemaPath: "#/anyOf/7/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err47];
    } else {
      vErrors.push(err47);
    }
    errors++;
  }
  var _valid0 = _errs49 === errors;
  valid0 = valid0 || _valid0;
  if (_valid0) {
    if (props0 !== true) {
      props0 = true;
    }
  }
  if (!valid0) {
    const err48 = { instancePath, schemaPath: "#/anyOf", keyword: "anyOf", params: {} };
    if (vErrors === null) {
      vErrors = [err48];
    } else {
      vErrors.push(err48);
    }
    errors++;
  } else {
    errors = _errs0;
    if (vErrors !== null) {
      if (_errs0) {
        vErrors.length = _errs0;
      } else {
        vErrors = null;
      }
    }
  }
  validate16.errors = vErrors;
  evaluated0.props = props0;
  return errors === 0;
}
validate16.evaluated = { "dynamicProps": true, "dynamicItems": false };
var pattern10 = new RegExp("^[ -~]+$", "u");
var pattern11 = new RegExp("^/*[^/\\u0000][^\\u0000]*$", "u");
var pattern12 = new RegExp("^[a-z0-9()-]+$", "u");
function validate15(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate15.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  const _errs1 = errors;
  let valid0 = false;
  let passing0 = null;
  const _errs2 = errors;
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data.passphrase === void 0) {
      const err0 = { instancePath, schemaPath: "#/oneOf/0/required", keyword: "required", params: { missingProperty: "passphrase" } };
      if (vErrors === null) {
        vErrors = [err0];
      } else {
        vErrors.push(err0);
      }
      errors++;
    }
  }
  var _valid0 = _errs2 === errors;
  if (_valid0) {
    valid0 = true;
    passing0 = 0;
  }
  const _errs3 = errors;
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data["key-file"] === void 0) {
      const err1 = { instancePath, schemaPath: "#/oneOf/1/required", keyword: "required", params: { missingProperty: "key-file" } };
      if (vErrors === null) {
        vErrors = [err1];
      } else {
        vErrors.push(err1);
      }
      errors++;
    }
  }
  var _valid0 = _errs3 === errors;
  if (_valid0 && valid0) {
    valid0 = false;
    passing0 = [passing0, 1];
  } else {
    if (_valid0) {
      valid0 = true;
      passing0 = 1;
    }
    const _errs4 = errors;
    if (data && typeof data == "object" && !Array.isArray(data)) {
      if (data["volume-key-file"] === void 0) {
        const err2 = { instancePath, schemaPath: "#/oneOf/2/required", keyword: "required", params: { missingProperty: "volume-key-file" } };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
    }
    var _valid0 = _errs4 === errors;
    if (_valid0 && valid0) {
      valid0 = false;
      passing0 = [passing0, 2];
    } else {
      if (_valid0) {
        valid0 = true;
        passing0 = 2;
      }
      const _errs5 = errors;
      if (data && typeof data == "object" && !Array.isArray(data)) {
        if (data["token-only"] === void 0) {
          const err3 = { instancePath, schemaPath: "#/oneOf/3/required", keyword: "required", params: { missingProperty: "token-only" } };
          if (vErrors === null) {
            vErrors = [err3];
          } else {
            vErrors.push(err3);
          }
          errors++;
        }
      }
      var _valid0 = _errs5 === errors;
      if (_valid0 && valid0) {
        valid0 = false;
        passing0 = [passing0, 3];
      } else {
        if (_valid0) {
          valid0 = true;
          passing0 = 3;
        }
      }
    }
  }
  if (!valid0) {
    const err4 = { instancePath, schemaPath: "#/oneOf", keyword: "oneOf", params: { passingSchemas: passing0 } };
    if (vErrors === null) {
      vErrors = [err4];
    } else {
      vErrors.push(err4);
    }
    errors++;
  } else {
    errors = _errs1;
    if (vErrors !== null) {
      if (_errs1) {
        vErrors.length = _errs1;
      } else {
        vErrors = null;
      }
    }
  }
  if (data && typeof data == "object" && !Array.isArray(data)) {
    for (const key0 in data) {
      if (!func1.call(schema38.properties, key0)) {
        const err5 = { instancePath, schemaPath: "#/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key0 } };
        if (vErrors === null) {
          vErrors = [err5];
        } else {
          vErrors.push(err5);
        }
        errors++;
      }
    }
    if (data.passphrase !== void 0) {
      if (!validate16(data.passphrase, { instancePath: instancePath + "/passphrase", parentData: data, parentDataProperty: "passphrase", rootData, dynamicAnchors })) {
        vErrors = vErrors === null ? validate16.errors : vErrors.concat(validate16.errors);
        errors = vErrors.length;
      }
    }
    if (data["key-file"] !== void 0) {
      let data1 = data["key-file"];
      if (!(data1 && typeof data1 == "object" && !Array.isArray(data1))) {
        const err6 = { instancePath: instancePath + "/key-file", schemaPath: "#/properties/key-file/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
      if (!validate16(data1, { instancePath: instancePath + "/key-file", parentData: data, parentDataProperty: "key-file", rootData, dynamicAnchors })) {
        vErrors = vErrors === null ? validate16.errors : vErrors.concat(validate16.errors);
        errors = vErrors.length;
      }
    }
    if (data["keyfile-offset"] !== void 0) {
      let data2 = data["keyfile-offset"];
      if (!(typeof data2 == "number" && (!(data2 % 1) && !isNaN(data2)) && isFinite(data2))) {
        const err7 = { instancePath: instancePath + "/keyfile-offset", schemaPath: "#/properties/keyfile-offset/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err7];
        } else {
          vErrors.push(err7);
        }
        errors++;
      }
      if (typeof data2 == "number" && isFinite(data2)) {
        if (data2 < 0 || isNaN(data2)) {
          const err8 = { instancePath: instancePath + "/keyfile-offset", schemaPath: "#/properties/keyfile-offset/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err8];
          } else {
            vErrors.push(err8);
          }
          errors++;
        }
      }
    }
    if (data["keyfile-size"] !== void 0) {
      let data3 = data["keyfile-size"];
      if (!(typeof data3 == "number" && (!(data3 % 1) && !isNaN(data3)) && isFinite(data3))) {
        const err9 = { instancePath: instancePath + "/keyfile-size", schemaPath: "#/properties/keyfile-size/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err9];
        } else {
          vErrors.push(err9);
        }
        errors++;
      }
      if (typeof data3 == "number" && isFinite(data3)) {
        if (data3 > 8388608 || isNaN(data3)) {
          const err10 = { instancePath: instancePath + "/keyfile-size", schemaPath: "#/properties/keyfile-size/maximum", keyword: "maximum", params: { comparison: "<=", limit: 8388608 } };
          if (vErrors === null) {
            vErrors = [err10];
          } else {
            vErrors.push(err10);
          }
          errors++;
        }
        if (data3 < 1 || isNaN(data3)) {
          const err11 = { instancePath: instancePath + "/keyfile-size", schemaPath: "#/properties/keyfile-size/minimum", keyword: "minimum", params: { comparison: ">=", limit: 1 } };
          if (vErrors === null) {
            vErrors = [err11];
          } else {
            vErrors.push(err11);
          }
          errors++;
        }
      }
    }
    if (data["volume-key-file"] !== void 0) {
      let data4 = data["volume-key-file"];
      if (!(data4 && typeof data4 == "object" && !Array.isArray(data4))) {
        const err12 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/properties/volume-key-file/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err12];
        } else {
          vErrors.push(err12);
        }
        errors++;
      }
      if (!validate16(data4, { instancePath: instancePath + "/volume-key-file", parentData: data, parentDataProperty: "volume-key-file", rootData, dynamicAnchors })) {
        vErrors = vErrors === null ? validate16.errors : vErrors.concat(validate16.errors);
        errors = vErrors.length;
      }
    }
    if (data["token-only"] !== void 0) {
      if (true !== data["token-only"]) {
        const err13 = { instancePath: instancePath + "/token-only", schemaPath: "#/properties/token-only/const", keyword: "const", params: { allowedValue: true } };
        if (vErrors === null) {
          vErrors = [err13];
        } else {
          vErrors.push(err13);
        }
        errors++;
      }
    }
    if (data["token-id"] !== void 0) {
      let data6 = data["token-id"];
      if (!(typeof data6 == "number" && (!(data6 % 1) && !isNaN(data6)) && isFinite(data6))) {
        const err14 = { instancePath: instancePath + "/token-id", schemaPath: "#/properties/token-id/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err14];
        } else {
          vErrors.push(err14);
        }
        errors++;
      }
      if (typeof data6 == "number" && isFinite(data6)) {
        if (data6 > 31 || isNaN(data6)) {
          const err15 = { instancePath: instancePath + "/token-id", schemaPath: "#/properties/token-id/maximum", keyword: "maximum", params: { comparison: "<=", limit: 31 } };
          if (vErrors === null) {
            vErrors = [err15];
          } else {
            vErrors.push(err15);
          }
          errors++;
        }
        if (data6 < 0 || isNaN(data6)) {
          const err16 = { instancePath: instancePath + "/token-id", schemaPath: "#/properties/token-id/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err16];
          } else {
            vErrors.push(err16);
          }
          errors++;
        }
      }
    }
    if (data["token-type"] !== void 0) {
      let data7 = data["token-type"];
      if (typeof data7 === "string") {
        if (!pattern10.test(data7)) {
          const err17 = { instancePath: instancePath + "/token-type", schemaPath: "#/properties/token-type/pattern", keyword: "pattern", params: { pattern: "^[ -~]+$" } };
          if (vErrors === null) {
            vErrors = [err17];
          } else {
            vErrors.push(err17);
          }
          errors++;
        }
      } else {
        const err18 = { instancePath: instancePath + "/token-type", schemaPath: "#/properties/token-type/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err18];
        } else {
          vErrors.push(err18);
        }
        errors++;
      }
    }
    if (data["key-slot"] !== void 0) {
      let data8 = data["key-slot"];
      if (!(typeof data8 == "number" && (!(data8 % 1) && !isNaN(data8)) && isFinite(data8))) {
        const err19 = { instancePath: instancePath + "/key-slot", schemaPath: "#/properties/key-slot/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err19];
        } else {
          vErrors.push(err19);
        }
        errors++;
      }
      if (typeof data8 == "number" && isFinite(data8)) {
        if (data8 > 31 || isNaN(data8)) {
          const err20 = { instancePath: instancePath + "/key-slot", schemaPath: "#/properties/key-slot/maximum", keyword: "maximum", params: { comparison: "<=", limit: 31 } };
          if (vErrors === null) {
            vErrors = [err20];
          } else {
            vErrors.push(err20);
          }
          errors++;
        }
        if (data8 < 0 || isNaN(data8)) {
          const err21 = { instancePath: instancePath + "/key-slot", schemaPath: "#/properties/key-slot/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err21];
          } else {
            vErrors.push(err21);
          }
          errors++;
        }
      }
    }
    if (data.header !== void 0) {
      let data9 = data.header;
      if (typeof data9 === "string") {
        if (!pattern11.test(data9)) {
          const err22 = { instancePath: instancePath + "/header", schemaPath: "#/properties/header/pattern", keyword: "pattern", params: { pattern: "^/*[^/\\u0000][^\\u0000]*$" } };
          if (vErrors === null) {
            vErrors = [err22];
          } else {
            vErrors.push(err22);
          }
          errors++;
        }
      } else {
        const err23 = { instancePath: instancePath + "/header", schemaPath: "#/properties/header/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err23];
        } else {
          vErrors.push(err23);
        }
        errors++;
      }
    }
    if (data["read-only"] !== void 0) {
      if (typeof data["read-only"] !== "boolean") {
        const err24 = { instancePath: instancePath + "/read-only", schemaPath: "#/properties/read-only/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err24];
        } else {
          vErrors.push(err24);
        }
        errors++;
      }
    }
    if (data["allow-discards"] !== void 0) {
      if (typeof data["allow-discards"] !== "boolean") {
        const err25 = { instancePath: instancePath + "/allow-discards", schemaPath: "#/properties/allow-discards/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err25];
        } else {
          vErrors.push(err25);
        }
        errors++;
      }
    }
    if (data["sector-size"] !== void 0) {
      let data12 = data["sector-size"];
      const _errs30 = errors;
      let valid2 = false;
      const _errs31 = errors;
      if (512 !== data12) {
        const err26 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/anyOf/0/const", keyword: "const", params: { allowedValue: 512 } };
        if (vErrors === null) {
          vErrors = [err26];
        } else {
          vErrors.push(err26);
        }
        errors++;
      }
      var _valid1 = _errs31 === errors;
      valid2 = valid2 || _valid1;
      const _errs32 = errors;
      if (1024 !== data12) {
        const err27 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/anyOf/1/const", keyword: "const", params: { allowedValue: 1024 } };
        if (vErrors === null) {
          vErrors = [err27];
        } else {
          vErrors.push(err27);
        }
        errors++;
      }
      var _valid1 = _errs32 === errors;
      valid2 = valid2 || _valid1;
      const _errs33 = errors;
      if (2048 !== data12) {
        const err28 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/anyOf/2/const", keyword: "const", params: { allowedValue: 2048 } };
        if (vErrors === null) {
          vErrors = [err28];
        } else {
          vErrors.push(err28);
        }
        errors++;
      }
      var _valid1 = _errs33 === errors;
      valid2 = valid2 || _valid1;
      const _errs34 = errors;
      if (4096 !== data12) {
        const err29 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/anyOf/3/const", keyword: "const", params: { allowedValue: 4096 } };
        if (vErrors === null) {
          vErrors = [err29];
        } else {
          vErrors.push(err29);
        }
        errors++;
      }
      var _valid1 = _errs34 === errors;
      valid2 = valid2 || _valid1;
      if (!valid2) {
        const err30 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/anyOf", keyword: "anyOf", params: {} };
        if (vErrors === null) {
          vErrors = [err30];
        } else {
          vErrors.push(err30);
        }
        errors++;
      } else {
        errors = _errs30;
        if (vErrors !== null) {
          if (_errs30) {
            vErrors.length = _errs30;
          } else {
            vErrors = null;
          }
        }
      }
    }
    if (data.integrity !== void 0) {
      let data13 = data.integrity;
      if (typeof data13 === "string") {
        if (!pattern12.test(data13)) {
          const err31 = { instancePath: instancePath + "/integrity", schemaPath: "#/properties/integrity/pattern", keyword: "pattern", params: { pattern: "^[a-z0-9()-]+$" } };
          if (vErrors === null) {
            vErrors = [err31];
          } else {
            vErrors.push(err31);
          }
          errors++;
        }
      } else {
        const err32 = { instancePath: instancePath + "/integrity", schemaPath: "#/properties/integrity/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err32];
        } else {
          vErrors.push(err32);
        }
        errors++;
      }
    }
    if (data["integrity-no-journal"] !== void 0) {
      if (typeof data["integrity-no-journal"] !== "boolean") {
        const err33 = { instancePath: instancePath + "/integrity-no-journal", schemaPath: "#/properties/integrity-no-journal/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err33];
        } else {
          vErrors.push(err33);
        }
        errors++;
      }
    }
    if (data["same-cpu-crypt"] !== void 0) {
      if (typeof data["same-cpu-crypt"] !== "boolean") {
        const err34 = { instancePath: instancePath + "/same-cpu-crypt", schemaPath: "#/properties/same-cpu-crypt/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err34];
        } else {
          vErrors.push(err34);
        }
        errors++;
      }
    }
    if (data["submit-from-crypt-cpus"] !== void 0) {
      if (typeof data["submit-from-crypt-cpus"] !== "boolean") {
        const err35 = { instancePath: instancePath + "/submit-from-crypt-cpus", schemaPath: "#/properties/submit-from-crypt-cpus/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err35];
        } else {
          vErrors.push(err35);
        }
        errors++;
      }
    }
    if (data["no-read-workqueue"] !== void 0) {
      if (typeof data["no-read-workqueue"] !== "boolean") {
        const err36 = { instancePath: instancePath + "/no-read-workqueue", schemaPath: "#/properties/no-read-workqueue/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err36];
        } else {
          vErrors.push(err36);
        }
        errors++;
      }
    }
    if (data["no-write-workqueue"] !== void 0) {
      if (typeof data["no-write-workqueue"] !== "boolean") {
        const err37 = { instancePath: instancePath + "/no-write-workqueue", schemaPath: "#/properties/no-write-workqueue/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err37];
        } else {
          vErrors.push(err37);
        }
        errors++;
      }
    }
    if (data["disable-keyring"] !== void 0) {
      if (typeof data["disable-keyring"] !== "boolean") {
        const err38 = { instancePath: instancePath + "/disable-keyring", schemaPath: "#/properties/disable-keyring/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err38];
        } else {
          vErrors.push(err38);
        }
        errors++;
      }
    }
    if (data["keyfile-offset"] !== void 0) {
      if (data["key-file"] === void 0) {
        const err39 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "keyfile-offset",
          missingProperty: "key-file",
          depsCount: 1,
          deps: "key-file"
        } };
        if (vErrors === null) {
          vErrors = [err39];
        } else {
          vErrors.push(err39);
        }
        errors++;
      }
    }
    if (data["keyfile-size"] !== void 0) {
      if (data["key-file"] === void 0) {
        const err40 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "keyfile-size",
          missingProperty: "key-file",
          depsCount: 1,
          deps: "key-file"
        } };
        if (vErrors === null) {
          vErrors = [err40];
        } else {
          vErrors.push(err40);
        }
        errors++;
      }
    }
    if (data["token-id"] !== void 0) {
      if (data["token-only"] === void 0) {
        const err41 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "token-id",
          missingProperty: "token-only",
          depsCount: 1,
          deps: "token-only"
        } };
        if (vErrors === null) {
          vErrors = [err41];
        } else {
          vErrors.push(err41);
        }
        errors++;
      }
    }
    if (data["token-type"] !== void 0) {
      if (data["token-only"] === void 0) {
        const err42 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "token-type",
          missingProperty: "token-only",
          depsCount: 1,
          deps: "token-only"
        } };
        if (vErrors === null) {
          vErrors = [err42];
        } else {
          vErrors.push(err42);
        }
        errors++;
      }
    }
    if (data["key-slot"] !== void 0) {
      const _errs50 = errors;
      let valid4 = false;
      const _errs51 = errors;
      if (data && typeof data == "object" && !Array.isArray(data)) {
        if (data.passphrase === void 0) {
          const err43 = { instancePath, schemaPath: "#/dependentSchemas/key-slot/anyOf/0/required", keyword: "required", params: { missingProperty: "passphrase" } };
          if (vErrors === null) {
            vErrors = [err43];
          } else {
            vErrors.push(err43);
          }
          errors++;
        }
      }
      var _valid2 = _errs51 === errors;
      valid4 = valid4 || _valid2;
      const _errs52 = errors;
      if (data && typeof data == "object" && !Array.isArray(data)) {
        if (data["key-file"] === void 0) {
          const err44 = { instancePath, schemaPath: "#/dependentSchemas/key-slot/anyOf/1/required", keyword: "required", params: { missingProperty: "key-file" } };
          if (vErrors === null) {
            vErrors = [err44];
          } else {
            vErrors.push(err44);
          }
          errors++;
        }
      }
      var _valid2 = _errs52 === errors;
      valid4 = valid4 || _valid2;
      if (!valid4) {
        const err45 = { instancePath, schemaPath: "#/dependentSchemas/key-slot/anyOf", keyword: "anyOf", params: {} };
        if (vErrors === null) {
          vErrors = [err45];
        } else {
          vErrors.push(err45);
        }
        errors++;
      } else {
        errors = _errs50;
        if (vErrors !== null) {
          if (_errs50) {
            vErrors.length = _errs50;
          } else {
            vErrors = null;
          }
        }
      }
    }
  } else {
    const err46 = { instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err46];
    } else {
      vErrors.push(err46);
    }
    errors++;
  }
  validate15.errors = vErrors;
  return errors === 0;
}
validate15.evaluated = { "props": true, "dynamicProps": false, "dynamicItems": false };
