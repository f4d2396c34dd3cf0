/* A VMM that measures how it is served, in the shape of Firecracker 1.16: one region that begins at byte 0 of the memory file. The first
 * word of a page that the file stores tells its number (stamp_of); what was given back is zeros.
 * measured SOCKET BYTES CPU MODE [N] [M]
 * With spread-huge the memory is of huge pages.
 * CPU binds all threads (-1 for none). A mode begins when a line comes, says one line of figures, and ends with the input. */
#include "vmm.h"
#include <sched.h>
#include <time.h>

static struct guest guest;
static uint64_t pages, longest;
static int is_over;

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static uint64_t stamp_of(uint64_t page)
{
	return 0x5eed000000000000ull ^ (page * 0x9e3779b97f4a7c15ull);
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

/* Touches a page; nanoseconds that this took. */
static uint64_t touch(uint64_t page, int may_be_zero)
{
	uint64_t begun = now();
	uint64_t found = *(volatile uint64_t *)(guest.region[0].base + page * PAGE);
	uint64_t took = now() - begun;
	if (found != stamp_of(page) && !(may_be_zero && found == 0))
		die("page %llu: found %016llx", (unsigned long long)page, (unsigned long long)found);
	return took;
}

static void give_back(uint64_t page, uint64_t count)
{
	if (madvise(guest.region[0].base + page * PAGE, count * PAGE, MADV_DONTNEED)) die("madvise: %s", strerror(errno));
}

static int has_line(void)
{
	char line[64];
	return fgets(line, sizeof(line), stdin) != NULL;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void say_latencies(uint64_t *each, uint64_t count, uint64_t took)
{
	qsort(each, count, sizeof(*each), by_value);
	printf("rate=%.0f p50=%.1f p99=%.1f max=%.1f\n", (double)count * 1e9 / (double)took, (double)each[count / 2] / 1e3,
		(double)each[count * 99 / 100] / 1e3, (double)each[count - 1] / 1e3);
	fflush(stdout);
}

struct share {
	uint64_t *order, *latency, count;
	pthread_barrier_t *gate;
};

static void *touch_all(void *argument)
{
	struct share *share = argument;
	pthread_barrier_wait(share->gate);
	for (uint64_t i = 0; i < share->count; i++) share->latency[i] = touch(share->order[i], 0);
	return NULL;
}

/* N threads touch all pages, each its own, in a random order. */
static void rate(int threads)
{
	uint64_t *order = malloc(pages * sizeof(*order)), *latency = calloc(pages, sizeof(*latency)), random = 88172645463325252ull;
	for (uint64_t i = 0; i < pages; i++) order[i] = i;
	for (uint64_t i = pages - 1; i > 0; i--) {
		uint64_t j = next(&random) % (i + 1), t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	memset(latency, 1, pages * sizeof(*latency));
	pthread_barrier_t gate;
	pthread_barrier_init(&gate, NULL, (unsigned)threads + 1);
	pthread_t thread[MOST_THREADS];
	struct share share[MOST_THREADS];
	for (int i = 0; i < threads; i++) {
		uint64_t from = pages * (uint64_t)i / (uint64_t)threads, to = pages * (uint64_t)(i + 1) / (uint64_t)threads;
		share[i] = (struct share){ order + from, latency + from, to - from, &gate };
		if (pthread_create(&thread[i], NULL, touch_all, &share[i])) die("pthread_create");
	}
	uint64_t begun = now();
	pthread_barrier_wait(&gate);
	for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
	say_latencies(latency, pages, now() - begun);
}

/* For every line: N pages never touched before, one every M microseconds. */
static void quiet(uint64_t count, uint64_t pause)
{
	uint64_t *latency = calloc(count, sizeof(*latency)), page = 0;
	do {
		uint64_t begun = now();
		for (uint64_t i = 0; i < count; i++, page++) {
			if (page == pages) die("no page is left");
			latency[i] = touch(page, 0);
			struct timespec wait = { 0, (long)(pause * 1000) };
			nanosleep(&wait, NULL);
		}
		say_latencies(latency, count, now() - begun);
	} while (has_line());
}

/* N threads touch the first page of every M bytes, each its own, one after the other: every touch is a fault. */
static void spread(int threads, uint64_t stride)
{
	uint64_t all = pages / (stride / PAGE), *order = malloc(all * sizeof(*order)), *latency = calloc(all, sizeof(*latency));
	for (uint64_t i = 0; i < all; i++) order[i] = i * (stride / PAGE);
	pthread_barrier_t gate;
	pthread_barrier_init(&gate, NULL, (unsigned)threads + 1);
	pthread_t thread[MOST_THREADS];
	struct share share[MOST_THREADS];
	for (int i = 0; i < threads; i++) {
		uint64_t from = all * (uint64_t)i / (uint64_t)threads, to = all * (uint64_t)(i + 1) / (uint64_t)threads;
		share[i] = (struct share){ order + from, latency + from, to - from, &gate };
		if (pthread_create(&thread[i], NULL, touch_all, &share[i])) die("pthread_create");
	}
	uint64_t begun = now();
	pthread_barrier_wait(&gate);
	for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
	say_latencies(latency, all, now() - begun);
}

struct stripe {
	uint64_t first, count, seed;
};

/* Pages of a stripe, touched and given back in turn: every touch is a fault. */
static void *storm(void *argument)
{
	struct stripe *stripe = argument;
	uint64_t random = stripe->seed;
	while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
		uint64_t page = stripe->first + next(&random) % stripe->count, took = touch(page, 1);
		uint64_t known = __atomic_load_n(&longest, __ATOMIC_RELAXED);
		while (took > known && !__atomic_compare_exchange_n(&longest, &known, took, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) { }
		give_back(page, 1);
	}
	return NULL;
}

/* N threads that never rest; for every line the longest fault since the last one. */
static void load(int threads)
{
	pthread_t thread[MOST_THREADS];
	struct stripe stripe[MOST_THREADS];
	for (int i = 0; i < threads; i++) {
		uint64_t from = pages * (uint64_t)i / (uint64_t)threads, to = pages * (uint64_t)(i + 1) / (uint64_t)threads;
		stripe[i] = (struct stripe){ from, to - from, (uint64_t)(i + 1) * 0x9e3779b97f4a7c15ull };
		if (pthread_create(&thread[i], NULL, storm, &stripe[i])) die("pthread_create");
	}
	say("loaded");
	while (has_line()) {
		printf("longest=%.1f\n", (double)__atomic_exchange_n(&longest, 0, __ATOMIC_RELAXED) / 1e3);
		fflush(stdout);
	}
	__atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
}

/* N single pages given back, every second one, so that no two of them are a range; the rate of every tenth. */
static void removes(uint64_t count)
{
	if (2 * count > pages) die("%llu pages are too few", (unsigned long long)pages);
	uint64_t begun = now();
	for (uint64_t i = 0; i < count; i++) {
		give_back(2 * i, 1);
		if ((i + 1) % (count / 10)) continue;
		uint64_t end = now();
		printf("%s%.0f", i < count / 10 ? "rates=" : ",", (double)(count / 10) * 1e9 / (double)(end - begun));
		begun = end;
	}
	say("");
}

/* The first M bytes of every N. */
static void some(uint64_t piece, uint64_t stride)
{
	uint64_t touched = 0;
	for (uint64_t at = 0; at < pages; at += stride / PAGE) {
		for (uint64_t i = 0; i < piece / PAGE && at + i < pages; i++, touched++) touch(at + i, 0);
	}
	printf("touched=%llu\n", (unsigned long long)touched);
	fflush(stdout);
}

int main(int count, char **arguments)
{
	if (count < 5) die("usage");
	uint64_t bytes = strtoull(arguments[2], NULL, 0), n = count > 5 ? strtoull(arguments[5], NULL, 0) : 0;
	uint64_t m = count > 6 ? strtoull(arguments[6], NULL, 0) : 0;
	int cpu = atoi(arguments[3]);
	const char *mode = arguments[4];
	if (cpu >= 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set)) die("sched_setaffinity: %s", strerror(errno));
	}
	int huge = !strcmp(mode, "spread-huge");
	guest = (struct guest){ .uffd = open_uffd(UFFD_FEATURE_EVENT_REMOVE), .page_size = huge ? HUGE_PAGE : PAGE };
	pages = bytes / PAGE;
	add_region(&guest, huge ? huge_pages(bytes) : anonymous(bytes), bytes, UFFDIO_REGISTER_MODE_MISSING);
	if (!huge && madvise(guest.region[0].base, bytes, MADV_NOHUGEPAGE)) die("madvise: %s", strerror(errno));
	char text[512];
	size_t length = write_layout(text, sizeof(text), &guest, huge ? ",\"page_size\":2097152" : ",\"page_size\":4096");
	guest.socket = connect_to(arguments[1]);
	uint64_t begun = now();
	send_with(guest.socket, text, length, &guest.uffd, 1);
	if (!strcmp(mode, "first")) {
		touch(0, 0);
		printf("first=%.1f\n", (double)(now() - begun) / 1e3);
		fflush(stdout);
		has_line();
		return 0;
	}
	say("handed over");
	if (!strcmp(mode, "idle") || !has_line()) {
		has_line();
		return 0;
	}
	if (!strcmp(mode, "rate")) rate((int)n);
	else if (!strncmp(mode, "spread", 6)) spread((int)n, m);
	else if (!strcmp(mode, "quiet")) quiet(n, m);
	else if (!strcmp(mode, "load")) load((int)n);
	else if (!strcmp(mode, "removes")) removes(n);
	else if (!strcmp(mode, "some")) some(n, m);
	else die("there is no mode %s", mode);
	while (has_line()) { }
	return 0;
}
