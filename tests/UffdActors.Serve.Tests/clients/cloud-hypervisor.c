/* Cloud Hypervisor's proposed hand-off: length, tagged JSON, one byte as an answer within two seconds; later regions are added, one message
 * and one byte each. cloud-hypervisor SOCKET BYTES THREADS [waits|again|adds|adds-bare|adds-wrong|adds-again] */
#include "vmm.h"

/* A region is registered by the VMM, unless it is left to the manager. */
static void add_bare(struct guest *guest, uint64_t size)
{
	struct region *region = &guest->region[guest->regions++];
	region->base = anonymous(size);
	region->size = size;
	region->offset = region[-1].offset + region[-1].size;
	if (region->base == MAP_FAILED) die("mmap: %s", strerror(errno));
}

static size_t write_region(char *text, size_t room, const struct region *region)
{
	return (size_t)snprintf(
		text, room, "{\"guest_phys_addr\":%llu,\"host_virt_addr\":%llu,\"size\":%llu,\"backing_file_offset\":%llu}",
		(unsigned long long)region->offset, (unsigned long long)(uintptr_t)region->base, (unsigned long long)region->size,
		(unsigned long long)region->offset);
}

static void write_length(char *text, size_t length)
{
	for (int i = 0; i < 4; i++) text[i] = (char)(length >> (8 * i));
}

static size_t write_hand_off(char *text, size_t room, const struct guest *guest)
{
	size_t length = (size_t)snprintf(
		text + 4, room - 4, "{\"type\":\"handoff\",\"version\":0,\"vmm_pid\":%d,\"mode\":\"MISSING\",\"regions\":[", getpid());
	for (int i = 0; i < guest->regions; i++) {
		if (i) text[4 + length++] = ',';
		length += write_region(text + 4 + length, room - 4 - length, &guest->region[i]);
	}
	length += (size_t)snprintf(text + 4 + length, room - 4 - length, "]}");
	write_length(text, length);
	return length + 4;
}

static void send_added(const struct guest *guest)
{
	char text[1024];
	size_t length = (size_t)snprintf(text + 4, sizeof(text) - 4, "{\"type\":\"add_region\",\"region\":");
	length += write_region(text + 4 + length, sizeof(text) - 4 - length, &guest->region[guest->regions - 1]);
	length += (size_t)snprintf(text + 4 + length, sizeof(text) - 4 - length, "}");
	write_length(text, length);
	send_in_bytes(guest->socket, text, length + 4, NULL, 0);
}

static void await_answer(struct guest *guest)
{
	/* It waits for two seconds; a machine that runs tests may be slower. */
	struct timeval limit = { .tv_sec = 60 };
	setsockopt(guest->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	char answer;
	if (read(guest->socket, &answer, 1) != 1) die("there is no answer");
}

int main(int count, char **arguments)
{
	if (count < 4) die("usage");
	const char *how = count > 4 ? arguments[4] : "";
	int adds = !strncmp(how, "adds", 4);
	uint64_t bytes = strtoull(arguments[2], NULL, 0), quarter = bytes / 4;
	struct guest guest = { .uffd = open_uffd(UFFD_FEATURE_EVENT_REMOVE), .page_size = PAGE };
	add_region(&guest, anonymous(quarter), quarter, UFFDIO_REGISTER_MODE_MISSING);
	uint64_t rest = adds ? bytes / 2 : bytes - quarter;
	add_region(&guest, anonymous(rest), rest, UFFDIO_REGISTER_MODE_MISSING);
	char text[2048];
	guest.socket = connect_to(arguments[1]);
	send_with(guest.socket, text, write_hand_off(text, sizeof(text), &guest), &guest.uffd, 1);
	await_answer(&guest);
	say("answered");
	if (*how) await_line();
	if (adds) {
		if (!strcmp(how, "adds-bare")) add_bare(&guest, quarter);
		else add_region(&guest, anonymous(quarter), quarter, UFFDIO_REGISTER_MODE_MISSING);
		/* Beyond the end of the file. */
		if (!strcmp(how, "adds-wrong")) guest.region[2].offset = bytes;
		/* The manager may have been another one meanwhile, to which there is no connection any more. */
		if (!strcmp(how, "adds-again")) {
			close(guest.socket);
			guest.socket = connect_to(arguments[1]);
			send_with(guest.socket, text, write_hand_off(text, sizeof(text), &guest), &guest.uffd, 1);
		} else send_added(&guest);
		if (!strcmp(how, "adds-wrong")) {
			char answer;
			if (read(guest.socket, &answer, 1) != 0) die("what cannot be served is answered");
			guest.regions--;
		} else await_answer(&guest);
		say("added");
		await_line();
	}
	if (!strcmp(how, "again")) {
		/* Its connection is at an end, so the same is sent once more. */
		close(guest.socket);
		guest.socket = connect_to(arguments[1]);
		send_with(guest.socket, text, write_hand_off(text, sizeof(text), &guest), &guest.uffd, 1);
		await_answer(&guest);
		say("answered again");
	}
	run_guest(&guest, atoi(arguments[3]), 0);
	return 0;
}
