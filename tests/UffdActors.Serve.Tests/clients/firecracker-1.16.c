/* Firecracker 1.12 to 1.16: page_size beside the older page_size_kib (which holds bytes), EVENT_REMOVE asked for, the socket open until the
 * end; two regions as beyond 3 GiB.
 * firecracker-1.16 SOCKET BYTES THREADS [huge] [bytewise] [pretty] [no-copy] [closes-first]
 * [balloon] [waits] [gives-back] [dies-after N] */
#include "vmm.h"

/* Gives a range back and looks at it: zeros, then what it writes itself; what lies around it has stayed. */
static void balloon(const struct region *region, uint64_t page_size)
{
	uint64_t each = page_size / PAGE, pages = region->size / PAGE;
	for (uint64_t first = 0; first + each <= pages; first += 4 * each) {
		if (madvise(region->base + first * PAGE, page_size, MADV_DONTNEED)) die("madvise: %s", strerror(errno));
		for (uint64_t page = first; page < first + each; page++) check_zero(region, page);
		*(volatile uint64_t *)(region->base + first * PAGE) = first + 1;
	}
	for (uint64_t page = 0; page < pages; page++) {
		if (page / each % 4) check_page(region, page);
		else if (page % each == 0 && page / each * each + each <= pages
			&& *(volatile uint64_t *)(region->base + page * PAGE) != page + 1)
			die("page %llu has lost what was written", (unsigned long long)page);
	}
	say("balloon verified");
}

/* Gives a whole region back before it is touched, and looks at it later. */
static void give_back(const struct guest *guest)
{
	const struct region *region = &guest->region[1];
	if (madvise(region->base, region->size, MADV_DONTNEED)) die("madvise: %s", strerror(errno));
	say("given back");
	await_line();
	for (uint64_t page = 0; page < region->size / PAGE; page++) check_zero(region, page);
	for (uint64_t page = 0; page < guest->region[0].size / PAGE; page++) check_page(&guest->region[0], page);
	say("verified what was given back");
}

int main(int count, char **arguments)
{
	if (count < 4) die("usage");
	int huge = 0, bytewise = 0, pretty = 0, no_copy = 0, closes_first = 0, with_balloon = 0, waits = 0, gives_back = 0;
	uint64_t dies_after = 0;
	for (int i = 4; i < count; i++) {
		huge |= !strcmp(arguments[i], "huge");
		bytewise |= !strcmp(arguments[i], "bytewise");
		pretty |= !strcmp(arguments[i], "pretty");
		no_copy |= !strcmp(arguments[i], "no-copy");
		closes_first |= !strcmp(arguments[i], "closes-first");
		with_balloon |= !strcmp(arguments[i], "balloon");
		waits |= !strcmp(arguments[i], "waits");
		gives_back |= !strcmp(arguments[i], "gives-back");
		if (!strcmp(arguments[i], "dies-after")) dies_after = strtoull(arguments[++i], NULL, 0);
	}
	uint64_t bytes = strtoull(arguments[2], NULL, 0);
	struct guest guest = { .uffd = open_uffd(UFFD_FEATURE_EVENT_REMOVE), .page_size = huge ? HUGE_PAGE : PAGE };
	uint64_t first = bytes / 2 / guest.page_size * guest.page_size;
	for (int i = 0; i < 2; i++) {
		uint64_t size = i ? bytes - first : first;
		add_region(&guest, huge ? huge_pages(size) : anonymous(size), size, UFFDIO_REGISTER_MODE_MISSING);
	}
	char fields[128], text[2048];
	snprintf(
		fields, sizeof(fields), ",\"page_size\":%llu,\"page_size_kib\":%llu%s", (unsigned long long)guest.page_size,
		(unsigned long long)guest.page_size, pretty ? ",\n   \"later\": [{\"unknown\": \"]\\\"\"}]" : "");
	size_t length = write_layout(text, sizeof(text), &guest, fields);
	guest.socket = connect_to(arguments[1]);
	if (pretty) {
		/* As a printer for people writes it: the brace is the fifth byte. */
		char wide[4096];
		length = (size_t)snprintf(wide, sizeof(wide), "[\n  %s", text + 1);
		send_with(guest.socket, wide, length, &guest.uffd, 1);
	} else if (closes_first) {
		/* Before the end of its message, so that whoever reads that sees no other descriptor. */
		send_with(guest.socket, text, length - 1, &guest.uffd, 1);
		close(guest.uffd);
		send_with(guest.socket, text + length - 1, 1, NULL, 0);
	} else if (bytewise) {
		send_in_bytes(guest.socket, text, length, &guest.uffd, 1);
	} else {
		send_with(guest.socket, text, length, &guest.uffd, 1);
	}
	if (no_copy) close(guest.uffd);
	if (waits) {
		say("handed over");
		await_line();
	}
	if (gives_back) {
		give_back(&guest);
		return 0;
	}
	run_guest(&guest, atoi(arguments[3]), dies_after);
	if (with_balloon) for (int i = 0; i < guest.regions; i++) balloon(&guest.region[i], guest.page_size);
	return 0;
}
