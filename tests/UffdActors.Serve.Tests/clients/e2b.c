/* e2b's fork: the memory is a memfd, which comes as a second descriptor; writes are tracked (WP_ASYNC), so the regions are registered for
 * MISSING and WP. What was filled must not count as written. e2b SOCKET BYTES THREADS
 * [waits] */
#include "vmm.h"

/* Since Linux 6.7; headers may be older. */
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

int main(int count, char **arguments)
{
	if (count < 4) die("usage");
	uint64_t bytes = strtoull(arguments[2], NULL, 0);
	struct guest guest = {
		.uffd = open_uffd(UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_PAGEFAULT_FLAG_WP
			| UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_WP_ASYNC),
		.memfd = memfd_create("guest", MFD_CLOEXEC), .page_size = PAGE,
	};
	if (ftruncate(guest.memfd, (off_t)bytes)) die("ftruncate: %s", strerror(errno));
	add_region(
		&guest, mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, guest.memfd, 0), bytes,
		UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
	char text[1024];
	size_t length = write_layout(text, sizeof(text), &guest, ",\"page_size\":4096");
	guest.socket = connect_to(arguments[1]);
	send_with(guest.socket, text, length, (int[]){ guest.uffd, guest.memfd }, 2);
	if (count > 4) {
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
