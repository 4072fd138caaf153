// Generated from device.json#/options by generate-validators. Do not edit: change the schema and run `npm run build`.
// oxlint-disable -- generated
// @ts-nocheck -- generated

/** An unlocked LUKS2 container. */
export type Luks2ManifestOptions = {
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

/** Finds everything that keeps `value` from being {@link Luks2ManifestOptions}; nothing when it is. */
export function findLuks2ManifestOptionsProblems(value: unknown): readonly SchemaProblem[] {
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

var validate = validate20;
var schema31 = { "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Options of a LUKS2 device", "description": "An unlocked LUKS2 container.", "type": "object", "additionalProperties": false, "oneOf": [{ "required": ["passphrase"] }, { "required": ["key-file"] }, { "required": ["volume-key-file"] }, { "required": ["token-only"] }], "dependentRequired": { "keyfile-offset": ["key-file"], "keyfile-size": ["key-file"], "token-id": ["token-only"], "token-type": ["token-only"] }, "dependentSchemas": { "key-slot": { "anyOf": [{ "required": ["passphrase"] }, { "required": ["key-file"] }], "x-expected": "a passphrase or a key-file beside key-slot" } }, "x-expected": "an object with one of passphrase, key-file, volume-key-file and token-only; keyfile-offset and keyfile-size go with key-file, token-id and token-type with token-only", "properties": { "passphrase": { "description": "Unlocks a key slot. It ends at the first line end, as osbuild and cryptsetup have it; `key-file` takes every byte.", "$ref": "#/$defs/secret", "x-secret": true }, "key-file": { "description": "Unlocks a key slot: every byte of it, line ends and NULs included.", "$ref": "#/$defs/secret", "type": "object", "x-secret": true, "x-expected": "an object that says where the key is, such as { file: disk.key }" }, "keyfile-offset": { "description": "How much of the beginning of `key-file` is skipped.", "type": "integer", "minimum": 0, "default": 0, "x-unit": "bytes" }, "keyfile-size": { "description": "How much of `key-file` is used; without it all that follows `keyfile-offset`.", "type": "integer", "minimum": 1, "maximum": 8388608, "x-unit": "bytes" }, "volume-key-file": { "description": "The key of the data itself, as `cryptsetup luksDump --dump-volume-key --volume-key-file` writes it. No key slot is needed.", "$ref": "#/$defs/secret", "type": "object", "x-secret": true, "x-expected": "an object that says where the key is, such as { file: disk.key }" }, "token-only": { "description": "Unlocks by the tokens in the header and nothing else.", "const": true }, "token-id": { "description": "The only token that is tried.", "type": "integer", "minimum": 0, "maximum": 31 }, "token-type": { "description": "The only type of tokens that is tried, such as `luks2-keyring`.", "type": "string", "pattern": "^[ -~]+$", "x-expected": "the type of a token, such as luks2-keyring" }, "key-slot": { "description": "The only key slot that passphrase or key file are tried on.", "type": "integer", "minimum": 0, "maximum": 31 }, "header": { "description": "A detached header: a file beneath the tree; a leading `/` is the tree. The parent holds nothing but data then.", "type": "string", "pattern": "^/*[^/\\u0000][^\\u0000]*$", "x-expected": "the path of a file beneath the tree" }, "read-only": { "description": "Nothing can be written.", "type": "boolean", "default": false }, "allow-discards": { "description": "Discards (TRIM) reach the parent, and with them, which parts are in use can be seen there.", "type": "boolean", "default": false }, "sector-size": { "description": "The sector size that the container must have been made with: another one is an error.", "type": "integer", "enum": [512, 1024, 2048, 4096], "x-unit": "bytes" }, "integrity": { "description": "What must guard the data against changes, as luksFormat calls it, or `none`: another one is an error.", "type": "string", "pattern": "^[a-z0-9()-]+$", "x-expected": "an algorithm such as hmac-sha256, or none" }, "integrity-no-journal": { "description": "Writes data and tags without a journal: quicker, and damaged where the machine stops in between.", "type": "boolean", "default": false }, "same-cpu-crypt": { "description": "Encrypts on the processor that asked for it.", "type": "boolean", "default": false }, "submit-from-crypt-cpus": { "description": "Sends writes on from where they were encrypted, unsorted.", "type": "boolean", "default": false }, "no-read-workqueue": { "description": "Decrypts at once instead of in a queue.", "type": "boolean", "default": false }, "no-write-workqueue": { "description": "Encrypts at once instead of in a queue.", "type": "boolean", "default": false }, "disable-keyring": { "description": "Hands the key to dm-crypt without the kernel's keyring, for containers that forbid that.", "type": "boolean", "default": false } }, "$defs": { "secret": { "description": "A secret: a string, or where its bytes are taken from when the device is opened. `trim` leaves one line feed at their end out, which they keep otherwise.", "x-expected": "a string, or an object with one of env, file, fd, command, credential, keyring, prompt", "anyOf": [{ "description": "The secret itself, in UTF-8. Whoever reads the manifest has it.", "type": "string" }, { "description": "The value of an environment variable of devhost.", "type": "object", "additionalProperties": false, "required": ["env"], "properties": { "env": { "type": "string", "pattern": "^[^=\\u0000]+$" }, "trim": { "type": "boolean", "default": false } } }, { "description": "The content of a file or a named pipe, relative to the folder of the manifest.", "type": "object", "additionalProperties": false, "required": ["file"], "properties": { "file": { "type": "string", "pattern": "^[^\\u0000]+$" }, "trim": { "type": "boolean", "default": false } } }, { "description": "What can be read from a descriptor that devhost was started with, up to its end.", "type": "object", "additionalProperties": false, "required": ["fd"], "properties": { "fd": { "type": "integer", "minimum": 0, "maximum": 2147483647 }, "trim": { "type": "boolean", "default": false } } }, { "description": "The standard output of a program and its arguments, without a shell, in the folder of the manifest.", "type": "object", "additionalProperties": false, "required": ["command"], "properties": { "command": { "type": "array", "minItems": 1, "items": { "type": "string", "pattern": "^[^\\u0000]*$" } }, "timeout": { "description": "Seconds after which it is ended.", "type": "number", "exclusiveMinimum": 0, "default": 60 }, "trim": { "type": "boolean", "default": false } } }, { "description": "A credential that systemd gave devhost, by its name: a file in `$CREDENTIALS_DIRECTORY`.", "type": "object", "additionalProperties": false, "required": ["credential"], "properties": { "credential": { "type": "string", "pattern": "^(?!\\.{1,2}$)[^/\\u0000]+$" }, "trim": { "type": "boolean", "default": false } } }, { "description": "The payload of a key of the type `user` in the keyrings of devhost, by its description.", "type": "object", "additionalProperties": false, "required": ["keyring"], "properties": { "keyring": { "type": "string", "pattern": "^[^\\u0000]+$", "maxLength": 4095 }, "trim": { "type": "boolean", "default": false } } }, { "description": "A line that somebody types at the terminal, where this text asks for it and nothing of the line is shown.", "type": "object", "additionalProperties": false, "required": ["prompt"], "properties": { "prompt": { "type": "string", "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]+$" } } }] } } };
var func1 = Object.prototype.hasOwnProperty;
var func2 = require_ucs2length().default;
var pattern4 = new RegExp("^[^=\\u0000]+$", "u");
var pattern5 = new RegExp("^[^\\u0000]+$", "u");
var pattern6 = new RegExp("^[^\\u0000]*$", "u");
var pattern7 = new RegExp("^(?!\\.{1,2}$)[^/\\u0000]+$", "u");
var pattern9 = new RegExp("^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]+$", "u");
var pattern22 = new RegExp("^[ -~]+$", "u");
var pattern23 = new RegExp("^/*[^/\\u0000][^\\u0000]*$", "u");
var pattern24 = new RegExp("^[a-z0-9()-]+$", "u");
function validate20(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate20.evaluated;
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
      if (!func1.call(schema31.properties, key0)) {
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
      let data0 = data.passphrase;
      const _errs9 = errors;
      let valid3 = false;
      const _errs10 = errors;
      if (typeof data0 !== "string") {
        const err6 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/0/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
      var _valid1 = _errs10 === errors;
      valid3 = valid3 || _valid1;
      const _errs12 = errors;
      if (data0 && typeof data0 == "object" && !Array.isArray(data0)) {
        if (data0.env === void 0) {
          const err7 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/1/required", keyword: "required", params: { missingProperty: "env" } };
          if (vErrors === null) {
            vErrors = [err7];
          } else {
            vErrors.push(err7);
          }
          errors++;
        }
        for (const key1 in data0) {
          if (!(key1 === "env" || key1 === "trim")) {
            const err8 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/1/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key1 } };
            if (vErrors === null) {
              vErrors = [err8];
            } else {
              vErrors.push(err8);
            }
            errors++;
          }
        }
        if (data0.env !== void 0) {
          let data1 = data0.env;
          if (typeof data1 === "string") {
            if (!pattern4.test(data1)) {
              const err9 = { instancePath: instancePath + "/passphrase/env", schemaPath: "#/$defs/secret/anyOf/1/properties/env/pattern", keyword: "pattern", params: { pattern: "^[^=\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err9];
              } else {
                vErrors.push(err9);
              }
              errors++;
            }
          } else {
            const err10 = { instancePath: instancePath + "/passphrase/env", schemaPath: "#/$defs/secret/anyOf/1/properties/env/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err10];
            } else {
              vErrors.push(err10);
            }
            errors++;
          }
        }
        if (data0.trim !== void 0) {
          if (typeof data0.trim !== "boolean") {
            const err11 = { instancePath: instancePath + "/passphrase/trim", schemaPath: "#/$defs/secret/anyOf/1/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err11];
            } else {
              vErrors.push(err11);
            }
            errors++;
          }
        }
      } else {
        const err12 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/1/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err12];
        } else {
          vErrors.push(err12);
        }
        errors++;
      }
      var _valid1 = _errs12 === errors;
      valid3 = valid3 || _valid1;
      if (_valid1) {
        var props0 = true;
      }
      const _errs19 = errors;
      if (data0 && typeof data0 == "object" && !Array.isArray(data0)) {
        if (data0.file === void 0) {
          const err13 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/2/required", keyword: "required", params: { missingProperty: "file" } };
          if (vErrors === null) {
            vErrors = [err13];
          } else {
            vErrors.push(err13);
          }
          errors++;
        }
        for (const key2 in data0) {
          if (!(key2 === "file" || key2 === "trim")) {
            const err14 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/2/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key2 } };
            if (vErrors === null) {
              vErrors = [err14];
            } else {
              vErrors.push(err14);
            }
            errors++;
          }
        }
        if (data0.file !== void 0) {
          let data3 = data0.file;
          if (typeof data3 === "string") {
            if (!pattern5.test(data3)) {
              const err15 = { instancePath: instancePath + "/passphrase/file", schemaPath: "#/$defs/secret/anyOf/2/properties/file/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err15];
              } else {
                vErrors.push(err15);
              }
              errors++;
            }
          } else {
            const err16 = { instancePath: instancePath + "/passphrase/file", schemaPath: "#/$defs/secret/anyOf/2/properties/file/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err16];
            } else {
              vErrors.push(err16);
            }
            errors++;
          }
        }
        if (data0.trim !== void 0) {
          if (typeof data0.trim !== "boolean") {
            const err17 = { instancePath: instancePath + "/passphrase/trim", schemaPath: "#/$defs/secret/anyOf/2/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err17];
            } else {
              vErrors.push(err17);
            }
            errors++;
          }
        }
      } else {
        const err18 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/2/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err18];
        } else {
          vErrors.push(err18);
        }
        errors++;
      }
      var _valid1 = _errs19 === errors;
      valid3 = valid3 || _valid1;
      if (_valid1) {
        if (props0 !== true) {
          props0 = true;
        }
      }
      const _errs26 = errors;
      if (data0 && typeof data0 == "object" && !Array.isArray(data0)) {
        if (data0.fd === void 0) {
          const err19 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/3/required", keyword: "required", params: { missingProperty: "fd" } };
          if (vErrors === null) {
            vErrors = [err19];
          } else {
            vErrors.push(err19);
          }
          errors++;
        }
        for (const key3 in data0) {
          if (!(key3 === "fd" || key3 === "trim")) {
            const err20 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/3/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key3 } };
            if (vErrors === null) {
              vErrors = [err20];
            } else {
              vErrors.push(err20);
            }
            errors++;
          }
        }
        if (data0.fd !== void 0) {
          let data5 = data0.fd;
          if (!(typeof data5 == "number" && (!(data5 % 1) && !isNaN(data5)) && isFinite(data5))) {
            const err21 = { instancePath: instancePath + "/passphrase/fd", schemaPath: "#/$defs/secret/anyOf/3/properties/fd/type", keyword: "type", params: { type: "integer" } };
            if (vErrors === null) {
              vErrors = [err21];
            } else {
              vErrors.push(err21);
            }
            errors++;
          }
          if (typeof data5 == "number" && isFinite(data5)) {
            if (data5 > 2147483647 || isNaN(data5)) {
              const err22 = { instancePath: instancePath + "/passphrase/fd", schemaPath: "#/$defs/secret/anyOf/3/properties/fd/maximum", keyword: "maximum", params: { comparison: "<=", limit: 2147483647 } };
              if (vErrors === null) {
                vErrors = [err22];
              } else {
                vErrors.push(err22);
              }
              errors++;
            }
            if (data5 < 0 || isNaN(data5)) {
              const err23 = { instancePath: instancePath + "/passphrase/fd", schemaPath: "#/$defs/secret/anyOf/3/properties/fd/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
              if (vErrors === null) {
                vErrors = [err23];
              } else {
                vErrors.push(err23);
              }
              errors++;
            }
          }
        }
        if (data0.trim !== void 0) {
          if (typeof data0.trim !== "boolean") {
            const err24 = { instancePath: instancePath + "/passphrase/trim", schemaPath: "#/$defs/secret/anyOf/3/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err24];
            } else {
              vErrors.push(err24);
            }
            errors++;
          }
        }
      } else {
        const err25 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/3/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err25];
        } else {
          vErrors.push(err25);
        }
        errors++;
      }
      var _valid1 = _errs26 === errors;
      valid3 = valid3 || _valid1;
      if (_valid1) {
        if (props0 !== true) {
          props0 = true;
        }
      }
      const _errs33 = errors;
      if (data0 && typeof data0 == "object" && !Array.isArray(data0)) {
        if (data0.command === void 0) {
          const err26 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/4/required", keyword: "required", params: { missingProperty: "command" } };
          if (vErrors === null) {
            vErrors = [err26];
          } else {
            vErrors.push(err26);
          }
          errors++;
        }
        for (const key4 in data0) {
          if (!(key4 === "command" || key4 === "timeout" || key4 === "trim")) {
            const err27 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/4/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key4 } };
            if (vErrors === null) {
              vErrors = [err27];
            } else {
              vErrors.push(err27);
            }
            errors++;
          }
        }
        if (data0.command !== void 0) {
          let data7 = data0.command;
          if (Array.isArray(data7)) {
            if (data7.length < 1) {
              const err28 = { instancePath: instancePath + "/passphrase/command", schemaPath: "#/$defs/secret/anyOf/4/properties/command/minItems", keyword: "minItems", params: { limit: 1 } };
              if (vErrors === null) {
                vErrors = [err28];
              } else {
                vErrors.push(err28);
              }
              errors++;
            }
            const len0 = data7.length;
            for (let i0 = 0; i0 < len0; i0++) {
              let data8 = data7[i0];
              if (typeof data8 === "string") {
                if (!pattern6.test(data8)) {
                  const err29 = { instancePath: instancePath + "/passphrase/command/" + i0, schemaPath: "#/$defs/secret/anyOf/4/properties/command/items/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]*$" } };
                  if (vErrors === null) {
                    vErrors = [err29];
                  } else {
                    vErrors.push(err29);
                  }
                  errors++;
                }
              } else {
                const err30 = { instancePath: instancePath + "/passphrase/command/" + i0, schemaPath: "#/$defs/secret/anyOf/4/properties/command/items/type", keyword: "type", params: { type: "string" } };
                if (vErrors === null) {
                  vErrors = [err30];
                } else {
                  vErrors.push(err30);
                }
                errors++;
              }
            }
          } else {
            const err31 = { instancePath: instancePath + "/passphrase/command", schemaPath: "#/$defs/secret/anyOf/4/properties/command/type", keyword: "type", params: { type: "array" } };
            if (vErrors === null) {
              vErrors = [err31];
            } else {
              vErrors.push(err31);
            }
            errors++;
          }
        }
        if (data0.timeout !== void 0) {
          let data9 = data0.timeout;
          if (typeof data9 == "number" && isFinite(data9)) {
            if (data9 <= 0 || isNaN(data9)) {
              const err32 = { instancePath: instancePath + "/passphrase/timeout", schemaPath: "#/$defs/secret/anyOf/4/properties/timeout/exclusiveMinimum", keyword: "exclusiveMinimum", params: { comparison: ">", limit: 0 } };
              if (vErrors === null) {
                vErrors = [err32];
              } else {
                vErrors.push(err32);
              }
              errors++;
            }
          } else {
            const err33 = { instancePath: instancePath + "/passphrase/timeout", schemaPath: "#/$defs/secret/anyOf/4/properties/timeout/type", keyword: "type", params: { type: "number" } };
            if (vErrors === null) {
              vErrors = [err33];
            } else {
              vErrors.push(err33);
            }
            errors++;
          }
        }
        if (data0.trim !== void 0) {
          if (typeof data0.trim !== "boolean") {
            const err34 = { instancePath: instancePath + "/passphrase/trim", schemaPath: "#/$defs/secret/anyOf/4/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err34];
            } else {
              vErrors.push(err34);
            }
            errors++;
          }
        }
      } else {
        const err35 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/4/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err35];
        } else {
          vErrors.push(err35);
        }
        errors++;
      }
      var _valid1 = _errs33 === errors;
      valid3 = valid3 || _valid1;
      if (_valid1) {
        if (props0 !== true) {
          props0 = true;
        }
      }
      const _errs44 = errors;
      if (data0 && typeof data0 == "object" && !Array.isArray(data0)) {
        if (data0.credential === void 0) {
          const err36 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/5/required", keyword: "required", params: { missingProperty: "credential" } };
          if (vErrors === null) {
            vErrors = [err36];
          } else {
            vErrors.push(err36);
          }
          errors++;
        }
        for (const key5 in data0) {
          if (!(key5 === "credential" || key5 === "trim")) {
            const err37 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/5/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key5 } };
            if (vErrors === null) {
              vErrors = [err37];
            } else {
              vErrors.push(err37);
            }
            errors++;
          }
        }
        if (data0.credential !== void 0) {
          let data11 = data0.credential;
          if (typeof data11 === "string") {
            if (!pattern7.test(data11)) {
              const err38 = { instancePath: instancePath + "/passphrase/credential", schemaPath: "#/$defs/secret/anyOf/5/properties/credential/pattern", keyword: "pattern", params: { pattern: "^(?!\\.{1,2}$)[^/\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err38];
              } else {
                vErrors.push(err38);
              }
              errors++;
            }
          } else {
            const err39 = { instancePath: instancePath + "/passphrase/credential", schemaPath: "#/$defs/secret/anyOf/5/properties/credential/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err39];
            } else {
              vErrors.push(err39);
            }
            errors++;
          }
        }
        if (data0.trim !== void 0) {
          if (typeof data0.trim !== "boolean") {
            const err40 = { instancePath: instancePath + "/passphrase/trim", schemaPath: "#/$defs/secret/anyOf/5/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err40];
            } else {
              vErrors.push(err40);
            }
            errors++;
          }
        }
      } else {
        const err41 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/5/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err41];
        } else {
          vErrors.push(err41);
        }
        errors++;
      }
      var _valid1 = _errs44 === errors;
      valid3 = valid3 || _valid1;
      if (_valid1) {
        if (props0 !== true) {
          props0 = true;
        }
      }
      const _errs51 = errors;
      if (data0 && typeof data0 == "object" && !Array.isArray(data0)) {
        if (data0.keyring === void 0) {
          const err42 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/6/required", keyword: "required", params: { missingProperty: "keyring" } };
          if (vErrors === null) {
            vErrors = [err42];
          } else {
            vErrors.push(err42);
          }
          errors++;
        }
        for (const key6 in data0) {
          if (!(key6 === "keyring" || key6 === "trim")) {
            const err43 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/6/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key6 } };
            if (vErrors === null) {
              vErrors = [err43];
            } else {
              vErrors.push(err43);
            }
            errors++;
          }
        }
        if (data0.keyring !== void 0) {
          let data13 = data0.keyring;
          if (typeof data13 === "string") {
            if (func2(data13) > 4095) {
              const err44 = { instancePath: instancePath + "/passphrase/keyring", schemaPath: "#/$defs/secret/anyOf/6/properties/keyring/maxLength", keyword: "maxLength", params: { limit: 4095 } };
              if (vErrors === null) {
                vErrors = [err44];
              } else {
                vErrors.push(err44);
              }
              errors++;
            }
            if (!pattern5.test(data13)) {
              const err45 = { instancePath: instancePath + "/passphrase/keyring", schemaPath: "#/$defs/secret/anyOf/6/properties/keyring/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err45];
              } else {
                vErrors.push(err45);
              }
              errors++;
            }
          } else {
            const err46 = { instancePath: instancePath + "/passphrase/keyring", schemaPath: "#/$defs/secret/anyOf/6/properties/keyring/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err46];
            } else {
              vErrors.push(err46);
            }
            errors++;
          }
        }
        if (data0.trim !== void 0) {
          if (typeof data0.trim !== "boolean") {
            const err47 = { instancePath: instancePath + "/passphrase/trim", schemaPath: "#/$defs/secret/anyOf/6/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err47];
            } else {
              vErrors.push(err47);
            }
            errors++;
          }
        }
      } else {
        const err48 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/6/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err48];
        } else {
          vErrors.push(err48);
        }
        errors++;
      }
      var _valid1 = _errs51 === errors;
      valid3 = valid3 || _valid1;
      if (_valid1) {
        if (props0 !== true) {
          props0 = true;
        }
      }
      const _errs58 = errors;
      if (data0 && typeof data0 == "object" && !Array.isArray(data0)) {
        if (data0.prompt === void 0) {
          const err49 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/7/required", keyword: "required", params: { missingProperty: "prompt" } };
          if (vErrors === null) {
            vErrors = [err49];
          } else {
            vErrors.push(err49);
          }
          errors++;
        }
        for (const key7 in data0) {
          if (!(key7 === "prompt")) {
            const err50 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/7/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key7 } };
            if (vErrors === null) {
              vErrors = [err50];
            } else {
              vErrors.push(err50);
            }
            errors++;
          }
        }
        if (data0.prompt !== void 0) {
          let data15 = data0.prompt;
          if (typeof data15 === "string") {
            if (!pattern9.test(data15)) {
              const err51 = { instancePath: instancePath + "/passphrase/prompt", schemaPath: "#/$defs/secret/anyOf/7/properties/prompt/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]+$" } };
              if (vErrors === null) {
                vErrors = [err51];
              } else {
                vErrors.push(err51);
              }
              errors++;
            }
          } else {
            const err52 = { instancePath: instancePath + "/passphrase/prompt", schemaPath: "#/$defs/secret/anyOf/7/properties/prompt/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err52];
            } else {
              vErrors.push(err52);
            }
            errors++;
          }
        }
      } else {
        const err53 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf/7/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err53];
        } else {
          vErrors.push(err53);
        }
        errors++;
      }
      var _valid1 = _errs58 === errors;
      valid3 = valid3 || _valid1;
      if (_valid1) {
        if (props0 !== true) {
          props0 = true;
        }
      }
      if (!valid3) {
        const err54 = { instancePath: instancePath + "/passphrase", schemaPath: "#/$defs/secret/anyOf", keyword: "anyOf", params: {} };
        if (vErrors === null) {
          vErrors = [err54];
        } else {
          vErrors.push(err54);
        }
        errors++;
      } else {
        errors = _errs9;
        if (vErrors !== null) {
          if (_errs9) {
            vErrors.length = _errs9;
          } else {
            vErrors = null;
          }
        }
      }
    }
    if (data["key-file"] !== void 0) {
      let data16 = data["key-file"];
      if (!(data16 && typeof data16 == "object" && !Array.isArray(data16))) {
        const err55 = { instancePath: instancePath + "/key-file", schemaPath: "#/properties/key-file/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err55];
        } else {
          vErrors.push(err55);
        }
        errors++;
      }
      const _errs65 = errors;
      let valid14 = false;
      const _errs66 = errors;
      if (typeof data16 !== "string") {
        const err56 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/0/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err56];
        } else {
          vErrors.push(err56);
        }
        errors++;
      }
      var _valid2 = _errs66 === errors;
      valid14 = valid14 || _valid2;
      const _errs68 = errors;
      if (data16 && typeof data16 == "object" && !Array.isArray(data16)) {
        if (data16.env === void 0) {
          const err57 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/1/required", keyword: "required", params: { missingProperty: "env" } };
          if (vErrors === null) {
            vErrors = [err57];
          } else {
            vErrors.push(err57);
          }
          errors++;
        }
        for (const key8 in data16) {
          if (!(key8 === "env" || key8 === "trim")) {
            const err58 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/1/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key8 } };
            if (vErrors === null) {
              vErrors = [err58];
            } else {
              vErrors.push(err58);
            }
            errors++;
          }
        }
        if (data16.env !== void 0) {
          let data17 = data16.env;
          if (typeof data17 === "string") {
            if (!pattern4.test(data17)) {
              const err59 = { instancePath: instancePath + "/key-file/env", schemaPath: "#/$defs/secret/anyOf/1/properties/env/pattern", keyword: "pattern", params: { pattern: "^[^=\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err59];
              } else {
                vErrors.push(err59);
              }
              errors++;
            }
          } else {
            const err60 = { instancePath: instancePath + "/key-file/env", schemaPath: "#/$defs/secret/anyOf/1/properties/env/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err60];
            } else {
              vErrors.push(err60);
            }
            errors++;
          }
        }
        if (data16.trim !== void 0) {
          if (typeof data16.trim !== "boolean") {
            const err61 = { instancePath: instancePath + "/key-file/trim", schemaPath: "#/$defs/secret/anyOf/1/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err61];
            } else {
              vErrors.push(err61);
            }
            errors++;
          }
        }
      } else {
        const err62 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/1/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err62];
        } else {
          vErrors.push(err62);
        }
        errors++;
      }
      var _valid2 = _errs68 === errors;
      valid14 = valid14 || _valid2;
      if (_valid2) {
        var props1 = true;
      }
      const _errs75 = errors;
      if (data16 && typeof data16 == "object" && !Array.isArray(data16)) {
        if (data16.file === void 0) {
          const err63 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/2/required", keyword: "required", params: { missingProperty: "file" } };
          if (vErrors === null) {
            vErrors = [err63];
          } else {
            vErrors.push(err63);
          }
          errors++;
        }
        for (const key9 in data16) {
          if (!(key9 === "file" || key9 === "trim")) {
            const err64 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/2/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key9 } };
            if (vErrors === null) {
              vErrors = [err64];
            } else {
              vErrors.push(err64);
            }
            errors++;
          }
        }
        if (data16.file !== void 0) {
          let data19 = data16.file;
          if (typeof data19 === "string") {
            if (!pattern5.test(data19)) {
              const err65 = { instancePath: instancePath + "/key-file/file", schemaPath: "#/$defs/secret/anyOf/2/properties/file/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err65];
              } else {
                vErrors.push(err65);
              }
              errors++;
            }
          } else {
            const err66 = { instancePath: instancePath + "/key-file/file", schemaPath: "#/$defs/secret/anyOf/2/properties/file/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err66];
            } else {
              vErrors.push(err66);
            }
            errors++;
          }
        }
        if (data16.trim !== void 0) {
          if (typeof data16.trim !== "boolean") {
            const err67 = { instancePath: instancePath + "/key-file/trim", schemaPath: "#/$defs/secret/anyOf/2/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err67];
            } else {
              vErrors.push(err67);
            }
            errors++;
          }
        }
      } else {
        const err68 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/2/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err68];
        } else {
          vErrors.push(err68);
        }
        errors++;
      }
      var _valid2 = _errs75 === errors;
      valid14 = valid14 || _valid2;
      if (_valid2) {
        if (props1 !== true) {
          props1 = true;
        }
      }
      const _errs82 = errors;
      if (data16 && typeof data16 == "object" && !Array.isArray(data16)) {
        if (data16.fd === void 0) {
          const err69 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/3/required", keyword: "required", params: { missingProperty: "fd" } };
          if (vErrors === null) {
            vErrors = [err69];
          } else {
            vErrors.push(err69);
          }
          errors++;
        }
        for (const key10 in data16) {
          if (!(key10 === "fd" || key10 === "trim")) {
            const err70 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/3/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key10 } };
            if (vErrors === null) {
              vErrors = [err70];
            } else {
              vErrors.push(err70);
            }
            errors++;
          }
        }
        if (data16.fd !== void 0) {
          let data21 = data16.fd;
          if (!(typeof data21 == "number" && (!(data21 % 1) && !isNaN(data21)) && isFinite(data21))) {
            const err71 = { instancePath: instancePath + "/key-file/fd", schemaPath: "#/$defs/secret/anyOf/3/properties/fd/type", keyword: "type", params: { type: "integer" } };
            if (vErrors === null) {
              vErrors = [err71];
            } else {
              vErrors.push(err71);
            }
            errors++;
          }
          if (typeof data21 == "number" && isFinite(data21)) {
            if (data21 > 2147483647 || isNaN(data21)) {
              const err72 = { instancePath: instancePath + "/key-file/fd", schemaPath: "#/$defs/secret/anyOf/3/properties/fd/maximum", keyword: "maximum", params: { comparison: "<=", limit: 2147483647 } };
              if (vErrors === null) {
                vErrors = [err72];
              } else {
                vErrors.push(err72);
              }
              errors++;
            }
            if (data21 < 0 || isNaN(data21)) {
              const err73 = { instancePath: instancePath + "/key-file/fd", schemaPath: "#/$defs/secret/anyOf/3/properties/fd/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
              if (vErrors === null) {
                vErrors = [err73];
              } else {
                vErrors.push(err73);
              }
              errors++;
            }
          }
        }
        if (data16.trim !== void 0) {
          if (typeof data16.trim !== "boolean") {
            const err74 = { instancePath: instancePath + "/key-file/trim", schemaPath: "#/$defs/secret/anyOf/3/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err74];
            } else {
              vErrors.push(err74);
            }
            errors++;
          }
        }
      } else {
        const err75 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/3/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err75];
        } else {
          vErrors.push(err75);
        }
        errors++;
      }
      var _valid2 = _errs82 === errors;
      valid14 = valid14 || _valid2;
      if (_valid2) {
        if (props1 !== true) {
          props1 = true;
        }
      }
      const _errs89 = errors;
      if (data16 && typeof data16 == "object" && !Array.isArray(data16)) {
        if (data16.command === void 0) {
          const err76 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/4/required", keyword: "required", params: { missingProperty: "command" } };
          if (vErrors === null) {
            vErrors = [err76];
          } else {
            vErrors.push(err76);
          }
          errors++;
        }
        for (const key11 in data16) {
          if (!(key11 === "command" || key11 === "timeout" || key11 === "trim")) {
            const err77 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/4/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key11 } };
            if (vErrors === null) {
              vErrors = [err77];
            } else {
              vErrors.push(err77);
            }
            errors++;
          }
        }
        if (data16.command !== void 0) {
          let data23 = data16.command;
          if (Array.isArray(data23)) {
            if (data23.length < 1) {
              const err78 = { instancePath: instancePath + "/key-file/command", schemaPath: "#/$defs/secret/anyOf/4/properties/command/minItems", keyword: "minItems", params: { limit: 1 } };
              if (vErrors === null) {
                vErrors = [err78];
              } else {
                vErrors.push(err78);
              }
              errors++;
            }
            const len1 = data23.length;
            for (let i1 = 0; i1 < len1; i1++) {
              let data24 = data23[i1];
              if (typeof data24 === "string") {
                if (!pattern6.test(data24)) {
                  const err79 = { instancePath: instancePath + "/key-file/command/" + i1, schemaPath: "#/$defs/secret/anyOf/4/properties/command/items/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]*$" } };
                  if (vErrors === null) {
                    vErrors = [err79];
                  } else {
                    vErrors.push(err79);
                  }
                  errors++;
                }
              } else {
                const err80 = { instancePath: instancePath + "/key-file/command/" + i1, schemaPath: "#/$defs/secret/anyOf/4/properties/command/items/type", keyword: "type", params: { type: "string" } };
                if (vErrors === null) {
                  vErrors = [err80];
                } else {
                  vErrors.push(err80);
                }
                errors++;
              }
            }
          } else {
            const err81 = { instancePath: instancePath + "/key-file/command", schemaPath: "#/$defs/secret/anyOf/4/properties/command/type", keyword: "type", params: { type: "array" } };
            if (vErrors === null) {
              vErrors = [err81];
            } else {
              vErrors.push(err81);
            }
            errors++;
          }
        }
        if (data16.timeout !== void 0) {
          let data25 = data16.timeout;
          if (typeof data25 == "number" && isFinite(data25)) {
            if (data25 <= 0 || isNaN(data25)) {
              const err82 = { instancePath: instancePath + "/key-file/timeout", schemaPath: "#/$defs/secret/anyOf/4/properties/timeout/exclusiveMinimum", keyword: "exclusiveMinimum", params: { comparison: ">", limit: 0 } };
              if (vErrors === null) {
                vErrors = [err82];
              } else {
                vErrors.push(err82);
              }
              errors++;
            }
          } else {
            const err83 = { instancePath: instancePath + "/key-file/timeout", schemaPath: "#/$defs/secret/anyOf/4/properties/timeout/type", keyword: "type", params: { type: "number" } };
            if (vErrors === null) {
              vErrors = [err83];
            } else {
              vErrors.push(err83);
            }
            errors++;
          }
        }
        if (data16.trim !== void 0) {
          if (typeof data16.trim !== "boolean") {
            const err84 = { instancePath: instancePath + "/key-file/trim", schemaPath: "#/$defs/secret/anyOf/4/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err84];
            } else {
              vErrors.push(err84);
            }
            errors++;
          }
        }
      } else {
        const err85 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/4/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err85];
        } else {
          vErrors.push(err85);
        }
        errors++;
      }
      var _valid2 = _errs89 === errors;
      valid14 = valid14 || _valid2;
      if (_valid2) {
        if (props1 !== true) {
          props1 = true;
        }
      }
      const _errs100 = errors;
      if (data16 && typeof data16 == "object" && !Array.isArray(data16)) {
        if (data16.credential === void 0) {
          const err86 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/5/required", keyword: "required", params: { missingProperty: "credential" } };
          if (vErrors === null) {
            vErrors = [err86];
          } else {
            vErrors.push(err86);
          }
          errors++;
        }
        for (const key12 in data16) {
          if (!(key12 === "credential" || key12 === "trim")) {
            const err87 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/5/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key12 } };
            if (vErrors === null) {
              vErrors = [err87];
            } else {
              vErrors.push(err87);
            }
            errors++;
          }
        }
        if (data16.credential !== void 0) {
          let data27 = data16.credential;
          if (typeof data27 === "string") {
            if (!pattern7.test(data27)) {
              const err88 = { instancePath: instancePath + "/key-file/credential", schemaPath: "#/$defs/secret/anyOf/5/properties/credential/pattern", keyword: "pattern", params: { pattern: "^(?!\\.{1,2}$)[^/\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err88];
              } else {
                vErrors.push(err88);
              }
              errors++;
            }
          } else {
            const err89 = { instancePath: instancePath + "/key-file/credential", schemaPath: "#/$defs/secret/anyOf/5/properties/credential/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err89];
            } else {
              vErrors.push(err89);
            }
            errors++;
          }
        }
        if (data16.trim !== void 0) {
          if (typeof data16.trim !== "boolean") {
            const err90 = { instancePath: instancePath + "/key-file/trim", schemaPath: "#/$defs/secret/anyOf/5/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err90];
            } else {
              vErrors.push(err90);
            }
            errors++;
          }
        }
      } else {
        const err91 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/5/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err91];
        } else {
          vErrors.push(err91);
        }
        errors++;
      }
      var _valid2 = _errs100 === errors;
      valid14 = valid14 || _valid2;
      if (_valid2) {
        if (props1 !== true) {
          props1 = true;
        }
      }
      const _errs107 = errors;
      if (data16 && typeof data16 == "object" && !Array.isArray(data16)) {
        if (data16.keyring === void 0) {
          const err92 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/6/required", keyword: "required", params: { missingProperty: "keyring" } };
          if (vErrors === null) {
            vErrors = [err92];
          } else {
            vErrors.push(err92);
          }
          errors++;
        }
        for (const key13 in data16) {
          if (!(key13 === "keyring" || key13 === "trim")) {
            const err93 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/6/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key13 } };
            if (vErrors === null) {
              vErrors = [err93];
            } else {
              vErrors.push(err93);
            }
            errors++;
          }
        }
        if (data16.keyring !== void 0) {
          let data29 = data16.keyring;
          if (typeof data29 === "string") {
            if (func2(data29) > 4095) {
              const err94 = { instancePath: instancePath + "/key-file/keyring", schemaPath: "#/$defs/secret/anyOf/6/properties/keyring/maxLength", keyword: "maxLength", params: { limit: 4095 } };
              if (vErrors === null) {
                vErrors = [err94];
              } else {
                vErrors.push(err94);
              }
              errors++;
            }
            if (!pattern5.test(data29)) {
              const err95 = { instancePath: instancePath + "/key-file/keyring", schemaPath: "#/$defs/secret/anyOf/6/properties/keyring/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err95];
              } else {
                vErrors.push(err95);
              }
              errors++;
            }
          } else {
            const err96 = { instancePath: instancePath + "/key-file/keyring", schemaPath: "#/$defs/secret/anyOf/6/properties/keyring/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err96];
            } else {
              vErrors.push(err96);
            }
            errors++;
          }
        }
        if (data16.trim !== void 0) {
          if (typeof data16.trim !== "boolean") {
            const err97 = { instancePath: instancePath + "/key-file/trim", schemaPath: "#/$defs/secret/anyOf/6/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err97];
            } else {
              vErrors.push(err97);
            }
            errors++;
          }
        }
      } else {
        const err98 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/6/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err98];
        } else {
          vErrors.push(err98);
        }
        errors++;
      }
      var _valid2 = _errs107 === errors;
      valid14 = valid14 || _valid2;
      if (_valid2) {
        if (props1 !== true) {
          props1 = true;
        }
      }
      const _errs114 = errors;
      if (data16 && typeof data16 == "object" && !Array.isArray(data16)) {
        if (data16.prompt === void 0) {
          const err99 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/7/required", keyword: "required", params: { missingProperty: "prompt" } };
          if (vErrors === null) {
            vErrors = [err99];
          } else {
            vErrors.push(err99);
          }
          errors++;
        }
        for (const key14 in data16) {
          if (!(key14 === "prompt")) {
            const err100 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/7/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key14 } };
            if (vErrors === null) {
              vErrors = [err100];
            } else {
              vErrors.push(err100);
            }
            errors++;
          }
        }
        if (data16.prompt !== void 0) {
          let data31 = data16.prompt;
          if (typeof data31 === "string") {
            if (!pattern9.test(data31)) {
              const err101 = { instancePath: instancePath + "/key-file/prompt", schemaPath: "#/$defs/secret/anyOf/7/properties/prompt/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]+$" } };
              if (vErrors === null) {
                vErrors = [err101];
              } else {
                vErrors.push(err101);
              }
              errors++;
            }
          } else {
            const err102 = { instancePath: instancePath + "/key-file/prompt", schemaPath: "#/$defs/secret/anyOf/7/properties/prompt/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err102];
            } else {
              vErrors.push(err102);
            }
            errors++;
          }
        }
      } else {
        const err103 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf/7/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err103];
        } else {
          vErrors.push(err103);
        }
        errors++;
      }
      var _valid2 = _errs114 === errors;
      valid14 = valid14 || _valid2;
      if (_valid2) {
        if (props1 !== true) {
          props1 = true;
        }
      }
      if (!valid14) {
        const err104 = { instancePath: instancePath + "/key-file", schemaPath: "#/$defs/secret/anyOf", keyword: "anyOf", params: {} };
        if (vErrors === null) {
          vErrors = [err104];
        } else {
          vErrors.push(err104);
        }
        errors++;
      } else {
        errors = _errs65;
        if (vErrors !== null) {
          if (_errs65) {
            vErrors.length = _errs65;
          } else {
            vErrors = null;
          }
        }
      }
    }
    if (data["keyfile-offset"] !== void 0) {
      let data32 = data["keyfile-offset"];
      if (!(typeof data32 == "number" && (!(data32 % 1) && !isNaN(data32)) && isFinite(data32))) {
        const err105 = { instancePath: instancePath + "/keyfile-offset", schemaPath: "#/properties/keyfile-offset/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err105];
        } else {
          vErrors.push(err105);
        }
        errors++;
      }
      if (typeof data32 == "number" && isFinite(data32)) {
        if (data32 < 0 || isNaN(data32)) {
          const err106 = { instancePath: instancePath + "/keyfile-offset", schemaPath: "#/properties/keyfile-offset/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err106];
          } else {
            vErrors.push(err106);
          }
          errors++;
        }
      }
    }
    if (data["keyfile-size"] !== void 0) {
      let data33 = data["keyfile-size"];
      if (!(typeof data33 == "number" && (!(data33 % 1) && !isNaN(data33)) && isFinite(data33))) {
        const err107 = { instancePath: instancePath + "/keyfile-size", schemaPath: "#/properties/keyfile-size/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err107];
        } else {
          vErrors.push(err107);
        }
        errors++;
      }
      if (typeof data33 == "number" && isFinite(data33)) {
        if (data33 > 8388608 || isNaN(data33)) {
          const err108 = { instancePath: instancePath + "/keyfile-size", schemaPath: "#/properties/keyfile-size/maximum", keyword: "maximum", params: { comparison: "<=", limit: 8388608 } };
          if (vErrors === null) {
            vErrors = [err108];
          } else {
            vErrors.push(err108);
          }
          errors++;
        }
        if (data33 < 1 || isNaN(data33)) {
          const err109 = { instancePath: instancePath + "/keyfile-size", schemaPath: "#/properties/keyfile-size/minimum", keyword: "minimum", params: { comparison: ">=", limit: 1 } };
          if (vErrors === null) {
            vErrors = [err109];
          } else {
            vErrors.push(err109);
          }
          errors++;
        }
      }
    }
    if (data["volume-key-file"] !== void 0) {
      let data34 = data["volume-key-file"];
      if (!(data34 && typeof data34 == "object" && !Array.isArray(data34))) {
        const err110 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/properties/volume-key-file/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err110];
        } else {
          vErrors.push(err110);
        }
        errors++;
      }
      const _errs126 = errors;
      let valid25 = false;
      const _errs127 = errors;
      if (typeof data34 !== "string") {
        const err111 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/0/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err111];
        } else {
          vErrors.push(err111);
        }
        errors++;
      }
      var _valid3 = _errs127 === errors;
      valid25 = valid25 || _valid3;
      const _errs129 = errors;
      if (data34 && typeof data34 == "object" && !Array.isArray(data34)) {
        if (data34.env === void 0) {
          const err112 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/1/required", keyword: "required", params: { missingProperty: "env" } };
          if (vErrors === null) {
            vErrors = [err112];
          } else {
            vErrors.push(err112);
          }
          errors++;
        }
        for (const key15 in data34) {
          if (!(key15 === "env" || key15 === "trim")) {
            const err113 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/1/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key15 } };
            if (vErrors === null) {
              vErrors = [err113];
            } else {
              vErrors.push(err113);
            }
            errors++;
          }
        }
        if (data34.env !== void 0) {
          let data35 = data34.env;
          if (typeof data35 === "string") {
            if (!pattern4.test(data35)) {
              const err114 = { instancePath: instancePath + "/volume-key-file/env", schemaPath: "#/$defs/secret/anyOf/1/properties/env/pattern", keyword: "pattern", params: { pattern: "^[^=\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err114];
              } else {
                vErrors.push(err114);
              }
              errors++;
            }
          } else {
            const err115 = { instancePath: instancePath + "/volume-key-file/env", schemaPath: "#/$defs/secret/anyOf/1/properties/env/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err115];
            } else {
              vErrors.push(err115);
            }
            errors++;
          }
        }
        if (data34.trim !== void 0) {
          if (typeof data34.trim !== "boolean") {
            const err116 = { instancePath: instancePath + "/volume-key-file/trim", schemaPath: "#/$defs/secret/anyOf/1/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err116];
            } else {
              vErrors.push(err116);
            }
            errors++;
          }
        }
      } else {
        const err117 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/1/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err117];
        } else {
          vErrors.push(err117);
        }
        errors++;
      }
      var _valid3 = _errs129 === errors;
      valid25 = valid25 || _valid3;
      if (_valid3) {
        var props2 = true;
      }
      const _errs136 = errors;
      if (data34 && typeof data34 == "object" && !Array.isArray(data34)) {
        if (data34.file === void 0) {
          const err118 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/2/required", keyword: "required", params: { missingProperty: "file" } };
          if (vErrors === null) {
            vErrors = [err118];
          } else {
            vErrors.push(err118);
          }
          errors++;
        }
        for (const key16 in data34) {
          if (!(key16 === "file" || key16 === "trim")) {
            const err119 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/2/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key16 } };
            if (vErrors === null) {
              vErrors = [err119];
            } else {
              vErrors.push(err119);
            }
            errors++;
          }
        }
        if (data34.file !== void 0) {
          let data37 = data34.file;
          if (typeof data37 === "string") {
            if (!pattern5.test(data37)) {
              const err120 = { instancePath: instancePath + "/volume-key-file/file", schemaPath: "#/$defs/secret/anyOf/2/properties/file/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err120];
              } else {
                vErrors.push(err120);
              }
              errors++;
            }
          } else {
            const err121 = { instancePath: instancePath + "/volume-key-file/file", schemaPath: "#/$defs/secret/anyOf/2/properties/file/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err121];
            } else {
              vErrors.push(err121);
            }
            errors++;
          }
        }
        if (data34.trim !== void 0) {
          if (typeof data34.trim !== "boolean") {
            const err122 = { instancePath: instancePath + "/volume-key-file/trim", schemaPath: "#/$defs/secret/anyOf/2/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err122];
            } else {
              vErrors.push(err122);
            }
            errors++;
          }
        }
      } else {
        const err123 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/2/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err123];
        } else {
          vErrors.push(err123);
        }
        errors++;
      }
      var _valid3 = _errs136 === errors;
      valid25 = valid25 || _valid3;
      if (_valid3) {
        if (props2 !== true) {
          props2 = true;
        }
      }
      const _errs143 = errors;
      if (data34 && typeof data34 == "object" && !Array.isArray(data34)) {
        if (data34.fd === void 0) {
          const err124 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/3/required", keyword: "required", params: { missingProperty: "fd" } };
          if (vErrors === null) {
            vErrors = [err124];
          } else {
            vErrors.push(err124);
          }
          errors++;
        }
        for (const key17 in data34) {
          if (!(key17 === "fd" || key17 === "trim")) {
            const err125 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/3/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key17 } };
            if (vErrors === null) {
              vErrors = [err125];
            } else {
              vErrors.push(err125);
            }
            errors++;
          }
        }
        if (data34.fd !== void 0) {
          let data39 = data34.fd;
          if (!(typeof data39 == "number" && (!(data39 % 1) && !isNaN(data39)) && isFinite(data39))) {
            const err126 = { instancePath: instancePath + "/volume-key-file/fd", schemaPath: "#/$defs/secret/anyOf/3/properties/fd/type", keyword: "type", params: { type: "integer" } };
            if (vErrors === null) {
              vErrors = [err126];
            } else {
              vErrors.push(err126);
            }
            errors++;
          }
          if (typeof data39 == "number" && isFinite(data39)) {
            if (data39 > 2147483647 || isNaN(data39)) {
              const err127 = { instancePath: instancePath + "/volume-key-file/fd", schemaPath: "#/$defs/secret/anyOf/3/properties/fd/maximum", keyword: "maximum", params: { comparison: "<=", limit: 2147483647 } };
              if (vErrors === null) {
                vErrors = [err127];
              } else {
                vErrors.push(err127);
              }
              errors++;
            }
            if (data39 < 0 || isNaN(data39)) {
              const err128 = { instancePath: instancePath + "/volume-key-file/fd", schemaPath: "#/$defs/secret/anyOf/3/properties/fd/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
              if (vErrors === null) {
                vErrors = [err128];
              } else {
                vErrors.push(err128);
              }
              errors++;
            }
          }
        }
        if (data34.trim !== void 0) {
          if (typeof data34.trim !== "boolean") {
            const err129 = { instancePath: instancePath + "/volume-key-file/trim", schemaPath: "#/$defs/secret/anyOf/3/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err129];
            } else {
              vErrors.push(err129);
            }
            errors++;
          }
        }
      } else {
        const err130 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/3/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err130];
        } else {
          vErrors.push(err130);
        }
        errors++;
      }
      var _valid3 = _errs143 === errors;
      valid25 = valid25 || _valid3;
      if (_valid3) {
        if (props2 !== true) {
          props2 = true;
        }
      }
      const _errs150 = errors;
      if (data34 && typeof data34 == "object" && !Array.isArray(data34)) {
        if (data34.command === void 0) {
          const err131 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/4/required", keyword: "required", params: { missingProperty: "command" } };
          if (vErrors === null) {
            vErrors = [err131];
          } else {
            vErrors.push(err131);
          }
          errors++;
        }
        for (const key18 in data34) {
          if (!(key18 === "command" || key18 === "timeout" || key18 === "trim")) {
            const err132 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/4/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key18 } };
            if (vErrors === null) {
              vErrors = [err132];
            } else {
              vErrors.push(err132);
            }
            errors++;
          }
        }
        if (data34.command !== void 0) {
          let data41 = data34.command;
          if (Array.isArray(data41)) {
            if (data41.length < 1) {
              const err133 = { instancePath: instancePath + "/volume-key-file/command", schemaPath: "#/$defs/secret/anyOf/4/properties/command/minItems", keyword: "minItems", params: { limit: 1 } };
              if (vErrors === null) {
                vErrors = [err133];
              } else {
                vErrors.push(err133);
              }
              errors++;
            }
            const len2 = data41.length;
            for (let i2 = 0; i2 < len2; i2++) {
              let data42 = data41[i2];
              if (typeof data42 === "string") {
                if (!pattern6.test(data42)) {
                  const err134 = { instancePath: instancePath + "/volume-key-file/command/" + i2, schemaPath: "#/$defs/secret/anyOf/4/properties/command/items/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]*$" } };
                  if (vErrors === null) {
                    vErrors = [err134];
                  } else {
                    vErrors.push(err134);
                  }
                  errors++;
                }
              } else {
                const err135 = { instancePath: instancePath + "/volume-key-file/command/" + i2, schemaPath: "#/$defs/secret/anyOf/4/properties/command/items/type", keyword: "type", params: { type: "string" } };
                if (vErrors === null) {
                  vErrors = [err135];
                } else {
                  vErrors.push(err135);
                }
                errors++;
              }
            }
          } else {
            const err136 = { instancePath: instancePath + "/volume-key-file/command", schemaPath: "#/$defs/secret/anyOf/4/properties/command/type", keyword: "type", params: { type: "array" } };
            if (vErrors === null) {
              vErrors = [err136];
            } else {
              vErrors.push(err136);
            }
            errors++;
          }
        }
        if (data34.timeout !== void 0) {
          let data43 = data34.timeout;
          if (typeof data43 == "number" && isFinite(data43)) {
            if (data43 <= 0 || isNaN(data43)) {
              const err137 = { instancePath: instancePath + "/volume-key-file/timeout", schemaPath: "#/$defs/secret/anyOf/4/properties/timeout/exclusiveMinimum", keyword: "exclusiveMinimum", params: { comparison: ">", limit: 0 } };
              if (vErrors === null) {
                vErrors = [err137];
              } else {
                vErrors.push(err137);
              }
              errors++;
            }
          } else {
            const err138 = { instancePath: instancePath + "/volume-key-file/timeout", schemaPath: "#/$defs/secret/anyOf/4/properties/timeout/type", keyword: "type", params: { type: "number" } };
            if (vErrors === null) {
              vErrors = [err138];
            } else {
              vErrors.push(err138);
            }
            errors++;
          }
        }
        if (data34.trim !== void 0) {
          if (typeof data34.trim !== "boolean") {
            const err139 = { instancePath: instancePath + "/volume-key-file/trim", schemaPath: "#/$defs/secret/anyOf/4/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err139];
            } else {
              vErrors.push(err139);
            }
            errors++;
          }
        }
      } else {
        const err140 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/4/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err140];
        } else {
          vErrors.push(err140);
        }
        errors++;
      }
      var _valid3 = _errs150 === errors;
      valid25 = valid25 || _valid3;
      if (_valid3) {
        if (props2 !== true) {
          props2 = true;
        }
      }
      const _errs161 = errors;
      if (data34 && typeof data34 == "object" && !Array.isArray(data34)) {
        if (data34.credential === void 0) {
          const err141 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/5/required", keyword: "required", params: { missingProperty: "credential" } };
          if (vErrors === null) {
            vErrors = [err141];
          } else {
            vErrors.push(err141);
          }
          errors++;
        }
        for (const key19 in data34) {
          if (!(key19 === "credential" || key19 === "trim")) {
            const err142 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/5/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key19 } };
            if (vErrors === null) {
              vErrors = [err142];
            } else {
              vErrors.push(err142);
            }
            errors++;
          }
        }
        if (data34.credential !== void 0) {
          let data45 = data34.credential;
          if (typeof data45 === "string") {
            if (!pattern7.test(data45)) {
              const err143 = { instancePath: instancePath + "/volume-key-file/credential", schemaPath: "#/$defs/secret/anyOf/5/properties/credential/pattern", keyword: "pattern", params: { pattern: "^(?!\\.{1,2}$)[^/\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err143];
              } else {
                vErrors.push(err143);
              }
              errors++;
            }
          } else {
            const err144 = { instancePath: instancePath + "/volume-key-file/credential", schemaPath: "#/$defs/secret/anyOf/5/properties/credential/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err144];
            } else {
              vErrors.push(err144);
            }
            errors++;
          }
        }
        if (data34.trim !== void 0) {
          if (typeof data34.trim !== "boolean") {
            const err145 = { instancePath: instancePath + "/volume-key-file/trim", schemaPath: "#/$defs/secret/anyOf/5/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err145];
            } else {
              vErrors.push(err145);
            }
            errors++;
          }
        }
      } else {
        const err146 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/5/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err146];
        } else {
          vErrors.push(err146);
        }
        errors++;
      }
      var _valid3 = _errs161 === errors;
      valid25 = valid25 || _valid3;
      if (_valid3) {
        if (props2 !== true) {
          props2 = true;
        }
      }
      const _errs168 = errors;
      if (data34 && typeof data34 == "object" && !Array.isArray(data34)) {
        if (data34.keyring === void 0) {
          const err147 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/6/required", keyword: "required", params: { missingProperty: "keyring" } };
          if (vErrors === null) {
            vErrors = [err147];
          } else {
            vErrors.push(err147);
          }
          errors++;
        }
        for (const key20 in data34) {
          if (!(key20 === "keyring" || key20 === "trim")) {
            const err148 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/6/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key20 } };
            if (vErrors === null) {
              vErrors = [err148];
            } else {
              vErrors.push(err148);
            }
            errors++;
          }
        }
        if (data34.keyring !== void 0) {
          let data47 = data34.keyring;
          if (typeof data47 === "string") {
            if (func2(data47) > 4095) {
              const err149 = { instancePath: instancePath + "/volume-key-file/keyring", schemaPath: "#/$defs/secret/anyOf/6/properties/keyring/maxLength", keyword: "maxLength", params: { limit: 4095 } };
              if (vErrors === null) {
                vErrors = [err149];
              } else {
                vErrors.push(err149);
              }
              errors++;
            }
            if (!pattern5.test(data47)) {
              const err150 = { instancePath: instancePath + "/volume-key-file/keyring", schemaPath: "#/$defs/secret/anyOf/6/properties/keyring/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]+$" } };
              if (vErrors === null) {
                vErrors = [err150];
              } else {
                vErrors.push(err150);
              }
              errors++;
            }
          } else {
            const err151 = { instancePath: instancePath + "/volume-key-file/keyring", schemaPath: "#/$defs/secret/anyOf/6/properties/keyring/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err151];
            } else {
              vErrors.push(err151);
            }
            errors++;
          }
        }
        if (data34.trim !== void 0) {
          if (typeof data34.trim !== "boolean") {
            const err152 = { instancePath: instancePath + "/volume-key-file/trim", schemaPath: "#/$defs/secret/anyOf/6/properties/trim/type", keyword: "type", params: { type: "boolean" } };
            if (vErrors === null) {
              vErrors = [err152];
            } else {
              vErrors.push(err152);
            }
            errors++;
          }
        }
      } else {
        const err153 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/6/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err153];
        } else {
          vErrors.push(err153);
        }
        errors++;
      }
      var _valid3 = _errs168 === errors;
      valid25 = valid25 || _valid3;
      if (_valid3) {
        if (props2 !== true) {
          props2 = true;
        }
      }
      const _errs175 = errors;
      if (data34 && typeof data34 == "object" && !Array.isArray(data34)) {
        if (data34.prompt === void 0) {
          const err154 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/7/required", keyword: "required", params: { missingProperty: "prompt" } };
          if (vErrors === null) {
            vErrors = [err154];
          } else {
            vErrors.push(err154);
          }
          errors++;
        }
        for (const key21 in data34) {
          if (!(key21 === "prompt")) {
            const err155 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/7/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key21 } };
            if (vErrors === null) {
              vErrors = [err155];
            } else {
              vErrors.push(err155);
            }
            errors++;
          }
        }
        if (data34.prompt !== void 0) {
          let data49 = data34.prompt;
          if (typeof data49 === "string") {
            if (!pattern9.test(data49)) {
              const err156 = { instancePath: instancePath + "/volume-key-file/prompt", schemaPath: "#/$defs/secret/anyOf/7/properties/prompt/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]+$" } };
              if (vErrors === null) {
                vErrors = [err156];
              } else {
                vErrors.push(err156);
              }
              errors++;
            }
          } else {
            const err157 = { instancePath: instancePath + "/volume-key-file/prompt", schemaPath: "#/$defs/secret/anyOf/7/properties/prompt/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err157];
            } else {
              vErrors.push(err157);
            }
            errors++;
          }
        }
      } else {
        const err158 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf/7/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err158];
        } else {
          vErrors.push(err158);
        }
        errors++;
      }
      var _valid3 = _errs175 === errors;
      valid25 = valid25 || _valid3;
      if (_valid3) {
        if (props2 !== true) {
          props2 = true;
        }
      }
      if (!valid25) {
        const err159 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/$defs/secret/anyOf", keyword: "anyOf", params: {} };
        if (vErrors === null) {
          vErrors = [err159];
        } else {
          vErrors.push(err159);
        }
        errors++;
      } else {
        errors = _errs126;
        if (vErrors !== null) {
          if (_errs126) {
            vErrors.length = _errs126;
          } else {
            vErrors = null;
          }
        }
      }
    }
    if (data["token-only"] !== void 0) {
      if (true !== data["token-only"]) {
        const err160 = { instancePath: instancePath + "/token-only", schemaPath: "#/properties/token-only/const", keyword: "const", params: { allowedValue: true } };
        if (vErrors === null) {
          vErrors = [err160];
        } else {
          vErrors.push(err160);
        }
        errors++;
      }
    }
    if (data["token-id"] !== void 0) {
      let data51 = data["token-id"];
      if (!(typeof data51 == "number" && (!(data51 % 1) && !isNaN(data51)) && isFinite(data51))) {
        const err161 = { instancePath: instancePath + "/token-id", schemaPath: "#/properties/token-id/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err161];
        } else {
          vErrors.push(err161);
        }
        errors++;
      }
      if (typeof data51 == "number" && isFinite(data51)) {
        if (data51 > 31 || isNaN(data51)) {
          const err162 = { instancePath: instancePath + "/token-id", schemaPath: "#/properties/token-id/maximum", keyword: "maximum", params: { comparison: "<=", limit: 31 } };
          if (vErrors === null) {
            vErrors = [err162];
          } else {
            vErrors.push(err162);
          }
          errors++;
        }
        if (data51 < 0 || isNaN(data51)) {
          const err163 = { instancePath: instancePath + "/token-id", schemaPath: "#/properties/token-id/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err163];
          } else {
            vErrors.push(err163);
          }
          errors++;
        }
      }
    }
    if (data["token-type"] !== void 0) {
      let data52 = data["token-type"];
      if (typeof data52 === "string") {
        if (!pattern22.test(data52)) {
          const err164 = { instancePath: instancePath + "/token-type", schemaPath: "#/properties/token-type/pattern", keyword: "pattern", params: { pattern: "^[ -~]+$" } };
          if (vErrors === null) {
            vErrors = [err164];
          } else {
            vErrors.push(err164);
          }
          errors++;
        }
      } else {
        const err165 = { instancePath: instancePath + "/token-type", schemaPath: "#/properties/token-type/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err165];
        } else {
          vErrors.push(err165);
        }
        errors++;
      }
    }
    if (data["key-slot"] !== void 0) {
      let data53 = data["key-slot"];
      if (!(typeof data53 == "number" && (!(data53 % 1) && !isNaN(data53)) && isFinite(data53))) {
        const err166 = { instancePath: instancePath + "/key-slot", schemaPath: "#/properties/key-slot/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err166];
        } else {
          vErrors.push(err166);
        }
        errors++;
      }
      if (typeof data53 == "number" && isFinite(data53)) {
        if (data53 > 31 || isNaN(data53)) {
          const err167 = { instancePath: instancePath + "/key-slot", schemaPath: "#/properties/key-slot/maximum", keyword: "maximum", params: { comparison: "<=", limit: 31 } };
          if (vErrors === null) {
            vErrors = [err167];
          } else {
            vErrors.push(err167);
          }
          errors++;
        }
        if (data53 < 0 || isNaN(data53)) {
          const err168 = { instancePath: instancePath + "/key-slot", schemaPath: "#/properties/key-slot/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err168];
          } else {
            vErrors.push(err168);
          }
          errors++;
        }
      }
    }
    if (data.header !== void 0) {
      let data54 = data.header;
      if (typeof data54 === "string") {
        if (!pattern23.test(data54)) {
          const err169 = { instancePath: instancePath + "/header", schemaPath: "#/properties/header/pattern", keyword: "pattern", params: { pattern: "^/*[^/\\u0000][^\\u0000]*$" } };
          if (vErrors === null) {
            vErrors = [err169];
          } else {
            vErrors.push(err169);
          }
          errors++;
        }
      } else {
        const err170 = { instancePath: instancePath + "/header", schemaPath: "#/properties/header/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err170];
        } else {
          vErrors.push(err170);
        }
        errors++;
      }
    }
    if (data["read-only"] !== void 0) {
      if (typeof data["read-only"] !== "boolean") {
        const err171 = { instancePath: instancePath + "/read-only", schemaPath: "#/properties/read-only/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err171];
        } else {
          vErrors.push(err171);
        }
        errors++;
      }
    }
    if (data["allow-discards"] !== void 0) {
      if (typeof data["allow-discards"] !== "boolean") {
        const err172 = { instancePath: instancePath + "/allow-discards", schemaPath: "#/properties/allow-discards/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err172];
        } else {
          vErrors.push(err172);
        }
        errors++;
      }
    }
    if (data["sector-size"] !== void 0) {
      let data57 = data["sector-size"];
      if (!(typeof data57 == "number" && (!(data57 % 1) && !isNaN(data57)) && isFinite(data57))) {
        const err173 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err173];
        } else {
          vErrors.push(err173);
        }
        errors++;
      }
      if (!(data57 === 512 || data57 === 1024 || data57 === 2048 || data57 === 4096)) {
        const err174 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/enum", keyword: "enum", params: { allowedValues: schema31.properties["sector-size"].enum } };
        if (vErrors === null) {
          vErrors = [err174];
        } else {
          vErrors.push(err174);
        }
        errors++;
      }
    }
    if (data.integrity !== void 0) {
      let data58 = data.integrity;
      if (typeof data58 === "string") {
        if (!pattern24.test(data58)) {
          const err175 = { instancePath: instancePath + "/integrity", schemaPath: "#/properties/integrity/pattern", keyword: "pattern", params: { pattern: "^[a-z0-9()-]+$" } };
          if (vErrors === null) {
            vErrors = [err175];
          } else {
            vErrors.push(err175);
          }
          errors++;
        }
      } else {
        const err176 = { instancePath: instancePath + "/integrity", schemaPath: "#/properties/integrity/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err176];
        } else {
          vErrors.push(err176);
        }
        errors++;
      }
    }
    if (data["integrity-no-journal"] !== void 0) {
      if (typeof data["integrity-no-journal"] !== "boolean") {
        const err177 = { instancePath: instancePath + "/integrity-no-journal", schemaPath: "#/properties/integrity-no-journal/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err177];
        } else {
          vErrors.push(err177);
        }
        errors++;
      }
    }
    if (data["same-cpu-crypt"] !== void 0) {
      if (typeof data["same-cpu-crypt"] !== "boolean") {
        const err178 = { instancePath: instancePath + "/same-cpu-crypt", schemaPath: "#/properties/same-cpu-crypt/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err178];
        } else {
          vErrors.push(err178);
        }
        errors++;
      }
    }
    if (data["submit-from-crypt-cpus"] !== void 0) {
      if (typeof data["submit-from-crypt-cpus"] !== "boolean") {
        const err179 = { instancePath: instancePath + "/submit-from-crypt-cpus", schemaPath: "#/properties/submit-from-crypt-cpus/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err179];
        } else {
          vErrors.push(err179);
        }
        errors++;
      }
    }
    if (data["no-read-workqueue"] !== void 0) {
      if (typeof data["no-read-workqueue"] !== "boolean") {
        const err180 = { instancePath: instancePath + "/no-read-workqueue", schemaPath: "#/properties/no-read-workqueue/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err180];
        } else {
          vErrors.push(err180);
        }
        errors++;
      }
    }
    if (data["no-write-workqueue"] !== void 0) {
      if (typeof data["no-write-workqueue"] !== "boolean") {
        const err181 = { instancePath: instancePath + "/no-write-workqueue", schemaPath: "#/properties/no-write-workqueue/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err181];
        } else {
          vErrors.push(err181);
        }
        errors++;
      }
    }
    if (data["disable-keyring"] !== void 0) {
      if (typeof data["disable-keyring"] !== "boolean") {
        const err182 = { instancePath: instancePath + "/disable-keyring", schemaPath: "#/properties/disable-keyring/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err182];
        } else {
          vErrors.push(err182);
        }
        errors++;
      }
    }
    if (data["keyfile-offset"] !== void 0) {
      if (data["key-file"] === void 0) {
        const err183 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "keyfile-offset",
          missingProperty: "key-file",
          depsCount: 1,
          deps: "key-file"
        } };
        if (vErrors === null) {
          vErrors = [err183];
        } else {
          vErrors.push(err183);
        }
        errors++;
      }
    }
    if (data["keyfile-size"] !== void 0) {
      if (data["key-file"] === void 0) {
        const err184 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "keyfile-size",
          missingProperty: "key-file",
          depsCount: 1,
          deps: "key-file"
        } };
        if (vErrors === null) {
          vErrors = [err184];
        } else {
          vErrors.push(err184);
        }
        errors++;
      }
    }
    if (data["token-id"] !== void 0) {
      if (data["token-only"] === void 0) {
        const err185 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "token-id",
          missingProperty: "token-only",
          depsCount: 1,
          deps: "token-only"
        } };
        if (vErrors === null) {
          vErrors = [err185];
        } else {
          vErrors.push(err185);
        }
        errors++;
      }
    }
    if (data["token-type"] !== void 0) {
      if (data["token-only"] === void 0) {
        const err186 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "token-type",
          missingProperty: "token-only",
          depsCount: 1,
          deps: "token-only"
        } };
        if (vErrors === null) {
          vErrors = [err186];
        } else {
          vErrors.push(err186);
        }
        errors++;
      }
    }
    if (data["key-slot"] !== void 0) {
      const _errs211 = errors;
      let valid36 = false;
      const _errs212 = errors;
      if (data && typeof data == "object" && !Array.isArray(data)) {
        if (data.passphrase === void 0) {
          const err187 = { instancePath, schemaPath: "#/dependentSchemas/key-slot/anyOf/0/required", keyword: "required", params: { missingProperty: "passphrase" } };
          if (vErrors === null) {
            vErrors = [err187];
          } else {
            vErrors.push(err187);
          }
          errors++;
        }
      }
      var _valid4 = _errs212 === errors;
      valid36 = valid36 || _valid4;
      const _errs213 = errors;
      if (data && typeof data == "object" && !Array.isArray(data)) {
        if (data["key-file"] === void 0) {
          const err188 = { instancePath, schemaPath: "#/dependentSchemas/key-slot/anyOf/1/required", keyword: "required", params: { missingProperty: "key-file" } };
          if (vErrors === null) {
            vErrors = [err188];
          } else {
            vErrors.push(err188);
          }
          errors++;
        }
      }
      var _valid4 = _errs213 === errors;
      valid36 = valid36 || _valid4;
      if (!valid36) {
        const err189 = { instancePath, schemaPath: "#/dependentSchemas/key-slot/anyOf", keyword: "anyOf", params: {} };
        if (vErrors === null) {
          vErrors = [err189];
        } else {
          vErrors.push(err189);
        }
        errors++;
      } else {
        errors = _errs211;
        if (vErrors !== null) {
          if (_errs211) {
            vErrors.length = _errs211;
          } else {
            vErrors = null;
          }
        }
      }
    }
  } else {
    const err190 = { instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err190];
    } else {
      vErrors.push(err190);
    }
    errors++;
  }
  validate20.errors = vErrors;
  return errors === 0;
}
validate20.evaluated = { "props": true, "dynamicProps": false, "dynamicItems": false };
