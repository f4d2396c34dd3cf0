/* e2b's fork: the memory is a memfd, which comes as a second descriptor; writes are tracked (WP_ASYNC), so the regions are registered for
 * MISSING and WP. What was filled must not count as written. Others of its kind: writes that the handler lets through (sync-wp); MINOR,
 * with a memfd that is allocated in full (minor) or not (minor hole), and both, where what the memfd has is right (missing-minor), two
 * pages here. The memfd may be kept back (no-memfd). e2b SOCKET BYTES THREADS [sync-wp] [minor] [hole] [missing-minor] [no-memfd]
 * [waits] */
#include "vmm.h"

/* Since Linux 6.7; headers may be older. */
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

int main(int count, char **arguments)
{
	if (count < 4) die("usage");
	int sync_wp = 0, minor = 0, both = 0, no_memfd = 0, hole = 0, waits = 0;
	for (int i = 4; i < count; i++) {
		sync_wp |= !strcmp(arguments[i], "sync-wp");
		minor |= !strcmp(arguments[i], "minor");
		both |= !strcmp(arguments[i], "missing-minor");
		waits |= !strcmp(arguments[i], "waits");
		hole |= !strcmp(arguments[i], "hole");
		no_memfd |= !strcmp(arguments[i], "no-memfd");
	}
	uint64_t bytes = strtoull(arguments[2], NULL, 0);
	struct guest guest = {
		.uffd = open_uffd(UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_PAGEFAULT_FLAG_WP
			| UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_WP_HUGETLBFS_SHMEM | (sync_wp ? 0 : UFFD_FEATURE_WP_ASYNC)),
		.memfd = memfd_create("guest", MFD_CLOEXEC), .page_size = PAGE,
	};
	if (ftruncate(guest.memfd, (off_t)bytes)) die("ftruncate: %s", strerror(errno));
	if (minor && fallocate(guest.memfd, 0, 0, (off_t)(bytes - (hole ? PAGE : 0)))) die("fallocate: %s", strerror(errno));
	for (uint64_t page = 5; both && page < bytes / PAGE; page += bytes / PAGE / 2) {
		uint64_t words[WORDS];
		for (unsigned i = 0; i < WORDS; i++) words[i] = word_of(page, i);
		if (pwrite(guest.memfd, words, PAGE, (off_t)(page * PAGE)) != PAGE) die("pwrite: %s", strerror(errno));
	}
	add_region(
		&guest, mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, guest.memfd, 0), bytes,
		(minor ? 0 : UFFDIO_REGISTER_MODE_MISSING) | (minor || both ? UFFDIO_REGISTER_MODE_MINOR : 0) | UFFDIO_REGISTER_MODE_WP);
	char text[1024];
	size_t length = write_layout(text, sizeof(text), &guest, ",\"page_size\":4096");
	guest.socket = connect_to(arguments[1]);
	send_with(guest.socket, text, length, (int[]){ guest.uffd, guest.memfd }, no_memfd ? 1 : 2);
	if ((no_memfd || hole) && minor) {
		char none;
		if (read(guest.socket, &none, 1) != 0) die("the connection is still there");
		return 0;
	}
	if (waits) {
		say("handed over");
		await_line();
	}
	run_guest(&guest, atoi(arguments[3]), 0);

	*(volatile uint64_t *)(guest.region[0].base + 3 * PAGE) = 1;
	/* Bit 57 of an entry: the page is protected, and so has not been written. */
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	for (uint64_t page = 0; page < bytes / PAGE; page++) {
		uint64_t entry;
		off_t at = (off_t)(((uintptr_t)guest.region[0].base / PAGE + page) * sizeof(entry));
		if (pread(pagemap, &entry, sizeof(entry), at) != sizeof(entry)) die("pagemap: %s", strerror(errno));
		if ((entry >> 57 & 1) == (page == 3)) die("page %llu: %016llx", (unsigned long long)page, (unsigned long long)entry);
	}
	say("one page is written");
	return 0;
}
