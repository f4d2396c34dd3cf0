/* Cloud Hypervisor's proposed hand-off: length, tagged JSON, one byte as an answer within two seconds. cloud-hypervisor SOCKET BYTES
 * THREADS [waits|again] */
#include "vmm.h"

int main(int count, char **arguments)
{
	if (count < 4) die("usage");
	uint64_t bytes = strtoull(arguments[2], NULL, 0);
	struct guest guest = { .uffd = open_uffd(UFFD_FEATURE_EVENT_REMOVE), .page_size = PAGE };
	add_region(&guest, anonymous(bytes / 4), bytes / 4, UFFDIO_REGISTER_MODE_MISSING);
	add_region(&guest, anonymous(bytes - bytes / 4), bytes - bytes / 4, UFFDIO_REGISTER_MODE_MISSING);
	char text[2048];
	size_t length = (size_t)snprintf(
		text + 4, sizeof(text) - 4, "{\"type\":\"handoff\",\"version\":0,\"vmm_pid\":%d,\"mode\":\"MISSING\",\"regions\":[", getpid());
	for (int i = 0; i < guest.regions; i++)
		length += (size_t)snprintf(
			text + 4 + length, sizeof(text) - 4 - length,
			"%s{\"guest_phys_addr\":%llu,\"host_virt_addr\":%llu,\"size\":%llu,\"backing_file_offset\":%llu}", i ? "," : "",
			(unsigned long long)guest.region[i].offset, (unsigned long long)(uintptr_t)guest.region[i].base,
			(unsigned long long)guest.region[i].size, (unsigned long long)guest.region[i].offset);
	length += (size_t)snprintf(text + 4 + length, sizeof(text) - 4 - length, "]}");
	for (int i = 0; i < 4; i++) text[i] = (char)(length >> (8 * i));
	guest.socket = connect_to(arguments[1]);
	send_with(guest.socket, text, length + 4, &guest.uffd, 1);
	/* It waits for two seconds; a machine that runs tests may be slower. */
	struct timeval limit = { .tv_sec = 60 };
	setsockopt(guest.socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	char answer;
	if (read(guest.socket, &answer, 1) != 1) die("there is no answer");
	say("answered");
	if (count > 4) await_line();
	if (count > 4 && !strcmp(arguments[4], "again")) {
		/* Its connection is at an end, so the same is sent once more. */
		close(guest.socket);
		guest.socket = connect_to(arguments[1]);
		send_with(guest.socket, text, length + 4, &guest.uffd, 1);
		setsockopt(guest.socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		if (read(guest.socket, &answer, 1) != 1) die("there is no second answer");
		say("answered again");
	}
	run_guest(&guest, atoi(arguments[3]), 0);
	return 0;
}
