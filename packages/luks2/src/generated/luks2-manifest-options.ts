// Generated from device.json#/options by generate-validators. Do not edit: change the schema and run `npm run build`.
// oxlint-disable -- generated
// @ts-nocheck -- generated

/** An unlocked LUKS2 container. */
export type Luks2ManifestOptions = {
	/** Unlocks a key slot. It ends at the first line end, as osbuild and cryptsetup have it; `key-file` takes every byte. */
	readonly passphrase?: {
		readonly fd: number;
	};
	/** Unlocks a key slot: every byte of it, line ends and NULs included. */
	readonly "key-file"?: {
		readonly fd: number;
	};
	/**
	 * How much of the beginning of `key-file` is skipped.
	 *
	 * @default 0
	 */
	readonly "keyfile-offset"?: number;
	/** How much of `key-file` is used; without it all that follows `keyfile-offset`. */
	readonly "keyfile-size"?: number;
	/** The key of the data itself, as `cryptsetup luksDump --dump-volume-key --volume-key-file` writes it. No key slot is needed. */
	readonly "volume-key-file"?: {
		readonly fd: number;
	};
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

var validate = validate15;
var schema38 = { "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false, "oneOf": [{ "required": ["passphrase"] }, { "required": ["key-file"] }, { "required": ["volume-key-file"] }, { "required": ["token-only"] }], "dependentRequired": { "keyfile-offset": ["key-file"], "keyfile-size": ["key-file"], "token-id": ["token-only"], "token-type": ["token-only"] }, "dependentSchemas": { "key-slot": { "anyOf": [{ "required": ["passphrase"] }, { "required": ["key-file"] }] } }, "properties": { "passphrase": { "type": "object", "additionalProperties": false, "required": ["fd"], "properties": { "fd": { "type": "integer", "minimum": 0 } } }, "key-file": { "type": "object", "additionalProperties": false, "required": ["fd"], "properties": { "fd": { "type": "integer", "minimum": 0 } } }, "keyfile-offset": { "type": "integer", "minimum": 0 }, "keyfile-size": { "type": "integer", "minimum": 1, "maximum": 8388608 }, "volume-key-file": { "type": "object", "additionalProperties": false, "required": ["fd"], "properties": { "fd": { "type": "integer", "minimum": 0 } } }, "token-only": { "const": true }, "token-id": { "type": "integer", "minimum": 0, "maximum": 31 }, "token-type": { "type": "string", "pattern": "^[ -~]+$" }, "key-slot": { "type": "integer", "minimum": 0, "maximum": 31 }, "header": { "type": "string", "pattern": "^/*[^/\\u0000][^\\u0000]*$" }, "read-only": { "type": "boolean" }, "allow-discards": { "type": "boolean" }, "sector-size": { "anyOf": [{ "const": 512 }, { "const": 1024 }, { "const": 2048 }, { "const": 4096 }] }, "integrity": { "type": "string", "pattern": "^[a-z0-9()-]+$" }, "integrity-no-journal": { "type": "boolean" }, "same-cpu-crypt": { "type": "boolean" }, "submit-from-crypt-cpus": { "type": "boolean" }, "no-read-workqueue": { "type": "boolean" }, "no-write-workqueue": { "type": "boolean" }, "disable-keyring": { "type": "boolean" } } };
var func1 = Object.prototype.hasOwnProperty;
var pattern4 = new RegExp("^[ -~]+$", "u");
var pattern5 = new RegExp("^/*[^/\\u0000][^\\u0000]*$", "u");
var pattern6 = new RegExp("^[a-z0-9()-]+$", "u");
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
      let data0 = data.passphrase;
      if (data0 && typeof data0 == "object" && !Array.isArray(data0)) {
        if (data0.fd === void 0) {
          const err6 = { instancePath: instancePath + "/passphrase", schemaPath: "#/properties/passphrase/required", keyword: "required", params: { missingProperty: "fd" } };
          if (vErrors === null) {
            vErrors = [err6];
          } else {
            vErrors.push(err6);
          }
          errors++;
        }
        for (const key1 in data0) {
          if (!(key1 === "fd")) {
            const err7 = { instancePath: instancePath + "/passphrase", schemaPath: "#/properties/passphrase/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key1 } };
            if (vErrors === null) {
              vErrors = [err7];
            } else {
              vErrors.push(err7);
            }
            errors++;
          }
        }
        if (data0.fd !== void 0) {
          let data1 = data0.fd;
          if (!(typeof data1 == "number" && (!(data1 % 1) && !isNaN(data1)) && isFinite(data1))) {
            const err8 = { instancePath: instancePath + "/passphrase/fd", schemaPath: "#/properties/passphrase/properties/fd/type", keyword: "type", params: { type: "integer" } };
            if (vErrors === null) {
              vErrors = [err8];
            } else {
              vErrors.push(err8);
            }
            errors++;
          }
          if (typeof data1 == "number" && isFinite(data1)) {
            if (data1 < 0 || isNaN(data1)) {
              const err9 = { instancePath: instancePath + "/passphrase/fd", schemaPath: "#/properties/passphrase/properties/fd/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
              if (vErrors === null) {
                vErrors = [err9];
              } else {
                vErrors.push(err9);
              }
              errors++;
            }
          }
        }
      } else {
        const err10 = { instancePath: instancePath + "/passphrase", schemaPath: "#/properties/passphrase/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err10];
        } else {
          vErrors.push(err10);
        }
        errors++;
      }
    }
    if (data["key-file"] !== void 0) {
      let data2 = data["key-file"];
      if (data2 && typeof data2 == "object" && !Array.isArray(data2)) {
        if (data2.fd === void 0) {
          const err11 = { instancePath: instancePath + "/key-file", schemaPath: "#/properties/key-file/required", keyword: "required", params: { missingProperty: "fd" } };
          if (vErrors === null) {
            vErrors = [err11];
          } else {
            vErrors.push(err11);
          }
          errors++;
        }
        for (const key2 in data2) {
          if (!(key2 === "fd")) {
            const err12 = { instancePath: instancePath + "/key-file", schemaPath: "#/properties/key-file/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key2 } };
            if (vErrors === null) {
              vErrors = [err12];
            } else {
              vErrors.push(err12);
            }
            errors++;
          }
        }
        if (data2.fd !== void 0) {
          let data3 = data2.fd;
          if (!(typeof data3 == "number" && (!(data3 % 1) && !isNaN(data3)) && isFinite(data3))) {
            const err13 = { instancePath: instancePath + "/key-file/fd", schemaPath: "#/properties/key-file/properties/fd/type", keyword: "type", params: { type: "integer" } };
            if (vErrors === null) {
              vErrors = [err13];
            } else {
              vErrors.push(err13);
            }
            errors++;
          }
          if (typeof data3 == "number" && isFinite(data3)) {
            if (data3 < 0 || isNaN(data3)) {
              const err14 = { instancePath: instancePath + "/key-file/fd", schemaPath: "#/properties/key-file/properties/fd/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
              if (vErrors === null) {
                vErrors = [err14];
              } else {
                vErrors.push(err14);
              }
              errors++;
            }
          }
        }
      } else {
        const err15 = { instancePath: instancePath + "/key-file", schemaPath: "#/properties/key-file/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err15];
        } else {
          vErrors.push(err15);
        }
        errors++;
      }
    }
    if (data["keyfile-offset"] !== void 0) {
      let data4 = data["keyfile-offset"];
      if (!(typeof data4 == "number" && (!(data4 % 1) && !isNaN(data4)) && isFinite(data4))) {
        const err16 = { instancePath: instancePath + "/keyfile-offset", schemaPath: "#/properties/keyfile-offset/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err16];
        } else {
          vErrors.push(err16);
        }
        errors++;
      }
      if (typeof data4 == "number" && isFinite(data4)) {
        if (data4 < 0 || isNaN(data4)) {
          const err17 = { instancePath: instancePath + "/keyfile-offset", schemaPath: "#/properties/keyfile-offset/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err17];
          } else {
            vErrors.push(err17);
          }
          errors++;
        }
      }
    }
    if (data["keyfile-size"] !== void 0) {
      let data5 = data["keyfile-size"];
      if (!(typeof data5 == "number" && (!(data5 % 1) && !isNaN(data5)) && isFinite(data5))) {
        const err18 = { instancePath: instancePath + "/keyfile-size", schemaPath: "#/properties/keyfile-size/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err18];
        } else {
          vErrors.push(err18);
        }
        errors++;
      }
      if (typeof data5 == "number" && isFinite(data5)) {
        if (data5 > 8388608 || isNaN(data5)) {
          const err19 = { instancePath: instancePath + "/keyfile-size", schemaPath: "#/properties/keyfile-size/maximum", keyword: "maximum", params: { comparison: "<=", limit: 8388608 } };
          if (vErrors === null) {
            vErrors = [err19];
          } else {
            vErrors.push(err19);
          }
          errors++;
        }
        if (data5 < 1 || isNaN(data5)) {
          const err20 = { instancePath: instancePath + "/keyfile-size", schemaPath: "#/properties/keyfile-size/minimum", keyword: "minimum", params: { comparison: ">=", limit: 1 } };
          if (vErrors === null) {
            vErrors = [err20];
          } else {
            vErrors.push(err20);
          }
          errors++;
        }
      }
    }
    if (data["volume-key-file"] !== void 0) {
      let data6 = data["volume-key-file"];
      if (data6 && typeof data6 == "object" && !Array.isArray(data6)) {
        if (data6.fd === void 0) {
          const err21 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/properties/volume-key-file/required", keyword: "required", params: { missingProperty: "fd" } };
          if (vErrors === null) {
            vErrors = [err21];
          } else {
            vErrors.push(err21);
          }
          errors++;
        }
        for (const key3 in data6) {
          if (!(key3 === "fd")) {
            const err22 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/properties/volume-key-file/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key3 } };
            if (vErrors === null) {
              vErrors = [err22];
            } else {
              vErrors.push(err22);
            }
            errors++;
          }
        }
        if (data6.fd !== void 0) {
          let data7 = data6.fd;
          if (!(typeof data7 == "number" && (!(data7 % 1) && !isNaN(data7)) && isFinite(data7))) {
            const err23 = { instancePath: instancePath + "/volume-key-file/fd", schemaPath: "#/properties/volume-key-file/properties/fd/type", keyword: "type", params: { type: "integer" } };
            if (vErrors === null) {
              vErrors = [err23];
            } else {
              vErrors.push(err23);
            }
            errors++;
          }
          if (typeof data7 == "number" && isFinite(data7)) {
            if (data7 < 0 || isNaN(data7)) {
              const err24 = { instancePath: instancePath + "/volume-key-file/fd", schemaPath: "#/properties/volume-key-file/properties/fd/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
              if (vErrors === null) {
                vErrors = [err24];
              } else {
                vErrors.push(err24);
              }
              errors++;
            }
          }
        }
      } else {
        const err25 = { instancePath: instancePath + "/volume-key-file", schemaPath: "#/properties/volume-key-file/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err25];
        } else {
          vErrors.push(err25);
        }
        errors++;
      }
    }
    if (data["token-only"] !== void 0) {
      if (true !== data["token-only"]) {
        const err26 = { instancePath: instancePath + "/token-only", schemaPath: "#/properties/token-only/const", keyword: "const", params: { allowedValue: true } };
        if (vErrors === null) {
          vErrors = [err26];
        } else {
          vErrors.push(err26);
        }
        errors++;
      }
    }
    if (data["token-id"] !== void 0) {
      let data9 = data["token-id"];
      if (!(typeof data9 == "number" && (!(data9 % 1) && !isNaN(data9)) && isFinite(data9))) {
        const err27 = { instancePath: instancePath + "/token-id", schemaPath: "#/properties/token-id/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err27];
        } else {
          vErrors.push(err27);
        }
        errors++;
      }
      if (typeof data9 == "number" && isFinite(data9)) {
        if (data9 > 31 || isNaN(data9)) {
          const err28 = { instancePath: instancePath + "/token-id", schemaPath: "#/properties/token-id/maximum", keyword: "maximum", params: { comparison: "<=", limit: 31 } };
          if (vErrors === null) {
            vErrors = [err28];
          } else {
            vErrors.push(err28);
          }
          errors++;
        }
        if (data9 < 0 || isNaN(data9)) {
          const err29 = { instancePath: instancePath + "/token-id", schemaPath: "#/properties/token-id/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err29];
          } else {
            vErrors.push(err29);
          }
          errors++;
        }
      }
    }
    if (data["token-type"] !== void 0) {
      let data10 = data["token-type"];
      if (typeof data10 === "string") {
        if (!pattern4.test(data10)) {
          const err30 = { instancePath: instancePath + "/token-type", schemaPath: "#/properties/token-type/pattern", keyword: "pattern", params: { pattern: "^[ -~]+$" } };
          if (vErrors === null) {
            vErrors = [err30];
          } else {
            vErrors.push(err30);
          }
          errors++;
        }
      } else {
        const err31 = { instancePath: instancePath + "/token-type", schemaPath: "#/properties/token-type/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err31];
        } else {
          vErrors.push(err31);
        }
        errors++;
      }
    }
    if (data["key-slot"] !== void 0) {
      let data11 = data["key-slot"];
      if (!(typeof data11 == "number" && (!(data11 % 1) && !isNaN(data11)) && isFinite(data11))) {
        const err32 = { instancePath: instancePath + "/key-slot", schemaPath: "#/properties/key-slot/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err32];
        } else {
          vErrors.push(err32);
        }
        errors++;
      }
      if (typeof data11 == "number" && isFinite(data11)) {
        if (data11 > 31 || isNaN(data11)) {
          const err33 = { instancePath: instancePath + "/key-slot", schemaPath: "#/properties/key-slot/maximum", keyword: "maximum", params: { comparison: "<=", limit: 31 } };
          if (vErrors === null) {
            vErrors = [err33];
          } else {
            vErrors.push(err33);
          }
          errors++;
        }
        if (data11 < 0 || isNaN(data11)) {
          const err34 = { instancePath: instancePath + "/key-slot", schemaPath: "#/properties/key-slot/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err34];
          } else {
            vErrors.push(err34);
          }
          errors++;
        }
      }
    }
    if (data.header !== void 0) {
      let data12 = data.header;
      if (typeof data12 === "string") {
        if (!pattern5.test(data12)) {
          const err35 = { instancePath: instancePath + "/header", schemaPath: "#/properties/header/pattern", keyword: "pattern", params: { pattern: "^/*[^/\\u0000][^\\u0000]*$" } };
          if (vErrors === null) {
            vErrors = [err35];
          } else {
            vErrors.push(err35);
          }
          errors++;
        }
      } else {
        const err36 = { instancePath: instancePath + "/header", schemaPath: "#/properties/header/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err36];
        } else {
          vErrors.push(err36);
        }
        errors++;
      }
    }
    if (data["read-only"] !== void 0) {
      if (typeof data["read-only"] !== "boolean") {
        const err37 = { instancePath: instancePath + "/read-only", schemaPath: "#/properties/read-only/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err37];
        } else {
          vErrors.push(err37);
        }
        errors++;
      }
    }
    if (data["allow-discards"] !== void 0) {
      if (typeof data["allow-discards"] !== "boolean") {
        const err38 = { instancePath: instancePath + "/allow-discards", schemaPath: "#/properties/allow-discards/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err38];
        } else {
          vErrors.push(err38);
        }
        errors++;
      }
    }
    if (data["sector-size"] !== void 0) {
      let data15 = data["sector-size"];
      const _errs40 = errors;
      let valid5 = false;
      const _errs41 = errors;
      if (512 !== data15) {
        const err39 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/anyOf/0/const", keyword: "const", params: { allowedValue: 512 } };
        if (vErrors === null) {
          vErrors = [err39];
        } else {
          vErrors.push(err39);
        }
        errors++;
      }
      var _valid1 = _errs41 === errors;
      valid5 = valid5 || _valid1;
      const _errs42 = errors;
      if (1024 !== data15) {
        const err40 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/anyOf/1/const", keyword: "const", params: { allowedValue: 1024 } };
        if (vErrors === null) {
          vErrors = [err40];
        } else {
          vErrors.push(err40);
        }
        errors++;
      }
      var _valid1 = _errs42 === errors;
      valid5 = valid5 || _valid1;
      const _errs43 = errors;
      if (2048 !== data15) {
        const err41 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/anyOf/2/const", keyword: "const", params: { allowedValue: 2048 } };
        if (vErrors === null) {
          vErrors = [err41];
        } else {
          vErrors.push(err41);
        }
        errors++;
      }
      var _valid1 = _errs43 === errors;
      valid5 = valid5 || _valid1;
      const _errs44 = errors;
      if (4096 !== data15) {
        const err42 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/anyOf/3/const", keyword: "const", params: { allowedValue: 4096 } };
        if (vErrors === null) {
          vErrors = [err42];
        } else {
          vErrors.push(err42);
        }
        errors++;
      }
      var _valid1 = _errs44 === errors;
      valid5 = valid5 || _valid1;
      if (!valid5) {
        const err43 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/anyOf", keyword: "anyOf", params: {} };
        if (vErrors === null) {
          vErrors = [err43];
        } else {
          vErrors.push(err43);
        }
        errors++;
      } else {
        errors = _errs40;
        if (vErrors !== null) {
          if (_errs40) {
            vErrors.length = _errs40;
          } else {
            vErrors = null;
          }
        }
      }
    }
    if (data.integrity !== void 0) {
      let data16 = data.integrity;
      if (typeof data16 === "string") {
        if (!pattern6.test(data16)) {
          const err44 = { instancePath: instancePath + "/integrity", schemaPath: "#/properties/integrity/pattern", keyword: "pattern", params: { pattern: "^[a-z0-9()-]+$" } };
          if (vErrors === null) {
            vErrors = [err44];
          } else {
            vErrors.push(err44);
          }
          errors++;
        }
      } else {
        const err45 = { instancePath: instancePath + "/integrity", schemaPath: "#/properties/integrity/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err45];
        } else {
          vErrors.push(err45);
        }
        errors++;
      }
    }
    if (data["integrity-no-journal"] !== void 0) {
      if (typeof data["integrity-no-journal"] !== "boolean") {
        const err46 = { instancePath: instancePath + "/integrity-no-journal", schemaPath: "#/properties/integrity-no-journal/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err46];
        } else {
          vErrors.push(err46);
        }
        errors++;
      }
    }
    if (data["same-cpu-crypt"] !== void 0) {
      if (typeof data["same-cpu-crypt"] !== "boolean") {
        const err47 = { instancePath: instancePath + "/same-cpu-crypt", schemaPath: "#/properties/same-cpu-crypt/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err47];
        } else {
          vErrors.push(err47);
        }
        errors++;
      }
    }
    if (data["submit-from-crypt-cpus"] !== void 0) {
      if (typeof data["submit-from-crypt-cpus"] !== "boolean") {
        const err48 = { instancePath: instancePath + "/submit-from-crypt-cpus", schemaPath: "#/properties/submit-from-crypt-cpus/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err48];
        } else {
          vErrors.push(err48);
        }
        errors++;
      }
    }
    if (data["no-read-workqueue"] !== void 0) {
      if (typeof data["no-read-workqueue"] !== "boolean") {
        const err49 = { instancePath: instancePath + "/no-read-workqueue", schemaPath: "#/properties/no-read-workqueue/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err49];
        } else {
          vErrors.push(err49);
        }
        errors++;
      }
    }
    if (data["no-write-workqueue"] !== void 0) {
      if (typeof data["no-write-workqueue"] !== "boolean") {
        const err50 = { instancePath: instancePath + "/no-write-workqueue", schemaPath: "#/properties/no-write-workqueue/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err50];
        } else {
          vErrors.push(err50);
        }
        errors++;
      }
    }
    if (data["disable-keyring"] !== void 0) {
      if (typeof data["disable-keyring"] !== "boolean") {
        const err51 = { instancePath: instancePath + "/disable-keyring", schemaPath: "#/properties/disable-keyring/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err51];
        } else {
          vErrors.push(err51);
        }
        errors++;
      }
    }
    if (data["keyfile-offset"] !== void 0) {
      if (data["key-file"] === void 0) {
        const err52 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "keyfile-offset",
          missingProperty: "key-file",
          depsCount: 1,
          deps: "key-file"
        } };
        if (vErrors === null) {
          vErrors = [err52];
        } else {
          vErrors.push(err52);
        }
        errors++;
      }
    }
    if (data["keyfile-size"] !== void 0) {
      if (data["key-file"] === void 0) {
        const err53 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "keyfile-size",
          missingProperty: "key-file",
          depsCount: 1,
          deps: "key-file"
        } };
        if (vErrors === null) {
          vErrors = [err53];
        } else {
          vErrors.push(err53);
        }
        errors++;
      }
    }
    if (data["token-id"] !== void 0) {
      if (data["token-only"] === void 0) {
        const err54 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "token-id",
          missingProperty: "token-only",
          depsCount: 1,
          deps: "token-only"
        } };
        if (vErrors === null) {
          vErrors = [err54];
        } else {
          vErrors.push(err54);
        }
        errors++;
      }
    }
    if (data["token-type"] !== void 0) {
      if (data["token-only"] === void 0) {
        const err55 = { instancePath, schemaPath: "#/dependentRequired", keyword: "dependentRequired", params: {
          property: "token-type",
          missingProperty: "token-only",
          depsCount: 1,
          deps: "token-only"
        } };
        if (vErrors === null) {
          vErrors = [err55];
        } else {
          vErrors.push(err55);
        }
        errors++;
      }
    }
    if (data["key-slot"] !== void 0) {
      const _errs60 = errors;
      let valid7 = false;
      const _errs61 = errors;
      if (data && typeof data == "object" && !Array.isArray(data)) {
        if (data.passphrase === void 0) {
          const err56 = { instancePath, schemaPath: "#/dependentSchemas/key-slot/anyOf/0/required", keyword: "required", params: { missingProperty: "passphrase" } };
          if (vErrors === null) {
            vErrors = [err56];
          } else {
            vErrors.push(err56);
          }
          errors++;
        }
      }
      var _valid2 = _errs61 === errors;
      valid7 = valid7 || _valid2;
      const _errs62 = errors;
      if (data && typeof data == "object" && !Array.isArray(data)) {
        if (data["key-file"] === void 0) {
          const err57 = { instancePath, schemaPath: "#/dependentSchemas/key-slot/anyOf/1/required", keyword: "required", params: { missingProperty: "key-file" } };
          if (vErrors === null) {
            vErrors = [err57];
          } else {
            vErrors.push(err57);
          }
          errors++;
        }
      }
      var _valid2 = _errs62 === errors;
      valid7 = valid7 || _valid2;
      if (!valid7) {
        const err58 = { instancePath, schemaPath: "#/dependentSchemas/key-slot/anyOf", keyword: "anyOf", params: {} };
        if (vErrors === null) {
          vErrors = [err58];
        } else {
          vErrors.push(err58);
        }
        errors++;
      } else {
        errors = _errs60;
        if (vErrors !== null) {
          if (_errs60) {
            vErrors.length = _errs60;
          } else {
            vErrors = null;
          }
        }
      }
    }
  } else {
    const err59 = { instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err59];
    } else {
      vErrors.push(err59);
    }
    errors++;
  }
  validate15.errors = vErrors;
  return errors === 0;
}
validate15.evaluated = { "props": true, "dynamicProps": false, "dynamicItems": false };
