// Generated from schema/manifest.schema.json by generate-validators. Do not edit: change the schema and run `npm run build`.
// oxlint-disable -- generated
// @ts-nocheck -- generated

/** Devices, and the stages that use them. */
export interface ManifestSchema {
	/** For editors; without a meaning here. */
	readonly $schema?: string;
	/** The version of this format. */
	readonly version: 1;
	/** The directory that the files of devices are beneath, relative to the manifest. Stages find it at /run/devhost/tree. */
	readonly tree: string;
	/** Devices that stages share, by name: opened before the first stage that uses them, closed after the last. */
	readonly devices?: Devices;
	/** Mounted file systems that stages share, by name: mounted before the first stage that uses them, unmounted after the last. Their names are no names of shared devices. */
	readonly mounts?: Mounts;
	/** Commands that run one after the other, each in a sandbox of its own. */
	readonly stages: readonly Stage[];
	/** Packages with further types of devices, found from the manifest's folder: names of packages, or paths of folders. Their services run as root, outside of the sandbox. */
	readonly modules?: readonly string[];
}

/** Devices by name. */
export type Devices = {
	readonly [key: string]: Device;
};

/** A device. */
export interface Device {
	/** What kind of device it is, such as devhost.loopback. */
	readonly type: string;
	/** The device that it stands on, by name. */
	readonly parent?: string | null;
	/** The devices that it stands on, by name, where they are several; instead of parent. */
	readonly parents?: readonly string[];
	/** The mount that its file is in, by name, instead of the tree. */
	readonly mount?: string;
	/** What its type makes of it: the README of its package says. */
	readonly options?: Readonly<Record<string, unknown>>;
}

/** Mounts by name. */
export type Mounts = {
	readonly [key: string]: Mount;
};

/** A mounted file system. */
export interface Mount {
	/** What is mounted: a file system such as ext4, or auto. */
	readonly type: string;
	/** The device that the file system is on, by name. */
	readonly source?: string;
	/** The number of the partition of the source that the file system is on. The source has partscan. */
	readonly partition?: number;
	/** Where it is mounted: an absolute path, which stages find beneath /run/devhost/mounts. A mount beneath another one's target is mounted in that. */
	readonly target: string;
	/** What its type makes of it: the README of its package says. */
	readonly options?: Readonly<Record<string, unknown>>;
}

/** A command in a sandbox that sees its devices and nothing else. */
export interface Stage {
	/** For messages and reports; no two stages have the same. */
	readonly name: string;
	/** The shared devices and mounts that it sees. Without it, all of them. */
	readonly uses?: readonly string[];
	/** Devices of this stage alone, by name. */
	readonly devices?: Devices;
	/** Mounts of this stage alone, by name. */
	readonly mounts?: Mounts;
	/** The command and its arguments; no shell reads them. {devices.NAME} is the path of a device, {mounts.NAME} the directory of a mount. */
	readonly run: readonly string[];
	/** What it reads from its standard input: text, {devices.NAME} and {mounts.NAME} replaced; or where a secret is, as at options that take one: { file: PATH }, { env: NAME } and so on. Without it, nothing. */
	readonly stdin?: string | Readonly<Record<string, unknown>>;
	/** Environment variables, {devices.NAME} and {mounts.NAME} replaced in their values. */
	readonly environment?: {
		readonly [key: string]: string;
	};
	/** Seconds of wall clock time after which it is ended. */
	readonly timeout?: number;
	/** Linux capabilities beyond the usual ones, such as CAP_SYS_ADMIN for a stage that mounts. CAP_MKNOD is never granted. */
	readonly capabilities?: readonly ("CAP_CHOWN" | "CAP_DAC_OVERRIDE" | "CAP_DAC_READ_SEARCH" | "CAP_FOWNER" | "CAP_FSETID" | "CAP_KILL" | "CAP_SETGID" | "CAP_SETUID" | "CAP_SETPCAP" | "CAP_LINUX_IMMUTABLE" | "CAP_NET_BIND_SERVICE" | "CAP_NET_BROADCAST" | "CAP_NET_ADMIN" | "CAP_NET_RAW" | "CAP_IPC_LOCK" | "CAP_IPC_OWNER" | "CAP_SYS_MODULE" | "CAP_SYS_RAWIO" | "CAP_SYS_CHROOT" | "CAP_SYS_PTRACE" | "CAP_SYS_PACCT" | "CAP_SYS_ADMIN" | "CAP_SYS_BOOT" | "CAP_SYS_NICE" | "CAP_SYS_RESOURCE" | "CAP_SYS_TIME" | "CAP_SYS_TTY_CONFIG" | "CAP_LEASE" | "CAP_AUDIT_WRITE" | "CAP_AUDIT_CONTROL" | "CAP_SETFCAP" | "CAP_MAC_OVERRIDE" | "CAP_MAC_ADMIN" | "CAP_SYSLOG" | "CAP_WAKE_ALARM" | "CAP_BLOCK_SUSPEND" | "CAP_AUDIT_READ" | "CAP_PERFMON" | "CAP_BPF" | "CAP_CHECKPOINT_RESTORE")[];
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

/** Finds everything that keeps `value` from being {@link ManifestSchema}; nothing when it is. */
export function findManifestSchemaProblems(value: unknown): readonly SchemaProblem[] {
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
var func1 = require_ucs2length().default;
var pattern4 = new RegExp("^[^\\u0000]+$", "u");
var schema40 = { "type": "object", "additionalProperties": false, "required": ["type"], "properties": { "type": { "type": "string", "minLength": 1 }, "parent": { "type": ["string", "null"] }, "parents": { "type": "array", "items": { "type": "string" } }, "mount": { "type": "string" }, "options": { "type": "object" } } };
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
  if (data && typeof data == "object" && !Array.isArray(data)) {
    for (const key0 in data) {
      let data0 = data[key0];
      if (data0 && typeof data0 == "object" && !Array.isArray(data0)) {
        if (data0.type === void 0) {
          const err0 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1"), schemaPath: "#/$defs/device/required", keyword: "required", params: { missingProperty: "type" } };
          if (vErrors === null) {
            vErrors = [err0];
          } else {
            vErrors.push(err0);
          }
          errors++;
        }
        for (const key1 in data0) {
          if (!(key1 === "type" || key1 === "parent" || key1 === "parents" || key1 === "mount" || key1 === "options")) {
            const err1 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1"), schemaPath: "#/$defs/device/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key1 } };
            if (vErrors === null) {
              vErrors = [err1];
            } else {
              vErrors.push(err1);
            }
            errors++;
          }
        }
        if (data0.type !== void 0) {
          let data1 = data0.type;
          if (typeof data1 === "string") {
            if (func1(data1) < 1) {
              const err2 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/type", schemaPath: "#/$defs/device/properties/type/minLength", keyword: "minLength", params: { limit: 1 } };
              if (vErrors === null) {
                vErrors = [err2];
              } else {
                vErrors.push(err2);
              }
              errors++;
            }
          } else {
            const err3 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/type", schemaPath: "#/$defs/device/properties/type/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err3];
            } else {
              vErrors.push(err3);
            }
            errors++;
          }
        }
        if (data0.parent !== void 0) {
          let data2 = data0.parent;
          if (typeof data2 !== "string" && data2 !== null) {
            const err4 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/parent", schemaPath: "#/$defs/device/properties/parent/type", keyword: "type", params: { type: schema40.properties.parent.type } };
            if (vErrors === null) {
              vErrors = [err4];
            } else {
              vErrors.push(err4);
            }
            errors++;
          }
        }
        if (data0.parents !== void 0) {
          let data3 = data0.parents;
          if (Array.isArray(data3)) {
            const len0 = data3.length;
            for (let i0 = 0; i0 < len0; i0++) {
              if (typeof data3[i0] !== "string") {
                const err5 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/parents/" + i0, schemaPath: "#/$defs/device/properties/parents/items/type", keyword: "type", params: { type: "string" } };
                if (vErrors === null) {
                  vErrors = [err5];
                } else {
                  vErrors.push(err5);
                }
                errors++;
              }
            }
          } else {
            const err6 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/parents", schemaPath: "#/$defs/device/properties/parents/type", keyword: "type", params: { type: "array" } };
            if (vErrors === null) {
              vErrors = [err6];
            } else {
              vErrors.push(err6);
            }
            errors++;
          }
        }
        if (data0.mount !== void 0) {
          if (typeof data0.mount !== "string") {
            const err7 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/mount", schemaPath: "#/$defs/device/properties/mount/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err7];
            } else {
              vErrors.push(err7);
            }
            errors++;
          }
        }
        if (data0.options !== void 0) {
          let data6 = data0.options;
          if (!(data6 && typeof data6 == "object" && !Array.isArray(data6))) {
            const err8 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/options", schemaPath: "#/$defs/device/properties/options/type", keyword: "type", params: { type: "object" } };
            if (vErrors === null) {
              vErrors = [err8];
            } else {
              vErrors.push(err8);
            }
            errors++;
          }
        }
      } else {
        const err9 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1"), schemaPath: "#/$defs/device/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err9];
        } else {
          vErrors.push(err9);
        }
        errors++;
      }
    }
  } else {
    const err10 = { instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err10];
    } else {
      vErrors.push(err10);
    }
    errors++;
  }
  validate16.errors = vErrors;
  return errors === 0;
}
validate16.evaluated = { "props": true, "dynamicProps": false, "dynamicItems": false };
var pattern5 = new RegExp("^(?:/|tree://)[^\\u0000]*$", "u");
function validate18(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate18.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (data && typeof data == "object" && !Array.isArray(data)) {
    for (const key0 in data) {
      let data0 = data[key0];
      if (data0 && typeof data0 == "object" && !Array.isArray(data0)) {
        if (data0.type === void 0) {
          const err0 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1"), schemaPath: "#/$defs/mount/required", keyword: "required", params: { missingProperty: "type" } };
          if (vErrors === null) {
            vErrors = [err0];
          } else {
            vErrors.push(err0);
          }
          errors++;
        }
        if (data0.target === void 0) {
          const err1 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1"), schemaPath: "#/$defs/mount/required", keyword: "required", params: { missingProperty: "target" } };
          if (vErrors === null) {
            vErrors = [err1];
          } else {
            vErrors.push(err1);
          }
          errors++;
        }
        for (const key1 in data0) {
          if (!(key1 === "type" || key1 === "source" || key1 === "partition" || key1 === "target" || key1 === "options")) {
            const err2 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1"), schemaPath: "#/$defs/mount/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key1 } };
            if (vErrors === null) {
              vErrors = [err2];
            } else {
              vErrors.push(err2);
            }
            errors++;
          }
        }
        if (data0.type !== void 0) {
          let data1 = data0.type;
          if (typeof data1 === "string") {
            if (func1(data1) < 1) {
              const err3 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/type", schemaPath: "#/$defs/mount/properties/type/minLength", keyword: "minLength", params: { limit: 1 } };
              if (vErrors === null) {
                vErrors = [err3];
              } else {
                vErrors.push(err3);
              }
              errors++;
            }
          } else {
            const err4 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/type", schemaPath: "#/$defs/mount/properties/type/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err4];
            } else {
              vErrors.push(err4);
            }
            errors++;
          }
        }
        if (data0.source !== void 0) {
          if (typeof data0.source !== "string") {
            const err5 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/source", schemaPath: "#/$defs/mount/properties/source/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err5];
            } else {
              vErrors.push(err5);
            }
            errors++;
          }
        }
        if (data0.partition !== void 0) {
          let data3 = data0.partition;
          if (!(typeof data3 == "number" && (!(data3 % 1) && !isNaN(data3)) && isFinite(data3))) {
            const err6 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/partition", schemaPath: "#/$defs/mount/properties/partition/type", keyword: "type", params: { type: "integer" } };
            if (vErrors === null) {
              vErrors = [err6];
            } else {
              vErrors.push(err6);
            }
            errors++;
          }
          if (typeof data3 == "number" && isFinite(data3)) {
            if (data3 < 0 || isNaN(data3)) {
              const err7 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/partition", schemaPath: "#/$defs/mount/properties/partition/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 } };
              if (vErrors === null) {
                vErrors = [err7];
              } else {
                vErrors.push(err7);
              }
              errors++;
            }
          }
        }
        if (data0.target !== void 0) {
          let data4 = data0.target;
          if (typeof data4 === "string") {
            if (!pattern5.test(data4)) {
              const err8 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/target", schemaPath: "#/$defs/mount/properties/target/pattern", keyword: "pattern", params: { pattern: "^(?:/|tree://)[^\\u0000]*$" } };
              if (vErrors === null) {
                vErrors = [err8];
              } else {
                vErrors.push(err8);
              }
              errors++;
            }
          } else {
            const err9 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/target", schemaPath: "#/$defs/mount/properties/target/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err9];
            } else {
              vErrors.push(err9);
            }
            errors++;
          }
        }
        if (data0.options !== void 0) {
          let data5 = data0.options;
          if (!(data5 && typeof data5 == "object" && !Array.isArray(data5))) {
            const err10 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1") + "/options", schemaPath: "#/$defs/mount/properties/options/type", keyword: "type", params: { type: "object" } };
            if (vErrors === null) {
              vErrors = [err10];
            } else {
              vErrors.push(err10);
            }
            errors++;
          }
        }
      } else {
        const err11 = { instancePath: instancePath + "/" + key0.replace(/~/g, "~0").replace(/\//g, "~1"), schemaPath: "#/$defs/mount/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err11];
        } else {
          vErrors.push(err11);
        }
        errors++;
      }
    }
  } else {
    const err12 = { instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err12];
    } else {
      vErrors.push(err12);
    }
    errors++;
  }
  validate18.errors = vErrors;
  return errors === 0;
}
validate18.evaluated = { "props": true, "dynamicProps": false, "dynamicItems": false };
var schema43 = { "type": "object", "additionalProperties": false, "required": ["name", "run"], "properties": { "name": { "type": "string", "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]{1,100}$" }, "uses": { "type": "array", "items": { "type": "string" } }, "devices": { "$ref": "#/$defs/devices" }, "mounts": { "$ref": "#/$defs/mounts" }, "run": { "type": "array", "minItems": 1, "items": { "type": "string", "pattern": "^[^\\u0000]*$" } }, "stdin": { "type": ["string", "object"] }, "environment": { "type": "object", "propertyNames": { "pattern": "^[^=\\u0000]+$" }, "additionalProperties": { "type": "string", "pattern": "^[^\\u0000]*$" } }, "timeout": { "type": "number", "exclusiveMinimum": 0, "maximum": 2147483 }, "capabilities": { "type": "array", "items": { "type": "string", "enum": ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"] } } } };
var func4 = Object.prototype.hasOwnProperty;
var pattern6 = new RegExp("^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]{1,100}$", "u");
var pattern7 = new RegExp("^[^\\u0000]*$", "u");
var pattern8 = new RegExp("^[^=\\u0000]+$", "u");
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
  if (data && typeof data == "object" && !Array.isArray(data)) {
    if (data.name === void 0) {
      const err0 = { instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: "name" } };
      if (vErrors === null) {
        vErrors = [err0];
      } else {
        vErrors.push(err0);
      }
      errors++;
    }
    if (data.run === void 0) {
      const err1 = { instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: "run" } };
      if (vErrors === null) {
        vErrors = [err1];
      } else {
        vErrors.push(err1);
      }
      errors++;
    }
    for (const key0 in data) {
      if (!func4.call(schema43.properties, key0)) {
        const err2 = { instancePath, schemaPath: "#/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key0 } };
        if (vErrors === null) {
          vErrors = [err2];
        } else {
          vErrors.push(err2);
        }
        errors++;
      }
    }
    if (data.name !== void 0) {
      let data0 = data.name;
      if (typeof data0 === "string") {
        if (!pattern6.test(data0)) {
          const err3 = { instancePath: instancePath + "/name", schemaPath: "#/properties/name/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]{1,100}$" } };
          if (vErrors === null) {
            vErrors = [err3];
          } else {
            vErrors.push(err3);
          }
          errors++;
        }
      } else {
        const err4 = { instancePath: instancePath + "/name", schemaPath: "#/properties/name/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
    }
    if (data.uses !== void 0) {
      let data1 = data.uses;
      if (Array.isArray(data1)) {
        const len0 = data1.length;
        for (let i0 = 0; i0 < len0; i0++) {
          if (typeof data1[i0] !== "string") {
            const err5 = { instancePath: instancePath + "/uses/" + i0, schemaPath: "#/properties/uses/items/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err5];
            } else {
              vErrors.push(err5);
            }
            errors++;
          }
        }
      } else {
        const err6 = { instancePath: instancePath + "/uses", schemaPath: "#/properties/uses/type", keyword: "type", params: { type: "array" } };
        if (vErrors === null) {
          vErrors = [err6];
        } else {
          vErrors.push(err6);
        }
        errors++;
      }
    }
    if (data.devices !== void 0) {
      if (!validate16(data.devices, { instancePath: instancePath + "/devices", parentData: data, parentDataProperty: "devices", rootData, dynamicAnchors })) {
        vErrors = vErrors === null ? validate16.errors : vErrors.concat(validate16.errors);
        errors = vErrors.length;
      }
    }
    if (data.mounts !== void 0) {
      if (!validate18(data.mounts, { instancePath: instancePath + "/mounts", parentData: data, parentDataProperty: "mounts", rootData, dynamicAnchors })) {
        vErrors = vErrors === null ? validate18.errors : vErrors.concat(validate18.errors);
        errors = vErrors.length;
      }
    }
    if (data.run !== void 0) {
      let data5 = data.run;
      if (Array.isArray(data5)) {
        if (data5.length < 1) {
          const err7 = { instancePath: instancePath + "/run", schemaPath: "#/properties/run/minItems", keyword: "minItems", params: { limit: 1 } };
          if (vErrors === null) {
            vErrors = [err7];
          } else {
            vErrors.push(err7);
          }
          errors++;
        }
        const len1 = data5.length;
        for (let i1 = 0; i1 < len1; i1++) {
          let data6 = data5[i1];
          if (typeof data6 === "string") {
            if (!pattern7.test(data6)) {
              const err8 = { instancePath: instancePath + "/run/" + i1, schemaPath: "#/properties/run/items/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]*$" } };
              if (vErrors === null) {
                vErrors = [err8];
              } else {
                vErrors.push(err8);
              }
              errors++;
            }
          } else {
            const err9 = { instancePath: instancePath + "/run/" + i1, schemaPath: "#/properties/run/items/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err9];
            } else {
              vErrors.push(err9);
            }
            errors++;
          }
        }
      } else {
        const err10 = { instancePath: instancePath + "/run", schemaPath: "#/properties/run/type", keyword: "type", params: { type: "array" } };
        if (vErrors === null) {
          vErrors = [err10];
        } else {
          vErrors.push(err10);
        }
        errors++;
      }
    }
    if (data.stdin !== void 0) {
      let data7 = data.stdin;
      if (typeof data7 !== "string" && !(data7 && typeof data7 == "object" && !Array.isArray(data7))) {
        const err11 = { instancePath: instancePath + "/stdin", schemaPath: "#/properties/stdin/type", keyword: "type", params: { type: schema43.properties.stdin.type } };
        if (vErrors === null) {
          vErrors = [err11];
        } else {
          vErrors.push(err11);
        }
        errors++;
      }
    }
    if (data.environment !== void 0) {
      let data8 = data.environment;
      if (data8 && typeof data8 == "object" && !Array.isArray(data8)) {
        for (const key1 in data8) {
          const _errs18 = errors;
          if (typeof key1 === "string") {
            if (!pattern8.test(key1)) {
              const err12 = { instancePath: instancePath + "/environment", schemaPath: "#/properties/environment/propertyNames/pattern", keyword: "pattern", params: { pattern: "^[^=\\u0000]+$" }, propertyName: key1 };
              if (vErrors === null) {
                vErrors = [err12];
              } else {
                vErrors.push(err12);
              }
              errors++;
            }
          }
          var valid5 = _errs18 === errors;
          if (!valid5) {
            const err13 = { instancePath: instancePath + "/environment", schemaPath: "#/properties/environment/propertyNames", keyword: "propertyNames", params: { propertyName: key1 } };
            if (vErrors === null) {
              vErrors = [err13];
            } else {
              vErrors.push(err13);
            }
            errors++;
          }
        }
        for (const key2 in data8) {
          let data9 = data8[key2];
          if (typeof data9 === "string") {
            if (!pattern7.test(data9)) {
              const err14 = { instancePath: instancePath + "/environment/" + key2.replace(/~/g, "~0").replace(/\//g, "~1"), schemaPath: "#/properties/environment/additionalProperties/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]*$" } };
              if (vErrors === null) {
                vErrors = [err14];
              } else {
                vErrors.push(err14);
              }
              errors++;
            }
          } else {
            const err15 = { instancePath: instancePath + "/environment/" + key2.replace(/~/g, "~0").replace(/\//g, "~1"), schemaPath: "#/properties/environment/additionalProperties/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err15];
            } else {
              vErrors.push(err15);
            }
            errors++;
          }
        }
      } else {
        const err16 = { instancePath: instancePath + "/environment", schemaPath: "#/properties/environment/type", keyword: "type", params: { type: "object" } };
        if (vErrors === null) {
          vErrors = [err16];
        } else {
          vErrors.push(err16);
        }
        errors++;
      }
    }
    if (data.timeout !== void 0) {
      let data10 = data.timeout;
      if (typeof data10 == "number" && isFinite(data10)) {
        if (data10 > 2147483 || isNaN(data10)) {
          const err17 = { instancePath: instancePath + "/timeout", schemaPath: "#/properties/timeout/maximum", keyword: "maximum", params: { comparison: "<=", limit: 2147483 } };
          if (vErrors === null) {
            vErrors = [err17];
          } else {
            vErrors.push(err17);
          }
          errors++;
        }
        if (data10 <= 0 || isNaN(data10)) {
          const err18 = { instancePath: instancePath + "/timeout", schemaPath: "#/properties/timeout/exclusiveMinimum", keyword: "exclusiveMinimum", params: { comparison: ">", limit: 0 } };
          if (vErrors === null) {
            vErrors = [err18];
          } else {
            vErrors.push(err18);
          }
          errors++;
        }
      } else {
        const err19 = { instancePath: instancePath + "/timeout", schemaPath: "#/properties/timeout/type", keyword: "type", params: { type: "number" } };
        if (vErrors === null) {
          vErrors = [err19];
        } else {
          vErrors.push(err19);
        }
        errors++;
      }
    }
    if (data.capabilities !== void 0) {
      let data11 = data.capabilities;
      if (Array.isArray(data11)) {
        const len2 = data11.length;
        for (let i2 = 0; i2 < len2; i2++) {
          let data12 = data11[i2];
          if (typeof data12 !== "string") {
            const err20 = { instancePath: instancePath + "/capabilities/" + i2, schemaPath: "#/properties/capabilities/items/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err20];
            } else {
              vErrors.push(err20);
            }
            errors++;
          }
          if (!(data12 === "CAP_CHOWN" || data12 === "CAP_DAC_OVERRIDE" || data12 === "CAP_DAC_READ_SEARCH" || data12 === "CAP_FOWNER" || data12 === "CAP_FSETID" || data12 === "CAP_KILL" || data12 === "CAP_SETGID" || data12 === "CAP_SETUID" || data12 === "CAP_SETPCAP" || data12 === "CAP_LINUX_IMMUTABLE" || data12 === "CAP_NET_BIND_SERVICE" || data12 === "CAP_NET_BROADCAST" || data12 === "CAP_NET_ADMIN" || data12 === "CAP_NET_RAW" || data12 === "CAP_IPC_LOCK" || data12 === "CAP_IPC_OWNER" || data12 === "CAP_SYS_MODULE" || data12 === "CAP_SYS_RAWIO" || data12 === "CAP_SYS_CHROOT" || data12 === "CAP_SYS_PTRACE" || data12 === "CAP_SYS_PACCT" || data12 === "CAP_SYS_ADMIN" || data12 === "CAP_SYS_BOOT" || data12 === "CAP_SYS_NICE" || data12 === "CAP_SYS_RESOURCE" || data12 === "CAP_SYS_TIME" || data12 === "CAP_SYS_TTY_CONFIG" || data12 === "CAP_LEASE" || data12 === "CAP_AUDIT_WRITE" || data12 === "CAP_AUDIT_CONTROL" || data12 === "CAP_SETFCAP" || data12 === "CAP_MAC_OVERRIDE" || data12 === "CAP_MAC_ADMIN" || data12 === "CAP_SYSLOG" || data12 === "CAP_WAKE_ALARM" || data12 === "CAP_BLOCK_SUSPEND" || data12 === "CAP_AUDIT_READ" || data12 === "CAP_PERFMON" || data12 === "CAP_BPF" || data12 === "CAP_CHECKPOINT_RESTORE")) {
            const err21 = { instancePath: instancePath + "/capabilities/" + i2, schemaPath: "#/properties/capabilities/items/enum", keyword: "enum", params: { allowedValues: schema43.properties.capabilities.items.enum } };
            if (vErrors === null) {
              vErrors = [err21];
            } else {
              vErrors.push(err21);
            }
            errors++;
          }
        }
      } else {
        const err22 = { instancePath: instancePath + "/capabilities", schemaPath: "#/properties/capabilities/type", keyword: "type", params: { type: "array" } };
        if (vErrors === null) {
          vErrors = [err22];
        } else {
          vErrors.push(err22);
        }
        errors++;
      }
    }
  } else {
    const err23 = { instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" } };
    if (vErrors === null) {
      vErrors = [err23];
    } else {
      vErrors.push(err23);
    }
    errors++;
  }
  validate20.errors = vErrors;
  return errors === 0;
}
validate20.evaluated = { "props": true, "dynamicProps": false, "dynamicItems": false };
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
    if (data.version === void 0) {
      const err0 = { instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: "version" } };
      if (vErrors === null) {
        vErrors = [err0];
      } else {
        vErrors.push(err0);
      }
      errors++;
    }
    if (data.tree === void 0) {
      const err1 = { instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: "tree" } };
      if (vErrors === null) {
        vErrors = [err1];
      } else {
        vErrors.push(err1);
      }
      errors++;
    }
    if (data.stages === void 0) {
      const err2 = { instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: "stages" } };
      if (vErrors === null) {
        vErrors = [err2];
      } else {
        vErrors.push(err2);
      }
      errors++;
    }
    for (const key0 in data) {
      if (!(key0 === "$schema" || key0 === "version" || key0 === "tree" || key0 === "devices" || key0 === "mounts" || key0 === "stages" || key0 === "modules")) {
        const err3 = { instancePath, schemaPath: "#/additionalProperties", keyword: "additionalProperties", params: { additionalProperty: key0 } };
        if (vErrors === null) {
          vErrors = [err3];
        } else {
          vErrors.push(err3);
        }
        errors++;
      }
    }
    if (data.$schema !== void 0) {
      if (typeof data.$schema !== "string") {
        const err4 = { instancePath: instancePath + "/$schema", schemaPath: "#/properties/%24schema/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err4];
        } else {
          vErrors.push(err4);
        }
        errors++;
      }
    }
    if (data.version !== void 0) {
      if (1 !== data.version) {
        const err5 = { instancePath: instancePath + "/version", schemaPath: "#/properties/version/const", keyword: "const", params: { allowedValue: 1 } };
        if (vErrors === null) {
          vErrors = [err5];
        } else {
          vErrors.push(err5);
        }
        errors++;
      }
    }
    if (data.tree !== void 0) {
      let data2 = data.tree;
      if (typeof data2 === "string") {
        if (func1(data2) < 1) {
          const err6 = { instancePath: instancePath + "/tree", schemaPath: "#/properties/tree/minLength", keyword: "minLength", params: { limit: 1 } };
          if (vErrors === null) {
            vErrors = [err6];
          } else {
            vErrors.push(err6);
          }
          errors++;
        }
        if (!pattern4.test(data2)) {
          const err7 = { instancePath: instancePath + "/tree", schemaPath: "#/properties/tree/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000]+$" } };
          if (vErrors === null) {
            vErrors = [err7];
          } else {
            vErrors.push(err7);
          }
          errors++;
        }
      } else {
        const err8 = { instancePath: instancePath + "/tree", schemaPath: "#/properties/tree/type", keyword: "type", params: { type: "string" } };
        if (vErrors === null) {
          vErrors = [err8];
        } else {
          vErrors.push(err8);
        }
        errors++;
      }
    }
    if (data.devices !== void 0) {
      if (!validate16(data.devices, { instancePath: instancePath + "/devices", parentData: data, parentDataProperty: "devices", rootData, dynamicAnchors })) {
        vErrors = vErrors === null ? validate16.errors : vErrors.concat(validate16.errors);
        errors = vErrors.length;
      }
    }
    if (data.mounts !== void 0) {
      if (!validate18(data.mounts, { instancePath: instancePath + "/mounts", parentData: data, parentDataProperty: "mounts", rootData, dynamicAnchors })) {
        vErrors = vErrors === null ? validate18.errors : vErrors.concat(validate18.errors);
        errors = vErrors.length;
      }
    }
    if (data.stages !== void 0) {
      let data5 = data.stages;
      if (Array.isArray(data5)) {
        if (data5.length < 1) {
          const err9 = { instancePath: instancePath + "/stages", schemaPath: "#/properties/stages/minItems", keyword: "minItems", params: { limit: 1 } };
          if (vErrors === null) {
            vErrors = [err9];
          } else {
            vErrors.push(err9);
          }
          errors++;
        }
        const len0 = data5.length;
        for (let i0 = 0; i0 < len0; i0++) {
          if (!validate20(data5[i0], { instancePath: instancePath + "/stages/" + i0, parentData: data5, parentDataProperty: i0, rootData, dynamicAnchors })) {
            vErrors = vErrors === null ? validate20.errors : vErrors.concat(validate20.errors);
            errors = vErrors.length;
          }
        }
      } else {
        const err10 = { instancePath: instancePath + "/stages", schemaPath: "#/properties/stages/type", keyword: "type", params: { type: "array" } };
        if (vErrors === null) {
          vErrors = [err10];
        } else {
          vErrors.push(err10);
        }
        errors++;
      }
    }
    if (data.modules !== void 0) {
      let data7 = data.modules;
      if (Array.isArray(data7)) {
        const len1 = data7.length;
        for (let i1 = 0; i1 < len1; i1++) {
          let data8 = data7[i1];
          if (typeof data8 === "string") {
            if (func1(data8) < 1) {
              const err11 = { instancePath: instancePath + "/modules/" + i1, schemaPath: "#/properties/modules/items/minLength", keyword: "minLength", params: { limit: 1 } };
              if (vErrors === null) {
                vErrors = [err11];
              } else {
                vErrors.push(err11);
              }
              errors++;
            }
          } else {
            const err12 = { instancePath: instancePath + "/modules/" + i1, schemaPath: "#/properties/modules/items/type", keyword: "type", params: { type: "string" } };
            if (vErrors === null) {
              vErrors = [err12];
            } else {
              vErrors.push(err12);
            }
            errors++;
          }
        }
      } else {
        const err13 = { instancePath: instancePath + "/modules", schemaPath: "#/properties/modules/type", keyword: "type", params: { type: "array" } };
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
