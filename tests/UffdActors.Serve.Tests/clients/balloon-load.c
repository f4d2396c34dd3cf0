/* A guest under load, in the shape of Firecracker 1.16: threads that read, write and give back pages until a line comes, each in a stripe
 * of its own, and know of every page what it has to be. A line "busy" for every 200 steps. With minor, as e2b's fork can: the memory is a
 * memfd that is allocated in full and handed over, registered for MINOR alone. No events are asked for then, and pages are not given back
 * but only taken out of the mapping: they keep what was written, and fault again.
 * balloon-load SOCKET BYTES THREADS SEED [huge] [no-copy] [idle] [minor] */
#include "vmm.h"
#include <poll.h>

enum { FROM_FILE, ZERO };

struct page {
	/* What it had before it was written to, and what was written to its last word; 0 for nothing. */
	unsigned char base;
	uint64_t stamp;
};

static struct guest guest;
static struct page *pages;
static uint64_t each, total;
static int is_over, minor;

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

static volatile uint64_t *words_of(uint64_t page)
{
	uint64_t at = page * each * PAGE;
	for (int i = 0; i < guest.regions; i++) {
		if (at < guest.region[i].offset + guest.region[i].size)
			return (volatile uint64_t *)(guest.region[i].base + (at - guest.region[i].offset));
	}
	die("no such page");
	return NULL;
}

static void check(uint64_t page, uint64_t step)
{
	volatile uint64_t *words = words_of(page);
	uint64_t last = each * WORDS - 1;
	for (uint64_t i = 0; i <= last; i += step) {
		uint64_t wanted = pages[page].base == ZERO ? 0 : word_of(page * each + i / WORDS, i % WORDS);
		if (words[i] != wanted && i != last)
			die("page %llu, word %llu: found %016llx, not %016llx", (unsigned long long)page, (unsigned long long)i,
				(unsigned long long)words[i], (unsigned long long)wanted);
	}
	uint64_t wanted = pages[page].base == ZERO ? 0 : word_of(page * each + last / WORDS, last % WORDS);
	if (pages[page].stamp) wanted = pages[page].stamp;
	if (words[last] != wanted)
		die("page %llu, last word: found %016llx, not %016llx", (unsigned long long)page, (unsigned long long)words[last],
			(unsigned long long)wanted);
}

struct stripe {
	uint64_t first, count, random;
};

static void *load(void *argument)
{
	struct stripe *stripe = argument;
	for (uint64_t step = 1; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); step++) {
		uint64_t random = next(&stripe->random), page = stripe->first + (random >> 8) % stripe->count;
		switch (random % 4) {
		case 0:
		case 1:
			check(page, 61);
			break;
		case 2:
			/* Several at once, as a balloon does; they are looked at later, or never. */
			for (uint64_t end = page + 8; page < end && page < stripe->first + stripe->count; page++) {
				if (madvise((void *)words_of(page), each * PAGE, MADV_DONTNEED)) die("madvise: %s", strerror(errno));
				if (!minor) pages[page] = (struct page){ ZERO, 0 };
			}
			break;
		default:
			words_of(page)[each * WORDS - 1] = random | 1;
			pages[page].stamp = random | 1;
			break;
		}
		if (step % 200 == 0) say("busy");
	}
	return NULL;
}

int main(int count, char **arguments)
{
	if (count < 5) die("usage");
	int huge = 0, no_copy = 0, idle = 0;
	for (int i = 5; i < count; i++) {
		huge |= !strcmp(arguments[i], "huge");
		no_copy |= !strcmp(arguments[i], "no-copy");
		idle |= !strcmp(arguments[i], "idle");
		minor |= !strcmp(arguments[i], "minor");
	}
	uint64_t bytes = strtoull(arguments[2], NULL, 0), seed = strtoull(arguments[4], NULL, 0);
	int threads = atoi(arguments[3]);
	guest = (struct guest){
		.uffd = open_uffd(minor ? UFFD_FEATURE_MINOR_SHMEM : UFFD_FEATURE_EVENT_REMOVE), .page_size = huge ? HUGE_PAGE : PAGE,
	};
	if (minor && (guest.memfd = memfd_create("guest", MFD_CLOEXEC)) < 0) die("memfd_create: %s", strerror(errno));
	if (minor && fallocate(guest.memfd, 0, 0, (off_t)bytes)) die("fallocate: %s", strerror(errno));
	each = guest.page_size / PAGE;
	total = bytes / guest.page_size;
	pages = calloc(total, sizeof(*pages));
	uint64_t first = total / 2 * guest.page_size;
	for (int i = 0; i < 2; i++) {
		uint64_t size = i ? bytes - first : first;
		if (minor)
			add_region(
				&guest, mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, guest.memfd, i ? (off_t)first : 0), size,
				UFFDIO_REGISTER_MODE_MINOR);
		else add_region(&guest, huge ? huge_pages(size) : anonymous(size), size, UFFDIO_REGISTER_MODE_MISSING);
	}
	char fields[64], text[2048];
	snprintf(fields, sizeof(fields), ",\"page_size\":%llu", (unsigned long long)guest.page_size);
	size_t length = write_layout(text, sizeof(text), &guest, fields);
	guest.socket = connect_to(arguments[1]);
	send_with(guest.socket, text, length, (int[]){ guest.uffd, guest.memfd }, minor ? 2 : 1);
	if (no_copy) close(guest.uffd);
	say("handed over");
	pthread_t thread[MOST_THREADS];
	struct stripe stripe[MOST_THREADS];
	for (int i = 0; i < threads && !idle; i++) {
		uint64_t from = total * (uint64_t)i / (uint64_t)threads, to = total * (uint64_t)(i + 1) / (uint64_t)threads;
		stripe[i] = (struct stripe){ from, to - from, (seed + 1) * 0x9e3779b97f4a7c15ull + (uint64_t)i };
		if (pthread_create(&thread[i], NULL, load, &stripe[i])) die("pthread_create");
	}
	await_line();
	__atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < threads && !idle; i++) pthread_join(thread[i], NULL);
	for (uint64_t page = 0; page < total; page++) check(page, 1);
	printf("verified %llu pages\n", (unsigned long long)(total * each));
	return 0;
}
