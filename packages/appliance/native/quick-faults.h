/* Fewer and shorter turns between the guest's kernel and its processes.
 *
 * User Mode Linux 6.1 takes three turns for a page fault of a process: it runs until the fault; its own signal handler says
 * what the fault was; a piece of code in it maps one page. Each turn is two switches and about ten system calls, and a
 * program that is linked with libraries has hundreds of faults at its start. Here, between the kernel and its C library:
 *
 *   - What the signal handler would say is found out from outside, where it is certain.
 *   - With the page all those around it are mapped that the kernel has ready (it readies 16 at a time, and maps one).
 *   - Memory without a file that is written from one page to the next is readied some pages ahead: the kernel is told of
 *     a fault that the process has not had yet, and the process is not run in between.
 *   - Registers are not written to a process that has them, nor read twice.
 *
 * All this rests on how that kernel works (Linux 6.1: arch/um/os-Linux/skas/process.c and mem.c, arch/um/kernel/tlb.c), so
 * nothing is taken for granted: a process is left alone until its first fault has been seen to work so, and what is looked
 * up in the kernel's memory has to agree with what the kernel just asked for. Otherwise everything goes the long way.
 */
#include "is-store.h"

#define PAGE_BYTES 4096UL
#define TABLE_LENGTH 512

#define NOTE_XSTATE 0x202
#define XSTATE_MOST 4096

/* struct user_regs_struct */
#define REGISTER_COUNT 27
enum { RSI = 13, RDI = 14, ORIGINAL_RAX = 15, RIP = 16, RSP = 19 };

#define STOPPED(signal) ((signal) << 8 | 0x7f)
#define SIGNAL_TRAP 5
#define SIGNAL_SEGV 11
#define NOT_MAPPED 1 /* SEGV_MAPERR */
#define PAGE_FAULT 14
#define FAULT_OF_USER 4
#define FAULT_OF_WRITE 2

/* A page table's entry. Source: arch/um/include/asm/pgtable.h. */
#define PRESENT 0x001UL
#define NEW_PAGE 0x002UL
#define NEW_PROTECTION 0x004UL
#define NO_ACCESS 0x010UL
#define WRITABLE 0x020UL
#define OF_USER 0x040UL
#define ACCESSED 0x080UL
#define DIRTY 0x100UL

/* Source: include/linux/mm.h. Neither a stack nor what a program of the guest wants to hear of. */
#define AREA_WRITE 0x2UL
#define AREA_NOT_AHEAD (0x100UL | 0x200UL | 0x1000UL)

#define MAPPED_FIXED_SHARED 0x11UL

struct part {
	u8 *bytes;
	ulong size;
};

/* The guest's memory */

/* Where the kernel's process has it, and the address of its byte 0. */
static ulong memory_start, memory_end, memory_base;

/* The kernel maps its memory from the file behind it; the piece next to its own code comes later. */
static void remember_memory(ulong at, ulong size, int flags, ulong offset) {
	if (flags != MAPPED_FIXED_SHARED) return;
	if (memory_start == 0 && size > 4UL << 20) {
		memory_start = at;
		memory_end = at + size;
		memory_base = at - offset;
	} else if (memory_start != 0 && at + size == memory_start && at - offset == memory_base) memory_start = at;
}

static int is_memory(ulong at, ulong size) {
	return at >= memory_start && at < memory_end && memory_end - at >= size && at % 8 == 0;
}

/* The kernel's processes */

/* `stub` is the page over which the kernel and the code in its process talk to each other. */
struct traced {
	int pid;
	u32 moves; /* when it was put on our CPU */
	ulong *stub;
	int is_understood; /* its stub was seen to be that */
};

static struct traced all_traced[4096];

/* Where two have the same place, both go the long way. */
static struct traced *find_traced(int pid) {
	struct traced *traced = &all_traced[pid & 4095];
	if (traced->pid != pid) *traced = (struct traced){pid, 0, 0, 0};
	return traced;
}

static void forget_traced(int pid) {
	if (all_traced[pid & 4095].pid == pid) all_traced[pid & 4095].pid = 0;
}

static int is_stub(ulong at) { return at % PAGE_BYTES == 0 && is_memory(at, PAGE_BYTES); }

static void remember_stub(int pid, ulong stub) {
	if (is_stub(stub))
		*find_traced(pid) = (struct traced){pid, moves, (ulong *)stub, 0};
}

/* The process that was resumed last, and whether with the code that makes it do system calls. */
static int resumed_pid, is_in_stub;
/* The next stop that the kernel is told of, although the process has not run. */
static int ready_pid, ready_status;

static long be_ready(int pid, int signal) {
	ready_pid = pid;
	ready_status = STOPPED(signal);
	return 0;
}

/* Vector registers: what the stopped process has */

static struct {
	int pid;
	ulong size;
	u8 bytes[XSTATE_MOST] __attribute__((aligned(8)));
} vectors;

static int same_words(const void *a, const void *b, ulong count) {
	const ulong *x = a, *y = b;
	for (ulong i = 0; i < count; i++)
		if (x[i] != y[i]) return 0;
	return 1;
}

static long vector_registers(long request, int pid, long type, struct part *part) {
	if (type != NOTE_XSTATE) return plain_ptrace(request, pid, type, (long)part);
	int is_known = vectors.pid == pid && part->size >= vectors.size;
	if (request == PTRACE_SETREGSET) {
		/* Writing them is dear: for each time Linux allocates memory that it has to map. */
		if (is_known && same_words(part->bytes, vectors.bytes, vectors.size / 8)) return 0;
		vectors.pid = 0;
		return plain_ptrace(request, pid, type, (long)part);
	}
	if (is_known) {
		memcpy(part->bytes, vectors.bytes, vectors.size);
		part->size = vectors.size;
		return 0;
	}
	vectors.pid = 0;
	long result = plain_ptrace(request, pid, type, (long)part);
	if (result == 0 && part->size <= XSTATE_MOST && part->size % 8 == 0) {
		vectors.pid = pid;
		vectors.size = part->size;
		memcpy(vectors.bytes, part->bytes, part->size);
	}
	return result;
}

/* General registers */

/* What the last stop had, what the kernel wants, and whether the process was not given those yet. */
static ulong stopped_with[REGISTER_COUNT], wanted[REGISTER_COUNT];
static int stopped_pid, wanted_pid, is_owed;

/* The fault that the process stopped with. */
static struct {
	int pid, code;
	ulong address;
} fault;

/* The last fault that was answered from outside: a write, where `pid` is not 0. */
static struct {
	int pid;
	ulong address;
} last_write;

/* Faults that the process has not had yet; `pid` is 0 when there are none. */
static struct {
	int pid, rest;
	int is_told; /* the kernel is at it */
	ulong address;
	ulong registers[REGISTER_COUNT];
} ahead;

static int same_registers(const ulong *a, const ulong *b) {
	return same_words(a, b, ORIGINAL_RAX) &&
		   same_words(a + ORIGINAL_RAX + 1, b + ORIGINAL_RAX + 1, REGISTER_COUNT - ORIGINAL_RAX - 1);
}

static long general_registers(long request, int pid, ulong *registers) {
	if (request == PTRACE_SETREGS) {
		memcpy(wanted, registers, sizeof wanted);
		wanted_pid = pid;
		is_owed = ahead.pid == pid && !ahead.is_told && same_registers(wanted, ahead.registers);
		return is_owed ? 0 : plain_ptrace(request, pid, 0, (long)registers);
	}
	if (is_owed && wanted_pid == pid) {
		memcpy(registers, wanted, sizeof wanted);
		return 0;
	}
	long result = plain_ptrace(request, pid, 0, (long)registers);
	memcpy(stopped_with, registers, sizeof stopped_with);
	stopped_pid = result == 0 ? pid : 0;
	return result;
}

/* siginfo_t: int signal, error, code, 0; address */
static long signal_of(int pid, int *info) {
	fault.pid = 0;
	if (ahead.pid == pid && ahead.is_told) {
		info[0] = SIGNAL_SEGV;
		info[1] = 0;
		info[2] = NOT_MAPPED;
		memcpy(info + 4, &ahead.address, sizeof ahead.address);
		return 0;
	}
	long result = plain_ptrace(PTRACE_GETSIGINFO, pid, 0, (long)info);
	if (result == 0 && info[0] == SIGNAL_SEGV) {
		fault.pid = pid;
		fault.code = info[2];
		memcpy(&fault.address, info + 4, sizeof fault.address);
	}
	return result;
}

/* What a fault was */

/* What the process's handler leaves at the start of its stub. Source: arch/x86/um/shared/sysdep/faultinfo_64.h. */
static void say_fault(struct traced *traced, ulong address, int is_write) {
	*(u32 *)&traced->stub[0] = (u32)(FAULT_OF_USER | (is_write ? FAULT_OF_WRITE : 0));
	traced->stub[1] = address;
	*(u32 *)&traced->stub[2] = PAGE_FAULT;
}

static int kind_of_fault(void) {
	/* Of a page that is there nothing is known but that something was not allowed. */
	if (fault.code != NOT_MAPPED) return UNKNOWN;
	ulong at = stopped_with[RIP];
	if (fault.address - at < INSTRUCTION_BYTES) return LOAD; /* the instruction itself */
	u8 code[INSTRUCTION_BYTES];
	ulong rest = PAGE_BYTES - at % PAGE_BYTES;
	struct part into = {code, sizeof code}, from = {(u8 *)at, rest < sizeof code ? rest : sizeof code};
	/* An opcode of its own, of which nothing is known. */
	memset(code, 0x62, sizeof code);
	if (call6(__NR_process_vm_readv, fault.pid, (long)&into, 1, (long)&from, 1, 0) <= 0) return UNKNOWN;
	return kind_of(&(struct faulting){code, fault.address, stopped_with[RSI], stopped_with[RDI], stopped_with[RSP]});
}

/* What the kernel knows of an address */

/* struct vm_area_struct up to vm_file */
struct area {
	ulong start, end, space, protection, flags, shared[4], chain[2], anonymous, operations, offset, file;
};

/* The area of an address in the address space at `space`: a struct mm_struct, which starts with its maple tree. */
static const struct area *area_in(ulong space, ulong address) {
	enum { leaf = 1, range = 2, allocation_range = 3, depth_most = 16 };
	ulong node = *(ulong *)space, is_pointer = 2;
	for (int depth = 0; depth < depth_most; depth++, is_pointer = 4) {
		ulong type = node >> 3 & 15;
		const ulong *words = (ulong *)(node & ~255UL);
		if ((node & is_pointer) == 0 || type < leaf || type > allocation_range) return 0;
		if (!is_memory((ulong)words, 256)) return 0;
		/* parent, pivots, slots; a slot has the addresses up to its pivot. */
		int slots = type == allocation_range ? 10 : 16, slot = 0;
		while (slot < slots - 1 && words[1 + slot] < address && (slot == 0 || words[1 + slot] != 0)) slot++;
		node = words[slots + slot];
		if (type != leaf) continue;
		const struct area *area = (struct area *)node;
		if (!is_memory(node, sizeof *area) || area->space != space) return 0;
		return area->start <= address && area->end > address ? area : 0;
	}
	return 0;
}

#define STACK_WORDS 96

/* The same in the address space that the kernel is at work on: a function that called ours has it. */
static const struct area *find_area(ulong address, const ulong *stack) {
	for (int i = 0; i < STACK_WORDS; i++) {
		const struct area *area = is_memory(stack[i], 8) ? area_in(stack[i], address) : 0;
		if (area == 0) continue;
		/* A struct list_head; its neighbours point back, if this is one. */
		ulong next = area->chain[0], before = area->chain[1], list = (ulong)area->chain;
		if (!is_memory(next, 16) || !is_memory(before, 16)) continue;
		if (((ulong *)next)[1] == list && ((ulong *)before)[0] == list) return area;
	}
	return 0;
}

/* The page table's entry that the kernel is about to tell the process of: a function that called ours has it, too. */
static ulong *find_entry(ulong address, ulong page, const ulong *stack) {
	ulong offset = address / PAGE_BYTES % TABLE_LENGTH * 8;
	for (int i = 0; i < STACK_WORDS; i++) {
		if (stack[i] % PAGE_BYTES != offset || !is_memory(stack[i], 8)) continue;
		ulong *entry = (ulong *)stack[i];
		if ((*entry & (PRESENT | NEW_PAGE)) == (PRESENT | NEW_PAGE) && *entry / PAGE_BYTES * PAGE_BYTES == page)
			return entry;
	}
	return 0;
}

static void set_bits(ulong *entry, ulong bits) {
	__asm__ volatile("lock orq %1,%0" : "+m"(*entry) : "r"(bits));
}

static void clear_bits(ulong *entry, ulong bits) {
	__asm__ volatile("lock andq %1,%0" : "+m"(*entry) : "r"(~bits));
}

/* Mapping */

/* The stub's list of system calls, which the kernel has made and we make longer. Source: run_syscall_stub() and
 * arch/x86/um/stub_64.S: a result and the place of the call that failed, then for each call the size of its data (8, for
 * this word), its number, arguments and the expected result; at the end a 0. */
struct stub_call {
	ulong size, number, address, bytes, protection, flags, fd, offset, expected;
};
struct stub_list {
	ulong result, failed;
	struct stub_call calls[];
};
#define MORE_CALLS 40

/* An entry that the kernel will take for told, although the process was not run: it is marked as new again. */
static ulong *untold, untold_page;

static void correct_untold(void) {
	if (untold != 0 && (*untold & PRESENT) != 0 && *untold / PAGE_BYTES * PAGE_BYTES == untold_page)
		set_bits(untold, NEW_PAGE);
	untold = 0;
}

/* The list that is at work, with our calls in it, for the table of these addresses. */
static struct {
	int pid;
	int count;
	ulong *table, address;
} longer;

/* As update_pte_range() in arch/um/kernel/tlb.c. */
static ulong protection_of(ulong entry) {
	if ((entry & NO_ACCESS) != 0) return 0;
	ulong protection = (entry & OF_USER) != 0 ? 4 : 0;
	if ((entry & ACCESSED) == 0) return protection;
	if ((entry & OF_USER) != 0) protection |= 1;
	if ((entry & (WRITABLE | DIRTY)) == (WRITABLE | DIRTY)) protection |= 2;
	return protection;
}

static void map_around(struct traced *traced, ulong *entry) {
	struct stub_list *list = (struct stub_list *)traced->stub;
	ulong index = (ulong)entry / 8 % TABLE_LENGTH;
	ulong *table = entry - index, start = list->calls[0].address - index * PAGE_BYTES;
	struct stub_call *last = &list->calls[0];
	int count = 0;
	for (ulong i = 0; i < TABLE_LENGTH; i++) {
		ulong page = table[i] / PAGE_BYTES * PAGE_BYTES, address = start + i * PAGE_BYTES;
		if (i == index || (table[i] & (PRESENT | NEW_PAGE)) != (PRESENT | NEW_PAGE)) continue;
		if (page + PAGE_BYTES > memory_end - memory_base) continue; /* of another file */
		ulong protection = protection_of(table[i]);
		if (count > 0 && last->address + last->bytes == address && last->offset + last->bytes == page &&
			last->protection == protection)
			last->bytes += PAGE_BYTES;
		else if (count == MORE_CALLS) break;
		else {
			count++;
			*++last = (struct stub_call){8, __NR_mmap, address, PAGE_BYTES, protection, MAPPED_FIXED_SHARED,
										 list->calls[0].fd, page, address};
		}
		clear_bits(&table[i], NEW_PAGE | NEW_PROTECTION);
	}
	last[1].size = 0;
	longer.pid = count > 0 ? traced->pid : 0;
	longer.count = count;
	longer.table = table;
	longer.address = start;
}

/* One of our calls failed, for want of memory or mappings: then its page waits for a fault as it always did. */
static void finish_longer(struct traced *traced) {
	struct stub_list *list = (struct stub_list *)traced->stub;
	ulong failed = list->failed % PAGE_BYTES;
	longer.pid = 0;
	if (list->failed == 0 || failed <= sizeof *list) return;
	for (int i = (int)((failed - sizeof *list) / sizeof(struct stub_call)); i <= longer.count; i++)
		for (ulong done = 0; done < list->calls[i].bytes; done += PAGE_BYTES)
			set_bits(&longer.table[(list->calls[i].address + done - longer.address) / PAGE_BYTES], NEW_PAGE);
	list->result = list->failed = 0;
}

/* Pages ahead */

#define AHEAD_MOST 16

/* Whether the next page is to be written, too, before the process is told of this one. */
static int goes_ahead(int pid, const ulong *entry, ulong address, const ulong *stack) {
	ulong index = (ulong)entry / 8 % TABLE_LENGTH;
	int is_next = ahead.pid == pid && ahead.is_told;
	ahead.pid = ahead.is_told = 0;
	if (is_next) ahead.rest--;
	else {
		if (last_write.pid != pid || last_write.address / PAGE_BYTES != address / PAGE_BYTES) return 0;
		/* As many as were written before this one. */
		ahead.rest = 0;
		while (ahead.rest < AHEAD_MOST && (ulong)ahead.rest < index && (entry[-1 - ahead.rest] & PRESENT) != 0)
			ahead.rest++;
		memcpy(ahead.registers, stopped_with, sizeof ahead.registers);
	}
	if (ahead.rest <= 0 || index == TABLE_LENGTH - 1 || (entry[1] & ~NEW_PAGE) != 0) return 0;
	const struct area *area = find_area(address, stack);
	if (area == 0 || area->end - address <= PAGE_BYTES || area->file != 0 || area->operations != 0) return 0;
	if ((area->flags & (AREA_WRITE | AREA_NOT_AHEAD)) != AREA_WRITE) return 0;
	ahead.pid = pid;
	ahead.address = address / PAGE_BYTES * PAGE_BYTES + PAGE_BYTES;
	return 1;
}

/* The kernel wants the process to do system calls. Returns whether it has not to run for that. */
static int call_stub(struct traced *traced, const ulong *stack) {
	struct stub_list *list = (struct stub_list *)traced->stub;
	const struct stub_call *only = &list->calls[0];
	if (only->size != 8 || only->number != __NR_mmap || only->bytes != PAGE_BYTES || only->flags != MAPPED_FIXED_SHARED ||
		only->expected != only->address || only[1].size != 0)
		return 0;
	ulong *entry = find_entry(only->address, only->offset, stack);
	if (entry == 0) return 0;
	if (goes_ahead(traced->pid, entry, only->address, stack)) {
		untold = entry;
		untold_page = only->offset;
		list->result = list->failed = 0;
		return 1;
	}
	map_around(traced, entry);
	return 0;
}

/* Turns */

static long resume(long request, int pid, long data, const ulong *stack) {
	struct traced *traced = find_traced(pid);
	int has_wanted = wanted_pid == pid, is_stub = request == PTRACE_CONT && data == 0 && has_wanted;
	wanted_pid = 0;
	if (ahead.pid == pid && ahead.is_told && request == PTRACE_CONT && data == SIGNAL_SEGV) {
		say_fault(traced, ahead.address, 1);
		return be_ready(pid, SIGNAL_TRAP);
	}
	/* Only where the process would go on just where it stopped: whatever else happened, the page may be another's. */
	if (ahead.pid == pid && !ahead.is_told && request == PTRACE_SYSEMU && has_wanted && is_owed) {
		ahead.is_told = 1;
		wanted_pid = pid;
		return be_ready(pid, SIGNAL_SEGV);
	}
	if (is_owed) {
		is_owed = 0;
		plain_ptrace(PTRACE_SETREGS, pid, 0, (long)wanted);
	}
	if (!is_stub || ahead.pid != pid || !ahead.is_told) ahead.pid = ahead.is_told = 0;
	if (traced->is_understood && request == PTRACE_CONT && data == SIGNAL_SEGV && fault.pid == pid && stopped_pid == pid) {
		int kind = kind_of_fault();
		last_write.pid = kind == STORE ? pid : 0;
		last_write.address = fault.address;
		if (kind != UNKNOWN) {
			say_fault(traced, fault.address, kind == STORE);
			return be_ready(pid, SIGNAL_TRAP);
		}
	}
	/* The stub for system calls starts at the start of its page, the one for a new address space at its end. */
	is_in_stub = is_stub && traced->is_understood && wanted[RSP] % PAGE_BYTES == 0;
	if (is_in_stub && call_stub(traced, stack)) return be_ready(pid, SIGNAL_TRAP);
	/* That one leaves the vector registers alone. */
	if (vectors.pid == pid && !is_in_stub) vectors.pid = 0;
	if (cpu >= 0 && traced->moves != moves) {
		stay_on_our_cpu(pid);
		traced->moves = moves;
	}
	resumed_pid = pid;
	return plain_ptrace(request, pid, 0, data);
}

static long wait_for(int pid, int *status, int options) {
	if (ready_pid != 0 && ready_pid == pid) {
		ready_pid = 0;
		*status = ready_status;
		return pid;
	}
	struct traced *traced = pid > 0 ? find_traced(pid) : 0;
	/* A new address space: its parent's stub has the place of its stub, and its number. Source: struct stub_data. */
	if (traced != 0 && traced->stub == 0 && resumed_pid != pid) {
		const ulong *parent = find_traced(resumed_pid)->stub;
		if (parent != 0 && (long)parent[2] == pid) remember_stub(pid, memory_base + parent[0]);
	}
	int ended = 0;
	long result = call(__NR_wait4, pid, &ended, options, 0);
	if (status != 0) *status = ended;
	if (result <= 0 || traced == 0 || result != pid) return result;
	if ((ended & 0xff) != 0x7f) forget_traced(pid);
	else if (ended == STOPPED(SIGNAL_TRAP) && longer.pid == pid && is_in_stub) finish_longer(traced);
	else if (ended == STOPPED(SIGNAL_TRAP) && fault.pid == pid && traced->stub != 0 && !traced->is_understood)
		traced->is_understood = traced->stub[1] == fault.address && *(u32 *)&traced->stub[2] == PAGE_FAULT;
	return result;
}
