/* What the VMMs of these tests have in common: guest memory that is registered with a userfaultfd, handing it over, and guest threads that
 * look at every byte. Written from descriptions of the protocols alone; nothing of the server is used here. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { PAGE = 4096, WORDS = PAGE / 8, HUGE_PAGE = 2 << 20, MOST_REGIONS = 8, MOST_THREADS = 16 };

struct region {
	uint8_t *base;
	uint64_t size, offset;
};

struct guest {
	int uffd, memfd, socket;
	uint64_t page_size;
	int regions;
	struct region region[MOST_REGIONS];
};

static void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void die(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

static void say(const char *line)
{
	puts(line);
	fflush(stdout);
}

/* Waits for a line of the test. */
static void await_line(void)
{
	char line[64];
	if (!fgets(line, sizeof(line), stdin)) die("the test has gone");
}

/* The memory file: pages 8 to 11 of each 16 are a hole, the others have words that tell page and place. */
static int is_hole(uint64_t page)
{
	return page % 16 >= 8 && page % 16 < 12;
}

static uint64_t word_of(uint64_t page, unsigned word)
{
	if (is_hole(page)) return 0;
	uint64_t x = page * WORDS + word + 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static int open_uffd(uint64_t features)
{
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0) die("userfaultfd: %s", strerror(errno));
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	if (ioctl(uffd, UFFDIO_API, &api)) die("UFFDIO_API: %s", strerror(errno));
	return uffd;
}

static void add_region(struct guest *guest, void *base, uint64_t size, uint64_t mode)
{
	if (base == MAP_FAILED) die("mmap: %s", strerror(errno));
	struct region *region = &guest->region[guest->regions];
	region->base = base;
	region->size = size;
	region->offset = guest->regions ? region[-1].offset + region[-1].size : 0;
	guest->regions++;
	struct uffdio_register registration = { .range = { (uintptr_t)base, size }, .mode = mode };
	if (ioctl(guest->uffd, UFFDIO_REGISTER, &registration)) die("UFFDIO_REGISTER: %s", strerror(errno));
}

static void *anonymous(uint64_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void *huge_pages(uint64_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address.sun_path)) die("path too long");
	strcpy(address.sun_path, path);
	int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof(address))) die("connect: %s", strerror(errno));
	return connection;
}

/* Sends bytes with descriptors along. */
static void send_with(int connection, const void *bytes, size_t length, const int *descriptors, int count)
{
	char control[CMSG_SPACE(sizeof(int) * 253)] = { 0 };
	struct iovec part = { (void *)bytes, length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	if (count) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
		memcpy(CMSG_DATA(header), descriptors, sizeof(int) * (size_t)count);
	}
	ssize_t sent = sendmsg(connection, &message, MSG_NOSIGNAL);
	if (sent != (ssize_t)length) die("sendmsg: %s", sent < 0 ? strerror(errno) : "short");
}

/* The same, a byte at a time; descriptors go with the first. */
static void send_in_bytes(int connection, const char *bytes, size_t length, const int *descriptors, int count)
{
	for (size_t i = 0; i < length; i++) send_with(connection, bytes + i, 1, descriptors, i ? 0 : count);
}

/* Firecracker's array; FIELDS is what each region has beside its place. */
static size_t write_layout(char *text, size_t room, const struct guest *guest, const char *fields)
{
	size_t length = (size_t)snprintf(text, room, "[");
	for (int i = 0; i < guest->regions; i++)
		length += (size_t)snprintf(
			text + length, room - length, "%s{\"base_host_virt_addr\":%llu,\"size\":%llu,\"offset\":%llu%s}", i ? "," : "",
			(unsigned long long)(uintptr_t)guest->region[i].base, (unsigned long long)guest->region[i].size,
			(unsigned long long)guest->region[i].offset, fields);
	return length + (size_t)snprintf(text + length, room - length, "]");
}

static void check_page(const struct region *region, uint64_t page)
{
	const volatile uint64_t *words = (const volatile uint64_t *)(region->base + page * PAGE);
	uint64_t in_file = region->offset / PAGE + page;
	for (unsigned i = 0; i < WORDS; i++) {
		uint64_t found = words[i];
		if (found != word_of(in_file, i))
			die("page %llu of the file, word %u: found %016llx, not %016llx", (unsigned long long)in_file, i,
				(unsigned long long)found, (unsigned long long)word_of(in_file, i));
	}
}

static void check_zero(const struct region *region, uint64_t page)
{
	const volatile uint64_t *words = (const volatile uint64_t *)(region->base + page * PAGE);
	for (unsigned i = 0; i < WORDS; i++)
		if (words[i]) die("page %llu was given back, word %u: %016llx", (unsigned long long)page, i, (unsigned long long)words[i]);
}

struct worker {
	const struct guest *guest;
	int number, of;
	/* Pages after which the VMM dies, of all threads; 0 for never. */
	uint64_t dies_after;
};

static uint64_t pages_seen;

/* A guest thread: all pages, in an order of its own; every thread looks at every page. */
static void *look(void *argument)
{
	const struct worker *worker = argument;
	for (int r = 0; r < worker->guest->regions; r++) {
		const struct region *region = &worker->guest->region[r];
		uint64_t pages = region->size / PAGE;
		uint64_t start = pages * (uint64_t)worker->number / (uint64_t)worker->of;
		for (uint64_t i = 0; i < pages; i++) {
			/* Odd threads go down, even ones up. */
			uint64_t page = worker->number % 2 ? (start + pages - i) % pages : (start + i) % pages;
			check_page(region, page);
			uint64_t seen = __atomic_add_fetch(&pages_seen, 1, __ATOMIC_RELAXED);
			if (worker->dies_after && seen >= worker->dies_after) kill(getpid(), SIGKILL);
		}
	}
	return NULL;
}

static void run_guest(const struct guest *guest, int threads, uint64_t dies_after)
{
	pthread_t thread[MOST_THREADS];
	struct worker worker[MOST_THREADS];
	for (int i = 0; i < threads; i++) {
		worker[i] = (struct worker){ guest, i, threads, dies_after };
		if (pthread_create(&thread[i], NULL, look, &worker[i])) die("pthread_create");
	}
	for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
	printf("verified %llu pages\n", (unsigned long long)__atomic_load_n(&pages_seen, __ATOMIC_RELAXED));
	fflush(stdout);
}
