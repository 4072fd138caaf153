// Generated from ../loopback/device.json#/options by generate-validators. Do not edit: change the schema and run `npm run build`.
// oxlint-disable -- generated
// @ts-nocheck -- generated

/** A file beneath the tree, or a range of it, as a block device. */
export interface LoopbackOptionsSchema {
	/** The backing file, beneath the tree; a leading `/` is the tree. A regular file or a block device. */
	readonly filename: string;
	/**
	 * Where the device begins in the file, in sectors of `sector-size`.
	 *
	 * @default 0
	 */
	readonly start?: number;
	/**
	 * Sectors of the device; 0 is the rest of the file.
	 *
	 * @default 0
	 */
	readonly size?: number;
	/**
	 * Bytes of a sector: the unit of `start` and `size`, and the logical sector size that the device has.
	 *
	 * @default 512
	 */
	readonly "sector-size"?: 512 | 1024 | 2048 | 4096;
	/**
	 * Every partition of the table that is on the device when it is opened has a node beside it, `loop3p1`, whether or not the kernel knows such tables. An extended partition has none. No table, or a damaged one: no nodes.
	 *
	 * @default false
	 */
	readonly partscan?: boolean;
	/**
	 * Holds the BSD lock that keeps udev off, for as long as the device is open. Tools that take it themselves (systemd-repart, sfdisk --lock) would wait for ever.
	 *
	 * @default false
	 */
	readonly lock?: boolean;
	/**
	 * Nothing can be written; the file is opened for reading only.
	 *
	 * @default false
	 */
	readonly "read-only"?: boolean;
	/**
	 * The file is read and written past the page cache. An error where its file system cannot.
	 *
	 * @default false
	 */
	readonly "direct-io"?: boolean;
}

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

/** Finds everything that keeps `value` from being {@link LoopbackOptionsSchema}; nothing when it is. */
export function findLoopbackOptionsSchemaProblems(value: unknown): readonly SchemaProblem[] {
	return validate(value) ? [] : validate.errors;
}

var validate = validate15;
var schema38 = { "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false, "required": ["filename"], "properties": { "filename": { "type": "string", "pattern": "^/*[^/\\u0000][^\\u0000]*$" }, "start": { "type": "integer", "minimum": 0 }, "size": { "type": "integer", "minimum": 0 }, "sector-size": { "type": "integer", "enum": [512, 1024, 2048, 4096] }, "partscan": { "type": "boolean" }, "lock": { "type": "boolean" }, "read-only": { "type": "boolean" }, "direct-io": { "type": "boolean" } } };
var pattern4 = new RegExp("^/*[^/\\u0000][^\\u0000]*$", "u");
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
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data.filename === void 0) {
      const err0 = { instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: "filename" } };
      if (vErrors === null) {
        vErrors = [err0];
      } else {
        vErrors.push(err0);
      }
      errors++;
    }
    for (const key0 in data) {
      if (!(key0 === "filename" || key0 === "start" || key0 === "size" || key0 === "sector-size" || key0 === "partscan" || key0 === "lock" || key0 === "read-only" || key0 === "direct-io")) {
        const err1 = { instancePath, schemaPath: "#/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key0 } };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
    }
    if (data.filename !== void 0) {
      let data0 = data.filename;
      if (typeof data0 === "string") {
        if (!pattern4.test(data0)) {
          const err2 = { instancePath: instancePath + "/filename", schemaPath: "#/properties/filename/pattern", keyword: "pattern", params: { pattern: "^/*[^/\\u0000][^\\u0000]*$" } };
          if (vErrors === null) {
            vErrors = [err2];
          } else {
            vErrors.push(err2);
          }
          errors++;
        }
      } else {
        const err3 = { instancePath: instancePath + "/filename", schemaPath: "#/properties/filename/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.start !== void 0) {
      let data1 = data.start;
      if (!(typeof data1 == "number" && (!(data1 % 1) && !isNaN(data1)) && isFinite(data1))) {
        const err4 = { instancePath: instancePath + "/start", schemaPath: "#/properties/start/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
      if (typeof data1 == "number" && isFinite(data1)) {
        if (data1 < 0 || isNaN(data1)) {
          const err5 = { instancePath: instancePath + "/start", schemaPath: "#/properties/start/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err5];
          } else {
            vErrors.push(err5);
          }
          errors++;
        }
      }
    }
    if (data.size !== void 0) {
      let data2 = data.size;
      if (!(typeof data2 == "number" && (!(data2 % 1) && !isNaN(data2)) && isFinite(data2))) {
        const err6 = { instancePath: instancePath + "/size", schemaPath: "#/properties/size/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
      if (typeof data2 == "number" && isFinite(data2)) {
        if (data2 < 0 || isNaN(data2)) {
          const err7 = { instancePath: instancePath + "/size", schemaPath: "#/properties/size/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err7];
          } else {
            vErrors.push(err7);
          }
          errors++;
        }
      }
    }
    if (data["sector-size"] !== void 0) {
      let data3 = data["sector-size"];
      if (!(typeof data3 == "number" && (!(data3 % 1) && !isNaN(data3)) && isFinite(data3))) {
        const err8 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err8];
        } else {
          vErrors.push(err8);
        }
        errors++;
      }
      if (!(data3 === 512 || data3 === 1024 || data3 === 2048 || data3 === 4096)) {
        const err9 = { instancePath: instancePath + "/sector-size", schemaPath: "#/properties/sector-size/enum", keyword: "enum", params: { allowedValues: schema38.properties["sector-size"].enum } };
        if (vErrors === null) {
          vErrors = [err9];
        } else {
          vErrors.push(err9);
        }
        errors++;
      }
    }
    if (data.partscan !== void 0) {
      if (typeof data.partscan !== "boolean") {
        const err10 = { instancePath: instancePath + "/partscan", schemaPath: "#/properties/partscan/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err10];
        } else {
          vErrors.push(err10);
        }
        errors++;
      }
    }
    if (data.lock !== void 0) {
      if (typeof data.lock !== "boolean") {
        const err11 = { instancePath: instancePath + "/lock", schemaPath: "#/properties/lock/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err11];
        } else {
          vErrors.push(err11);
        }
        errors++;
      }
    }
    if (data["read-only"] !== void 0) {
      if (typeof data["read-only"] !== "boolean") {
        const err12 = { instancePath: instancePath + "/read-only", schemaPath: "#/properties/read-only/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err12];
        } else {
          vErrors.push(err12);
        }
        errors++;
      }
    }
    if (data["direct-io"] !== void 0) {
      if (typeof data["direct-io"] !== "boolean") {
        const err13 = { instancePath: instancePath + "/direct-io", schemaPath: "#/properties/direct-io/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err13];
        } else {
          vErrors.push(err13);
        }
        errors++;
      }
    }
  } else {
    const err14 = { instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err14];
    } else {
      vErrors.push(err14);
    }
    errors++;
  }
  validate15.errors = vErrors;
  return errors === 0;
}
validate15.evaluated = { "props": true, "dynamicProps": false, "dynamicItems": false };
