/* A guest's processes on one CPU with its kernel.
 *
 * They take turns: either the kernel's process runs, or the one that it traces. Linux, which sees two processes that wake
 * each other, likes to spread them; each turn then wakes another CPU, which takes several times as long as the switch. A
 * guest has one CPU anyway. When others want that one too, the guest moves to the next.
 */

#define CPU_WORDS 16
/* Ticks of the guest's timer between two looks at who else wants the CPU, and the part of the time that it may wait. */
#define TICKS_PER_LOOK 8
#define WAIT_PART 4

static ulong allowed_cpus[CPU_WORDS], our_cpu[CPU_WORDS];
static int cpu = -1; /* none: it is left to Linux */
static u32 moves = 1;

static void stay_on_our_cpu(int pid) {
	call(__NR_sched_setaffinity, pid, sizeof our_cpu, our_cpu, 0);
}

static void move_to(int number) {
	memset(our_cpu, 0, sizeof our_cpu);
	our_cpu[number / 64] = 1UL << number % 64;
	cpu = number;
	moves++;
	stay_on_our_cpu(0);
}

static void choose_cpu(void) {
	u32 now = 0;
	if (call(__NR_sched_getaffinity, 0, sizeof allowed_cpus, allowed_cpus, 0) <= 0) return;
	if (call(__NR_getcpu, &now, 0, 0, 0) < 0 || now >= CPU_WORDS * 64) return;
	move_to((int)now);
}

/* Nanoseconds that a process has waited for a CPU. Source: Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat. */
static u64 waited(int pid) {
	char path[64], text[64];
	append(append_number(append(path, "/proc/"), (ulong)pid), "/schedstat");
	long fd = call(__NR_open, path, 02000000 /* O_CLOEXEC */, 0, 0);
	if (fd < 0) return 0;
	long size = call(__NR_read, fd, text, sizeof text - 1, 0);
	call(__NR_close, fd, 0, 0, 0);
	text[size < 0 ? 0 : size] = 0;
	const char *at = text;
	u64 number = 0;
	while (*at != 0 && *at != ' ') at++;
	while (*at == ' ') at++;
	for (; *at >= '0' && *at <= '9'; at++) number = number * 10 + (u64)(*at - '0');
	return number;
}

/* At each tick of the guest's timer; it has none while it is idle. */
static void share_cpus(int traced) {
	static u32 ticks;
	static int looked_at;
	static u64 waited_before, looked_before;
	if (cpu < 0 || ++ticks % TICKS_PER_LOOK != 0) return;
	long time[2] = {0, 0};
	call(__NR_clock_gettime, 1 /* CLOCK_MONOTONIC */, time, 0, 0);
	u64 now = (u64)time[0] * 1000000000 + (u64)time[1];
	u64 wait = waited((int)call(__NR_getpid, 0, 0, 0, 0)) + waited(traced);
	int is_crowded = looked_at == traced && wait - waited_before > (now - looked_before) / WAIT_PART;
	looked_at = traced;
	waited_before = wait;
	looked_before = now;
	if (!is_crowded) return;
	for (int next = cpu + 1; next < cpu + CPU_WORDS * 64; next++) {
		int number = next % (CPU_WORDS * 64);
		if ((allowed_cpus[number / 64] >> number % 64 & 1) == 0) continue;
		move_to(number);
		return;
	}
}
