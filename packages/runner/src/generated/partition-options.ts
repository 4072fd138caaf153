// Generated from ../partition/device.json#/options by generate-validators. Do not edit: change the schema and run `npm run build`.
// oxlint-disable -- generated
// @ts-nocheck -- generated

/** One partition of the parent, which has a GPT or an MBR. */
export type PartitionOptionsSchema = {
	/** The partition's number: 1 is `loop0p1`. Logical partitions of an MBR begin with 5. */
	readonly number?: number;
	/** The partition's name. Only a GPT has names. */
	readonly label?: string;
	/** What the kernel calls PARTUUID: in a GPT the partition's GUID, in an MBR the disk's signature and the number, `1a2b3c4d-01`. */
	readonly uuid?: string;
	/** The partition's type: a GUID, an MBR's byte in two hexadecimal digits (in quotes), or a name of the Discoverable Partitions Specification, such as `esp` or `root-x86-64`. */
	readonly type?: string;
	/**
	 * Nothing can be written.
	 *
	 * @default false
	 */
	readonly "read-only"?: boolean;
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

/** Finds everything that keeps `value` from being {@link PartitionOptionsSchema}; nothing when it is. */
export function findPartitionOptionsSchemaProblems(value: unknown): readonly SchemaProblem[] {
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
var schema38 = { "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false, "oneOf": [{ "required": ["number"] }, { "required": ["label"] }, { "required": ["uuid"] }, { "required": ["type"] }], "properties": { "number": { "type": "integer", "minimum": 1, "maximum": 65536 }, "label": { "type": "string", "minLength": 1, "maxLength": 36 }, "uuid": { "type": "string", "pattern": "^(?:[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{2,})$" }, "type": { "type": "string", "anyOf": [{ "pattern": "^(?:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|(?:0x)?[0-9A-Fa-f]{1,2})$" }, { "enum": ["root-alpha", "root-alpha-verity", "root-alpha-verity-sig", "usr-alpha", "usr-alpha-verity", "usr-alpha-verity-sig", "root-arc", "root-arc-verity", "root-arc-verity-sig", "usr-arc", "usr-arc-verity", "usr-arc-verity-sig", "root-arm", "root-arm-verity", "root-arm-verity-sig", "usr-arm", "usr-arm-verity", "usr-arm-verity-sig", "root-arm64", "root-arm64-verity", "root-arm64-verity-sig", "usr-arm64", "usr-arm64-verity", "usr-arm64-verity-sig", "root-ia64", "root-ia64-verity", "root-ia64-verity-sig", "usr-ia64", "usr-ia64-verity", "usr-ia64-verity-sig", "root-loongarch64", "root-loongarch64-verity", "root-loongarch64-verity-sig", "usr-loongarch64", "usr-loongarch64-verity", "usr-loongarch64-verity-sig", "root-mips", "root-mips-verity", "root-mips-verity-sig", "usr-mips", "usr-mips-verity", "usr-mips-verity-sig", "root-mips64", "root-mips64-verity", "root-mips64-verity-sig", "usr-mips64", "usr-mips64-verity", "usr-mips64-verity-sig", "root-mips-le", "root-mips-le-verity", "root-mips-le-verity-sig", "usr-mips-le", "usr-mips-le-verity", "usr-mips-le-verity-sig", "root-mips64-le", "root-mips64-le-verity", "root-mips64-le-verity-sig", "usr-mips64-le", "usr-mips64-le-verity", "usr-mips64-le-verity-sig", "root-parisc", "root-parisc-verity", "root-parisc-verity-sig", "usr-parisc", "usr-parisc-verity", "usr-parisc-verity-sig", "root-ppc", "root-ppc-verity", "root-ppc-verity-sig", "usr-ppc", "usr-ppc-verity", "usr-ppc-verity-sig", "root-ppc64", "root-ppc64-verity", "root-ppc64-verity-sig", "usr-ppc64", "usr-ppc64-verity", "usr-ppc64-verity-sig", "root-ppc64-le", "root-ppc64-le-verity", "root-ppc64-le-verity-sig", "usr-ppc64-le", "usr-ppc64-le-verity", "usr-ppc64-le-verity-sig", "root-riscv32", "root-riscv32-verity", "root-riscv32-verity-sig", "usr-riscv32", "usr-riscv32-verity", "usr-riscv32-verity-sig", "root-riscv64", "root-riscv64-verity", "root-riscv64-verity-sig", "usr-riscv64", "usr-riscv64-verity", "usr-riscv64-verity-sig", "root-s390", "root-s390-verity", "root-s390-verity-sig", "usr-s390", "usr-s390-verity", "usr-s390-verity-sig", "root-s390x", "root-s390x-verity", "root-s390x-verity-sig", "usr-s390x", "usr-s390x-verity", "usr-s390x-verity-sig", "root-tilegx", "root-tilegx-verity", "root-tilegx-verity-sig", "usr-tilegx", "usr-tilegx-verity", "usr-tilegx-verity-sig", "root-x86", "root-x86-verity", "root-x86-verity-sig", "usr-x86", "usr-x86-verity", "usr-x86-verity-sig", "root-x86-64", "root-x86-64-verity", "root-x86-64-verity-sig", "usr-x86-64", "usr-x86-64-verity", "usr-x86-64-verity-sig", "esp", "xbootldr", "swap", "home", "srv", "var", "tmp", "user-home", "linux-generic"] }] }, "read-only": { "type": "boolean" } } };
var func1 = require_ucs2length().default;
var pattern4 = new RegExp("^(?:[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{2,})$", "u");
var pattern5 = new RegExp("^(?:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|(?:0x)?[0-9A-Fa-f]{1,2})$", "u");
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
    if (data.number === void 0) {
      const err0 = { instancePath, schemaPath: "#/oneOf/0/required", keyword: "required", params: { missingProperty: "number" } };
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
    if (data.label === void 0) {
      const err1 = { instancePath, schemaPath: "#/oneOf/1/required", keyword: "required", params: { missingProperty: "label" } };
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
      if (data.uuid === void 0) {
        const err2 = { instancePath, schemaPath: "#/oneOf/2/required", keyword: "required", params: { missingProperty: "uuid" } };
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
        if (data.type === void 0) {
          const err3 = { instancePath, schemaPath: "#/oneOf/3/required", keyword: "required", params: { missingProperty: "type" } };
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
      if (!(key0 === "number" || key0 === "label" || key0 === "uuid" || key0 === "type" || key0 === "read-only")) {
        const err5 = { instancePath, schemaPath: "#/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key0 } };
        if (vErrors === null) {
          vErrors = [err5];
        } else {
          vErrors.push(err5);
        }
        errors++;
      }
    }
    if (data.number !== void 0) {
      let data0 = data.number;
      if (!(typeof data0 == "number" && (!(data0 % 1) && !isNaN(data0)) && isFinite(data0))) {
        const err6 = { instancePath: instancePath + "/number", schemaPath: "#/properties/number/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
      if (typeof data0 == "number" && isFinite(data0)) {
        if (data0 > 65536 || isNaN(data0)) {
          const err7 = { instancePath: instancePath + "/number", schemaPath: "#/properties/number/maximum", keyword: "maximum", params: { comparison: "<=", limit: 65536 } };
          if (vErrors === null) {
            vErrors = [err7];
          } else {
            vErrors.push(err7);
          }
          errors++;
        }
        if (data0 < 1 || isNaN(data0)) {
          const err8 = { instancePath: instancePath + "/number", schemaPath: "#/properties/number/minimum", keyword: "minimum", params: { comparison: ">=", limit: 1 } };
          if (vErrors === null) {
            vErrors = [err8];
          } else {
            vErrors.push(err8);
          }
          errors++;
        }
      }
    }
    if (data.label !== void 0) {
      let data1 = data.label;
      if (typeof data1 === "string") {
        if (func1(data1) > 36) {
          const err9 = { instancePath: instancePath + "/label", schemaPath: "#/properties/label/maxLength", keyword: "maxLength", params: { limit: 36 } };
          if (vErrors === null) {
            vErrors = [err9];
          } else {
            vErrors.push(err9);
          }
          errors++;
        }
        if (func1(data1) < 1) {
          const err10 = { instancePath: instancePath + "/label", schemaPath: "#/properties/label/minLength", keyword: "minLength", params: { limit: 1 } };
          if (vErrors === null) {
            vErrors = [err10];
          } else {
            vErrors.push(err10);
          }
          errors++;
        }
      } else {
        const err11 = { instancePath: instancePath + "/label", schemaPath: "#/properties/label/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err11];
        } else {
          vErrors.push(err11);
        }
        errors++;
      }
    }
    if (data.uuid !== void 0) {
      let data2 = data.uuid;
      if (typeof data2 === "string") {
        if (!pattern4.test(data2)) {
          const err12 = { instancePath: instancePath + "/uuid", schemaPath: "#/properties/uuid/pattern", keyword: "pattern", params: { pattern: "^(?:[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{2,})$" } };
          if (vErrors === null) {
            vErrors = [err12];
          } else {
            vErrors.push(err12);
          }
          errors++;
        }
      } else {
        const err13 = { instancePath: instancePath + "/uuid", schemaPath: "#/properties/uuid/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err13];
        } else {
          vErrors.push(err13);
        }
        errors++;
      }
    }
    if (data.type !== void 0) {
      let data3 = data.type;
      if (typeof data3 !== "string") {
        const err14 = { instancePath: instancePath + "/type", schemaPath: "#/properties/type/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err14];
        } else {
          vErrors.push(err14);
        }
        errors++;
      }
      const _errs15 = errors;
      let valid2 = false;
      const _errs16 = errors;
      if (typeof data3 === "string") {
        if (!pattern5.test(data3)) {
          const err15 = { instancePath: instancePath + "/type", schemaPath: "#/properties/type/anyOf/0/pattern", keyword: "pattern", params: { pattern: "^(?:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|(?:0x)?[0-9A-Fa-f]{1,2})$" } };
          if (vErrors === null) {
            vErrors = [err15];
          } else {
            vErrors.push(err15);
          }
          errors++;
        }
      }
      var _valid1 = _errs16 === errors;
      valid2 = valid2 || _valid1;
      const _errs17 = errors;
      if (!(data3 === "root-alpha" || data3 === "root-alpha-verity" || data3 === "root-alpha-verity-sig" || data3 === "usr-alpha" || data3 === "usr-alpha-verity" || data3 === "usr-alpha-verity-sig" || data3 === "root-arc" || data3 === "root-arc-verity" || data3 === "root-arc-verity-sig" || data3 === "usr-arc" || data3 === "usr-arc-verity" || data3 === "usr-arc-verity-sig" || data3 === "root-arm" || data3 === "root-arm-verity" || data3 === "root-arm-verity-sig" || data3 === "usr-arm" || data3 === "usr-arm-verity" || data3 === "usr-arm-verity-sig" || data3 === "root-arm64" || data3 === "root-arm64-verity" || data3 === "root-arm64-verity-sig" || data3 === "usr-arm64" || data3 === "usr-arm64-verity" || data3 === "usr-arm64-verity-sig" || data3 === "root-ia64" || data3 === "root-ia64-verity" || data3 === "root-ia64-verity-sig" || data3 === "usr-ia64" || data3 === "usr-ia64-verity" || data3 === "usr-ia64-verity-sig" || data3 === "root-loongarch64" || data3 === "root-loongarch64-verity" || data3 === "root-loongarch64-verity-sig" || data3 === "usr-loongarch64" || data3 === "usr-loongarch64-verity" || data3 === "usr-loongarch64-verity-sig" || data3 === "root-mips" || data3 === "root-mips-verity" || data3 === "root-mips-verity-sig" || data3 === "usr-mips" || data3 === "usr-mips-verity" || data3 === "usr-mips-verity-sig" || data3 === "root-mips64" || data3 === "root-mips64-verity" || data3 === "root-mips64-verity-sig" || data3 === "usr-mips64" || data3 === "usr-mips64-verity" || data3 === "usr-mips64-verity-sig" || data3 === "root-mips-le" || data3 === "root-mips-le-verity" || data3 === "root-mips-le-verity-sig" || data3 === "usr-mips-le" || data3 === "usr-mips-le-verity" || data3 === "usr-mips-le-verity-sig" || data3 === "root-mips64-le" || data3 === "root-mips64-le-verity" || data3 === "root-mips64-le-verity-sig" || data3 === "usr-mips64-le" || data3 === "usr-mips64-le-verity" || data3 === "usr-mips64-le-verity-sig" || data3 === "root-parisc" || data3 === "root-parisc-verity" || data3 === "root-parisc-verity-sig" || data3 === "usr-parisc" || data3 === "usr-parisc-verity" || data3 === "usr-parisc-verity-sig" || data3 === "root-ppc" || data3 === "root-ppc-verity" || data3 === "root-ppc-verity-sig" || data3 === "usr-ppc" || data3 === "usr-ppc-verity" || data3 === "usr-ppc-verity-sig" || data3 === "root-ppc64" || data3 === "root-ppc64-verity" || data3 === "root-ppc64-verity-sig" || data3 === "usr-ppc64" || data3 === "usr-ppc64-verity" || data3 === "usr-ppc64-verity-sig" || data3 === "root-ppc64-le" || data3 === "root-ppc64-le-verity" || data3 === "root-ppc64-le-verity-sig" || data3 === "usr-ppc64-le" || data3 === "usr-ppc64-le-verity" || data3 === "usr-ppc64-le-verity-sig" || data3 === "root-riscv32" || data3 === "root-riscv32-verity" || data3 === "root-riscv32-verity-sig" || data3 === "usr-riscv32" || data3 === "usr-riscv32-verity" || data3 === "usr-riscv32-verity-sig" || data3 === "root-riscv64" || data3 === "root-riscv64-verity" || data3 === "root-riscv64-verity-sig" || data3 === "usr-riscv64" || data3 === "usr-riscv64-verity" || data3 === "usr-riscv64-verity-sig" || data3 === "root-s390" || data3 === "root-s390-verity" || data3 === "root-s390-verity-sig" || data3 === "usr-s390" || data3 === "usr-s390-verity" || data3 === "usr-s390-verity-sig" || data3 === "root-s390x" || data3 === "root-s390x-verity" || data3 === "root-s390x-verity-sig" || data3 === "usr-s390x" || data3 === "usr-s390x-verity" || data3 === "usr-s390x-verity-sig" || data3 === "root-tilegx" || data3 === "root-tilegx-verity" || data3 === "root-tilegx-verity-sig" || data3 === "usr-tilegx" || data3 === "usr-tilegx-verity" || data3 === "usr-tilegx-verity-sig" || data3 === "root-x86" || data3 === "root-x86-verity" || data3 === "root-x86-verity-sig" || data3 === "usr-x86" || data3 === "usr-x86-verity" || data3 === "usr-x86-verity-sig" || data3 === "root-x86-64" || data3 === "root-x86-64-verity" || data3 === "root-x86-64-verity-sig" || data3 === "usr-x86-64" || data3 === "usr-x86-64-verity" || data3 === "usr-x86-64-verity-sig" || data3 === "esp" || data3 === "xbootldr" || data3 === "swap" || data3 === "home" || data3 === "srv" || data3 === "var" || data3 === "tmp" || data3 === "user-home" || data3 === "linux-generic")) {
        const err16 = { instancePath: instancePath + "/type", schemaPath: "#/properties/type/anyOf/1/enum", keyword: "enum", params: { allowedValues: schema38.properties.type.anyOf[1].enum } };
        if (vErrors === null) {
          vErrors = [err16];
        } else {
          vErrors.push(err16);
        }
        errors++;
      }
      var _valid1 = _errs17 === errors;
      valid2 = valid2 || _valid1;
      if (!valid2) {
        const err17 = { instancePath: instancePath + "/type", schemaPath: "#/properties/type/anyOf", keyword: "anyOf", params: {} };
        if (vErrors === null) {
          vErrors = [err17];
        } else {
          vErrors.push(err17);
        }
        errors++;
      } else {
        errors = _errs15;
        if (vErrors !== null) {
          if (_errs15) {
            vErrors.length = _errs15;
          } else {
            vErrors = null;
          }
        }
      }
    }
    if (data["read-only"] !== void 0) {
      if (typeof data["read-only"] !== "boolean") {
        const err18 = { instancePath: instancePath + "/read-only", schemaPath: "#/properties/read-only/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err18];
        } else {
          vErrors.push(err18);
        }
        errors++;
      }
    }
  } else {
    const err19 = { instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err19];
    } else {
      vErrors.push(err19);
    }
    errors++;
  }
  validate15.errors = vErrors;
  return errors === 0;
}
validate15.evaluated = { "props": true, "dynamicProps": false, "dynamicItems": false };
