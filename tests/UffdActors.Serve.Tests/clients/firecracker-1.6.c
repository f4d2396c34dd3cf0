/* Firecracker 1.1 to 1.6: three fields a region, one descriptor, the socket closed at once. firecracker-1.6 SOCKET BYTES THREADS */
#include "vmm.h"

int main(int count, char **arguments)
{
	if (count != 4) die("usage");
	struct guest guest = { .uffd = open_uffd(0), .page_size = PAGE };
	add_region(&guest, anonymous(strtoull(arguments[2], NULL, 0)), strtoull(arguments[2], NULL, 0), UFFDIO_REGISTER_MODE_MISSING);
	char text[1024];
	size_t length = write_layout(text, sizeof(text), &guest, "");
	int connection = connect_to(arguments[1]);
	send_with(connection, text, length, &guest.uffd, 1);
	/* 1.6 says more now and then; nobody is to mind. */
	send_with(connection, "[]", 2, NULL, 0);
	close(connection);
	run_guest(&guest, atoi(arguments[3]), 0);
	return 0;
}
