// Generated from ../mount/mount.json#/options by generate-validators. Do not edit: change the schema and run `npm run build`.
// oxlint-disable -- generated
// @ts-nocheck -- generated

/** Which of them a type has is in `types`. */
export interface MountOptionsSchema {
	/**
	 * Nothing can be written, by nobody, and the file system writes nothing itself: a journal is not replayed.
	 *
	 * @default false
	 */
	readonly "read-only"?: boolean;
	/**
	 * As `read-only`.
	 *
	 * @default false
	 */
	readonly readonly?: boolean;
	/**
	 * Mounts without replaying a journal that was not finished: what is seen may be older, and damaged.
	 *
	 * @default false
	 */
	readonly norecovery?: boolean;
	/**
	 * Mounts although another file system of the same uuid is mounted on this machine.
	 *
	 * @default false
	 */
	readonly nouuid?: boolean;
	/** The subvolume that is mounted, by its path from the top of the file system. */
	readonly subvol?: string;
	/** How what is written is compressed: zlib, lzo, zstd or no, and its level. */
	readonly compress?: string;
	/** Numeric owner of all files. */
	readonly uid?: number;
	/** Numeric group of all files. */
	readonly gid?: number;
	/** The permission bits that no file has, in octal. */
	readonly umask?: string;
	/** How names of eight and three characters are shown and made. */
	readonly shortname?: "lower" | "win95" | "winnt" | "mixed";
	/**
	 * Set-user-id and set-group-id bits and file capabilities of the image's programs count.
	 *
	 * @default false
	 */
	readonly suid?: boolean;
	/**
	 * The image's device nodes can be opened.
	 *
	 * @default false
	 */
	readonly dev?: boolean;
	/**
	 * The image's programs can be executed.
	 *
	 * @default true
	 */
	readonly exec?: boolean;
	/** The directory that is mounted: `tree:///path` or `mount://NAME/path`. */
	readonly from?: string;
	/** The directories beneath, the topmost first, as `from`. */
	readonly lower?: readonly string[];
	/** The directory that gets what is written, as `from`; without it nothing can be. */
	readonly upper?: string;
	/** An empty directory on the file system of `upper`, as `from`. */
	readonly work?: string;
	/** The most that can be written: bytes, with k, m or g behind, or a share of the memory with %. */
	readonly size?: string;
	/** Permission bits of the directory, in octal. */
	readonly mode?: string;
	/** What is bound, with what is mounted beneath: `mount://` is the directory of all mounts, `mount://NAME` a mount or a directory in there. */
	readonly source?: string;
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

/** Finds everything that keeps `value` from being {@link MountOptionsSchema}; nothing when it is. */
export function findMountOptionsSchemaProblems(value: unknown): readonly SchemaProblem[] {
	return validate(value) ? [] : validate.errors;
}

var validate = validate15;
var schema38 = { "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false, "properties": { "read-only": { "type": "boolean" }, "readonly": { "type": "boolean" }, "norecovery": { "type": "boolean" }, "nouuid": { "type": "boolean" }, "subvol": { "type": "string", "pattern": "^[^\\u0000,]+$" }, "compress": { "type": "string", "pattern": "^(zlib|lzo|zstd|none|no)(:[0-9]{1,2})?$" }, "uid": { "type": "integer", "minimum": 0, "maximum": 4294967294 }, "gid": { "type": "integer", "minimum": 0, "maximum": 4294967294 }, "umask": { "type": "string", "pattern": "^[0-7]{3}$" }, "shortname": { "type": "string", "enum": ["lower", "win95", "winnt", "mixed"] }, "suid": { "type": "boolean" }, "dev": { "type": "boolean" }, "exec": { "type": "boolean" }, "from": { "type": "string", "pattern": "^(tree://|mount://[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})(/[^\\u0000]*)?$" }, "lower": { "type": "array", "minItems": 1, "maxItems": 64, "items": { "type": "string", "pattern": "^(tree://|mount://[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})(/[^\\u0000]*)?$" } }, "upper": { "type": "string", "pattern": "^(tree://|mount://[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})(/[^\\u0000]*)?$" }, "work": { "type": "string", "pattern": "^(tree://|mount://[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})(/[^\\u0000]*)?$" }, "size": { "type": "string", "pattern": "^[0-9]{1,15}[kKmMgG%]?$" }, "mode": { "type": "string", "pattern": "^[0-7]{3,4}$" }, "source": { "type": "string", "pattern": "^mount://[^/\\u0000]*/?$" } } };
var func1 = Object.prototype.hasOwnProperty;
var pattern4 = new RegExp("^[^\\u0000,]+$", "u");
var pattern5 = new RegExp("^(zlib|lzo|zstd|none|no)(:[0-9]{1,2})?$", "u");
var pattern6 = new RegExp("^[0-7]{3}$", "u");
var pattern7 = new RegExp("^(tree://|mount://[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})(/[^\\u0000]*)?$", "u");
var pattern11 = new RegExp("^[0-9]{1,15}[kKmMgG%]?$", "u");
var pattern12 = new RegExp("^[0-7]{3,4}$", "u");
var pattern13 = new RegExp("^mount://[^/\\u0000]*/?$", "u");
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
    for (const key0 in data) {
      if (!func1.call(schema38.properties, key0)) {
        const err0 = { instancePath, schemaPath: "#/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key0 } };
        if (vErrors === null) {
          vErrors = [err0];
        } else {
          vErrors.push(err0);
        }
        errors++;
      }
    }
    if (data["read-only"] !== void 0) {
      if (typeof data["read-only"] !== "boolean") {
        const err1 = { instancePath: instancePath + "/read-only", schemaPath: "#/properties/read-only/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err1];
        } else {
          vErrors.push(err1);
        }
        errors++;
      }
    }
    if (data.readonly !== void 0) {
      if (typeof data.readonly !== "boolean") {
        const err2 = { instancePath: instancePath + "/readonly", schemaPath: "#/properties/readonly/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
    }
    if (data.norecovery !== void 0) {
      if (typeof data.norecovery !== "boolean") {
        const err3 = { instancePath: instancePath + "/norecovery", schemaPath: "#/properties/norecovery/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.nouuid !== void 0) {
      if (typeof data.nouuid !== "boolean") {
        const err4 = { instancePath: instancePath + "/nouuid", schemaPath: "#/properties/nouuid/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
    }
    if (data.subvol !== void 0) {
      let data4 = data.subvol;
      if (typeof data4 === "string") {
        if (!pattern4.test(data4)) {
          const err5 = { instancePath: instancePath + "/subvol", schemaPath: "#/properties/subvol/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000,]+$" } };
          if (vErrors === null) {
            vErrors = [err5];
          } else {
            vErrors.push(err5);
          }
          errors++;
        }
      } else {
        const err6 = { instancePath: instancePath + "/subvol", schemaPath: "#/properties/subvol/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
    }
    if (data.compress !== void 0) {
      let data5 = data.compress;
      if (typeof data5 === "string") {
        if (!pattern5.test(data5)) {
          const err7 = { instancePath: instancePath + "/compress", schemaPath: "#/properties/compress/pattern", keyword: "pattern", params: { pattern: "^(zlib|lzo|zstd|none|no)(:[0-9]{1,2})?$" } };
          if (vErrors === null) {
            vErrors = [err7];
          } else {
            vErrors.push(err7);
          }
          errors++;
        }
      } else {
        const err8 = { instancePath: instancePath + "/compress", schemaPath: "#/properties/compress/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err8];
        } else {
          vErrors.push(err8);
        }
        errors++;
      }
    }
    if (data.uid !== void 0) {
      let data6 = data.uid;
      if (!(typeof data6 == "number" && (!(data6 % 1) && !isNaN(data6)) && isFinite(data6))) {
        const err9 = { instancePath: instancePath + "/uid", schemaPath: "#/properties/uid/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err9];
        } else {
          vErrors.push(err9);
        }
        errors++;
      }
      if (typeof data6 == "number" && isFinite(data6)) {
        if (data6 > 4294967294 || isNaN(data6)) {
          const err10 = { instancePath: instancePath + "/uid", schemaPath: "#/properties/uid/maximum", keyword: "maximum", params: { comparison: "<=", limit: 4294967294 } };
          if (vErrors === null) {
            vErrors = [err10];
          } else {
            vErrors.push(err10);
          }
          errors++;
        }
        if (data6 < 0 || isNaN(data6)) {
          const err11 = { instancePath: instancePath + "/uid", schemaPath: "#/properties/uid/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err11];
          } else {
            vErrors.push(err11);
          }
          errors++;
        }
      }
    }
    if (data.gid !== void 0) {
      let data7 = data.gid;
      if (!(typeof data7 == "number" && (!(data7 % 1) && !isNaN(data7)) && isFinite(data7))) {
        const err12 = { instancePath: instancePath + "/gid", schemaPath: "#/properties/gid/type", keyword: "type", params: { type: "integer" } };
        if (vErrors === null) {
          vErrors = [err12];
        } else {
          vErrors.push(err12);
        }
        errors++;
      }
      if (typeof data7 == "number" && isFinite(data7)) {
        if (data7 > 4294967294 || isNaN(data7)) {
          const err13 = { instancePath: instancePath + "/gid", schemaPath: "#/properties/gid/maximum", keyword: "maximum", params: { comparison: "<=", limit: 4294967294 } };
          if (vErrors === null) {
            vErrors = [err13];
          } else {
            vErrors.push(err13);
          }
          errors++;
        }
        if (data7 < 0 || isNaN(data7)) {
          const err14 = { instancePath: instancePath + "/gid", schemaPath: "#/properties/gid/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err14];
          } else {
            vErrors.push(err14);
          }
          errors++;
        }
      }
    }
    if (data.umask !== void 0) {
      let data8 = data.umask;
      if (typeof data8 === "string") {
        if (!pattern6.test(data8)) {
          const err15 = { instancePath: instancePath + "/umask", schemaPath: "#/properties/umask/pattern", keyword: "pattern", params: { pattern: "^[0-7]{3}$" } };
          if (vErrors === null) {
            vErrors = [err15];
          } else {
            vErrors.push(err15);
          }
          errors++;
        }
      } else {
        const err16 = { instancePath: instancePath + "/umask", schemaPath: "#/properties/umask/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err16];
        } else {
          vErrors.push(err16);
        }
        errors++;
      }
    }
    if (data.shortname !== void 0) {
      let data9 = data.shortname;
      if (typeof data9 !== "string") {
        const err17 = { instancePath: instancePath + "/shortname", schemaPath: "#/properties/shortname/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err17];
        } else {
          vErrors.push(err17);
        }
        errors++;
      }
      if (!(data9 === "lower" || data9 === "win95" || data9 === "winnt" || data9 === "mixed")) {
        const err18 = { instancePath: instancePath + "/shortname", schemaPath: "#/properties/shortname/enum", keyword: "enum", params: { allowedValues: schema38.properties.shortname.enum } };
        if (vErrors === null) {
          vErrors = [err18];
        } else {
          vErrors.push(err18);
        }
        errors++;
      }
    }
    if (data.suid !== void 0) {
      if (typeof data.suid !== "boolean") {
        const err19 = { instancePath: instancePath + "/suid", schemaPath: "#/properties/suid/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err19];
        } else {
          vErrors.push(err19);
        }
        errors++;
      }
    }
    if (data.dev !== void 0) {
      if (typeof data.dev !== "boolean") {
        const err20 = { instancePath: instancePath + "/dev", schemaPath: "#/properties/dev/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err20];
        } else {
          vErrors.push(err20);
        }
        errors++;
      }
    }
    if (data.exec !== void 0) {
      if (typeof data.exec !== "boolean") {
        const err21 = { instancePath: instancePath + "/exec", schemaPath: "#/properties/exec/type", keyword: "type", params: { type: "boolean" } };
        if (vErrors === null) {
          vErrors = [err21];
        } else {
          vErrors.push(err21);
        }
        errors++;
      }
    }
    if (data.from !== void 0) {
      let data13 = data.from;
      if (typeof data13 === "string") {
        if (!pattern7.test(data13)) {
          const err22 = { instancePath: instancePath + "/from", schemaPath: "#/properties/from/pattern", keyword: "pattern", params: { pattern: "^(tree://|mount://[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})(/[^\\u0000]*)?$" } };
          if (vErrors === null) {
            vErrors = [err22];
          } else {
            vErrors.push(err22);
          }
          errors++;
        }
      } else {
        const err23 = { instancePath: instancePath + "/from", schemaPath: "#/properties/from/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err23];
        } else {
          vErrors.push(err23);
        }
        errors++;
      }
    }
    if (data.lower !== void 0) {
      let data14 = data.lower;
      if (Array.isArray(data14)) {
        if (data14.length > 64) {
          const err24 = { instancePath: instancePath + "/lower", schemaPath: "#/properties/lower/maxItems", keyword: "maxItems", params: { limit: 64 } };
          if (vErrors === null) {
            vErrors = [err24];
          } else {
            vErrors.push(err24);
          }
          errors++;
        }
        if (data14.length < 1) {
          const err25 = { instancePath: instancePath + "/lower", schemaPath: "#/properties/lower/minItems", keyword: "minItems", params: { limit: 1 } };
          if (vErrors === null) {
            vErrors = [err25];
          } else {
            vErrors.push(err25);
          }
          errors++;
        }
        const len0 = data14.length;
        for (let i0 = 0; i0 < len0; i0++) {
          let data15 = data14[i0];
          if (typeof data15 === "string") {
            if (!pattern7.test(data15)) {
              const err26 = { instancePath: instancePath + "/lower/" + i0, schemaPath: "#/properties/lower/items/pattern", keyword: "pattern", params: { pattern: "^(tree://|mount://[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})(/[^\\u0000]*)?$" } };
              if (vErrors === null) {
                vErrors = [err26];
              } else {
                vErrors.push(err26);
              }
              errors++;
            }
          } else {
            const err27 = { instancePath: instancePath + "/lower/" + i0, schemaPath: "#/properties/lower/items/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err27];
            } else {
              vErrors.push(err27);
            }
            errors++;
          }
        }
      } else {
        const err28 = { instancePath: instancePath + "/lower", schemaPath: "#/properties/lower/type", keyword: "type", params: { type: "array" } };
        if (vErrors === null) {
          vErrors = [err28];
        } else {
          vErrors.push(err28);
        }
        errors++;
      }
    }
    if (data.upper !== void 0) {
      let data16 = data.upper;
      if (typeof data16 === "string") {
        if (!pattern7.test(data16)) {
          const err29 = { instancePath: instancePath + "/upper", schemaPath: "#/properties/upper/pattern", keyword: "pattern", params: { pattern: "^(tree://|mount://[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})(/[^\\u0000]*)?$" } };
          if (vErrors === null) {
            vErrors = [err29];
          } else {
            vErrors.push(err29);
          }
          errors++;
        }
      } else {
        const err30 = { instancePath: instancePath + "/upper", schemaPath: "#/properties/upper/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err30];
        } else {
          vErrors.push(err30);
        }
        errors++;
      }
    }
    if (data.work !== void 0) {
      let data17 = data.work;
      if (typeof data17 === "string") {
        if (!pattern7.test(data17)) {
          const err31 = { instancePath: instancePath + "/work", schemaPath: "#/properties/work/pattern", keyword: "pattern", params: { pattern: "^(tree://|mount://[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})(/[^\\u0000]*)?$" } };
          if (vErrors === null) {
            vErrors = [err31];
          } else {
            vErrors.push(err31);
          }
          errors++;
        }
      } else {
        const err32 = { instancePath: instancePath + "/work", schemaPath: "#/properties/work/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err32];
        } else {
          vErrors.push(err32);
        }
        errors++;
      }
    }
    if (data.size !== void 0) {
      let data18 = data.size;
      if (typeof data18 === "string") {
        if (!pattern11.test(data18)) {
          const err33 = { instancePath: instancePath + "/size", schemaPath: "#/properties/size/pattern", keyword: "pattern", params: { pattern: "^[0-9]{1,15}[kKmMgG%]?$" } };
          if (vErrors === null) {
            vErrors = [err33];
          } else {
            vErrors.push(err33);
          }
          errors++;
        }
      } else {
        const err34 = { instancePath: instancePath + "/size", schemaPath: "#/properties/size/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err34];
        } else {
          vErrors.push(err34);
        }
        errors++;
      }
    }
    if (data.mode !== void 0) {
      let data19 = data.mode;
      if (typeof data19 === "string") {
        if (!pattern12.test(data19)) {
          const err35 = { instancePath: instancePath + "/mode", schemaPath: "#/properties/mode/pattern", keyword: "pattern", params: { pattern: "^[0-7]{3,4}$" } };
          if (vErrors === null) {
            vErrors = [err35];
          } else {
            vErrors.push(err35);
          }
          errors++;
        }
      } else {
        const err36 = { instancePath: instancePath + "/mode", schemaPath: "#/properties/mode/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err36];
        } else {
          vErrors.push(err36);
        }
        errors++;
      }
    }
    if (data.source !== void 0) {
      let data20 = data.source;
      if (typeof data20 === "string") {
        if (!pattern13.test(data20)) {
          const err37 = { instancePath: instancePath + "/source", schemaPath: "#/properties/source/pattern", keyword: "pattern", params: { pattern: "^mount://[^/\\u0000]*/?$" } };
          if (vErrors === null) {
            vErrors = [err37];
          } else {
            vErrors.push(err37);
          }
          errors++;
        }
      } else {
        const err38 = { instancePath: instancePath + "/source", schemaPath: "#/properties/source/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err38];
        } else {
          vErrors.push(err38);
        }
        errors++;
      }
    }
  } else {
    const err39 = { instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err39];
    } else {
      vErrors.push(err39);
    }
    errors++;
  }
  validate15.errors = vErrors;
  return errors === 0;
}
validate15.evaluated = { "props": true, "dynamicProps": false, "dynamicItems": false };
