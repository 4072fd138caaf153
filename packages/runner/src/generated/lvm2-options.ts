// Generated from ../lvm2/device.json#/options by generate-validators. Do not edit: change the schema and run `npm run build`.
// oxlint-disable -- generated
// @ts-nocheck -- generated

/** A logical volume of an LVM2 volume group, whose physical volumes are the parents. */
export interface Lvm2OptionsSchema {
	/** The logical volume's name. */
	readonly volume: string;
	/**
	 * The physical volume is this partition of the parent, of each parent where there are several; 0: the parent itself.
	 *
	 * @default 0
	 */
	readonly vg_partnum?: number;
	/** The volume group's name or uuid. Needed only where the parents hold several. */
	readonly vg?: string;
	/**
	 * Nothing can be written.
	 *
	 * @default false
	 */
	readonly "read-only"?: boolean;
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

/** Finds everything that keeps `value` from being {@link Lvm2OptionsSchema}; nothing when it is. */
export function findLvm2OptionsSchemaProblems(value: unknown): readonly SchemaProblem[] {
	return validate(value) ? [] : validate.errors;
}

var validate = validate15;
var pattern4 = new RegExp("^(?!\\.{1,2}$)[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}$", "u");
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
    if (data.volume === void 0) {
      const err0 = { instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: "volume" } };
      if (vErrors === null) {
        vErrors = [err0];
      } else {
        vErrors.push(err0);
      }
      errors++;
    }
    for (const key0 in data) {
      if (!(key0 === "volume" || key0 === "vg_partnum" || key0 === "vg" || key0 === "read-only")) {
        const err1 = { instancePath, schemaPath: "#/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key0 } };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
    }
    if (data.volume !== void 0) {
      let data0 = data.volume;
      if (typeof data0 === "string") {
        if (!pattern4.test(data0)) {
          const err2 = { instancePath: instancePath + "/volume", schemaPath: "#/properties/volume/pattern", keyword: "pattern", params: { pattern: "^(?!\\.{1,2}$)[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}$" } };
          if (vErrors === null) {
            vErrors = [err2];
          } else {
            vErrors.push(err2);
          }
          errors++;
        }
      } else {
        const err3 = { instancePath: instancePath + "/volume", schemaPath: "#/properties/volume/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.vg_partnum !== void 0) {
      let data1 = data.vg_partnum;
      if (!(typeof data1 == "number" && (!(data1 % 1) && !isNaN(data1)) && isFinite(data1))) {
        const err4 = { instancePath: instancePath + "/vg_partnum", schemaPath: "#/properties/vg_partnum/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
      if (typeof data1 == "number" && isFinite(data1)) {
        if (data1 < 0 || isNaN(data1)) {
          const err5 = { instancePath: instancePath + "/vg_partnum", schemaPath: "#/properties/vg_partnum/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err5];
          } else {
            vErrors.push(err5);
          }
          errors++;
        }
      }
    }
    if (data.vg !== void 0) {
      let data2 = data.vg;
      if (typeof data2 === "string") {
        if (!pattern4.test(data2)) {
          const err6 = { instancePath: instancePath + "/vg", schemaPath: "#/properties/vg/pattern", keyword: "pattern", params: { pattern: "^(?!\\.{1,2}$)[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}$" } };
          if (vErrors === null) {
            vErrors = [err6];
          } else {
            vErrors.push(err6);
          }
          errors++;
        }
      } else {
        const err7 = { instancePath: instancePath + "/vg", schemaPath: "#/properties/vg/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err7];
        } else {
          vErrors.push(err7);
        }
        errors++;
      }
    }
    if (data["read-only"] !== void 0) {
      if (typeof data["read-only"] !== "boolean") {
        const err8 = { instancePath: instancePath + "/read-only", schemaPath: "#/properties/read-only/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err8];
        } else {
          vErrors.push(err8);
        }
        errors++;
      }
    }
  } else {
    const err9 = { instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err9];
    } else {
      vErrors.push(err9);
    }
    errors++;
  }
  validate15.errors = vErrors;
  return errors === 0;
}
validate15.evaluated = { "props": true, "dynamicProps": false, "dynamicItems": false };
