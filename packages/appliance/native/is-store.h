/* Whether an instruction of x86-64 writes to memory.
 *
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, appendix A.
 */

#define INSTRUCTION_BYTES 16

struct faulting {
	const u8 *code; /* INSTRUCTION_BYTES of it */
	ulong address; /* that it wanted */
	ulong source, target, stack; /* RSI, RDI, RSP */
};

enum { UNKNOWN = -1, LOAD = 0, STORE = 1 };

/* Opcodes after 0F, and in the first map of VEX, that do nothing but move a vector register to memory. */
static int is_vector_store(u8 opcode) {
	switch (opcode) {
	case 0x11: case 0x13: case 0x17: case 0x29: case 0x2b: case 0x7f: case 0xd6: case 0xe7: return 1;
	default: return 0;
	}
}

/* `prefix`: 0, or 1 for 66, 2 for F3, 3 for F2. */
static int kind_of_vex(const u8 *code, int map, int prefix) {
	u8 opcode = code[0];
	if ((code[1] & 0xc0) == 0xc0 || map != 1 || opcode == 0xae || opcode == 0xc7) return UNKNOWN;
	if (opcode == 0x7e) return prefix == 1 ? STORE : prefix == 2 ? LOAD : UNKNOWN;
	return is_vector_store(opcode) ? STORE : LOAD;
}

static int kind_of_two_bytes(const u8 *code, int prefix) {
	u8 opcode = code[0], mode = code[1];
	int extension = mode >> 3 & 7;
	if ((mode & 0xc0) == 0xc0) return UNKNOWN;
	if (is_vector_store(opcode)) return STORE;
	if (opcode >= 0x90 && opcode <= 0x9f) return STORE; /* SETcc */
	switch (opcode) {
	case 0x7e: return prefix == 2 ? LOAD : STORE;
	case 0xa4: case 0xa5: case 0xac: case 0xad: /* SHLD, SHRD */
	case 0xab: case 0xb3: case 0xbb: /* BTS, BTR, BTC */
	case 0xb0: case 0xb1: case 0xc0: case 0xc1: /* CMPXCHG, XADD */
	case 0xc3: return STORE; /* MOVNTI */
	case 0xba: return extension > 4 ? STORE : extension == 4 ? LOAD : UNKNOWN;
	case 0xae: return extension == 0 || extension == 3 || extension == 4 || extension == 6 ? STORE : UNKNOWN;
	case 0xc7: return extension == 1 || extension == 4 ? STORE : UNKNOWN; /* CMPXCHG8B, XSAVEC */
	case 0x10: case 0x12: case 0x14: case 0x15: case 0x16: case 0x28: case 0x2e: case 0x2f: case 0x6e: case 0x6f:
	case 0x70: case 0xa3: case 0xaf: case 0xb6: case 0xb7: case 0xbe: case 0xbf: case 0xc2: case 0xc6: return LOAD;
	}
	if (opcode >= 0x40 && opcode <= 0x4f) return LOAD; /* CMOVcc */
	if ((opcode >= 0x51 && opcode <= 0x6d) || (opcode >= 0x74 && opcode <= 0x76)) return LOAD;
	if (opcode >= 0xd0 && opcode != 0xff && opcode != 0xf7) return LOAD;
	return UNKNOWN;
}

/* STORE only where it can be nothing else. */
static int kind_of(const struct faulting *fault) {
	const u8 *code = fault->code;
	int prefix = 0, pushes = fault->stack - fault->address - 1 < 128;
	for (int i = 0; i < 5; i++, code++) {
		if (*code == 0x66) prefix = prefix == 0 ? 1 : prefix;
		else if (*code == 0xf3) prefix = 2;
		else if (*code == 0xf2) prefix = 3;
		else if (*code != 0xf0 && *code != 0x64 && *code != 0x65 && *code != 0x2e && *code != 0x3e) break;
	}
	if (*code == 0xc5) return kind_of_vex(code + 2, 1, code[1] & 3);
	if (*code == 0xc4) return kind_of_vex(code + 3, code[1] & 31, code[2] & 3);
	if ((*code & 0xf0) == 0x40) code++;
	u8 opcode = code[0], mode = code[1];
	int has_memory = (mode & 0xc0) != 0xc0, extension = mode >> 3 & 7;
	if (opcode == 0x0f) return kind_of_two_bytes(code + 1, prefix);
	/* ADD, OR, ADC, SBB, AND, SUB, XOR; CMP only reads. */
	if (opcode < 0x40 && (opcode & 7) < 2) return !has_memory ? UNKNOWN : opcode < 0x38 ? STORE : LOAD;
	if (opcode < 0x40 && (opcode & 7) < 4) return has_memory ? LOAD : UNKNOWN;
	if (opcode >= 0x58 && opcode <= 0x5f) return LOAD; /* POP */
	if (opcode >= 0x50 && opcode <= 0x57) return pushes ? STORE : UNKNOWN;
	switch (opcode) {
	case 0x68: case 0x6a: case 0xe8: return pushes ? STORE : UNKNOWN;
	case 0xc3: case 0xc9: case 0xac: case 0xad: return LOAD; /* RET, LEAVE, LODS */
	case 0xaa: case 0xab: return STORE; /* STOS */
	case 0xa4: case 0xa5: { /* MOVS */
		int is_source = fault->address / 4096 == fault->source / 4096;
		int is_target = fault->address / 4096 == fault->target / 4096;
		return is_source == is_target ? UNKNOWN : is_target ? STORE : LOAD;
	}
	}
	if (!has_memory) return UNKNOWN;
	switch (opcode) {
	case 0x88: case 0x89: case 0xc6: case 0xc7: /* MOV */
	case 0x86: case 0x87: /* XCHG */
	case 0xc0: case 0xc1: case 0xd0: case 0xd1: case 0xd2: case 0xd3: return STORE; /* shifts */
	case 0x80: case 0x81: case 0x83: return extension == 7 ? LOAD : STORE;
	case 0x63: case 0x69: case 0x6b: case 0x84: case 0x85: case 0x8a: case 0x8b: return LOAD;
	case 0xf6: case 0xf7: return extension == 2 || extension == 3 ? STORE : LOAD;
	case 0xfe: return extension < 2 ? STORE : UNKNOWN;
	case 0xff: return extension < 2 ? STORE : pushes ? UNKNOWN : LOAD;
	default: return UNKNOWN;
	}
}
