/* Connections that are no hand-over, or a bad one; ends well when the server has closed the connection, or when this side is through.
 * malicious SOCKET CASE */
#include "vmm.h"

static void send_text(int connection, const char *text, const int *descriptors, int count)
{
	send_with(connection, text, strlen(text), descriptors, count);
}

static void await_close(int connection)
{
	char byte;
	if (read(connection, &byte, 1) > 0) die("there is an answer");
	say("closed");
}

int main(int count, char **arguments)
{
	if (count != 3) die("usage");
	const char *what = arguments[2];
	struct guest guest = { .uffd = open_uffd(0) };
	add_region(&guest, anonymous(4 * PAGE), 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	char layout[1024];
	write_layout(layout, sizeof(layout), &guest, "");
	signal(SIGPIPE, SIG_IGN);
	int connection = connect_to(arguments[1]);
	if (!strcmp(what, "no-descriptor")) {
		send_text(connection, layout, NULL, 0);
	} else if (!strcmp(what, "no-userfaultfd")) {
		send_text(connection, layout, (int[]){ 0 }, 1);
	} else if (!strcmp(what, "young-userfaultfd")) {
		int young = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
		send_text(connection, layout, &young, 1);
	} else if (!strcmp(what, "signals")) {
		int signals = open_uffd(UFFD_FEATURE_SIGBUS);
		send_text(connection, layout, &signals, 1);
	} else if (!strcmp(what, "two-arrays")) {
		char two[2100];
		snprintf(two, sizeof(two), "%s%s", layout, layout);
		send_text(connection, two, &guest.uffd, 1);
	} else if (!strcmp(what, "secret-hiding")) {
		write_layout(layout, sizeof(layout), &guest, ",\"gpa_start\":0,\"is_guest_memfd\":true");
		send_text(connection, layout, (int[]){ guest.uffd, 0, 0 }, 3);
	} else if (!strcmp(what, "many-descriptors")) {
		int many[253];
		for (int i = 0; i < 253; i++) many[i] = guest.uffd;
		send_text(connection, layout, many, 253);
	} else if (!strcmp(what, "trickled-descriptors")) {
		for (int i = 0; i < 100; i++) {
			struct iovec part = { " ", 1 };
			char control[CMSG_SPACE(sizeof(int))] = { 0 };
			struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
			struct cmsghdr *header = CMSG_FIRSTHDR(&message);
			header->cmsg_level = SOL_SOCKET;
			header->cmsg_type = SCM_RIGHTS;
			header->cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(header), &guest.uffd, sizeof(int));
			if (sendmsg(connection, &message, MSG_NOSIGNAL) < 0) break;
		}
	} else if (!strcmp(what, "endless")) {
		char many[4096];
		memset(many, '[', sizeof(many));
		send_with(connection, many, sizeof(many), &guest.uffd, 1);
		for (int i = 0; i < 64 && send(connection, many, sizeof(many), MSG_NOSIGNAL) > 0; i++) { }
	} else if (!strcmp(what, "stranger")) {
		send_text(connection, "GET / HTTP/1.1\r\n\r\n", NULL, 0);
	} else if (!strcmp(what, "silent")) {
		/* Until the server's patience is over. */
	} else if (!strcmp(what, "leaves")) {
		close(connection);
		say("closed");
		return 0;
	} else if (!strcmp(what, "leaves-in-the-middle")) {
		send_with(connection, layout, strlen(layout) / 2, &guest.uffd, 1);
		close(connection);
		say("closed");
		return 0;
	} else if (!strcmp(what, "unmapped")) {
		munmap(guest.region[0].base, guest.region[0].size);
		send_text(connection, layout, &guest.uffd, 1);
	} else if (!strcmp(what, "long")) {
		guest.region[0].size = 1ull << 30;
		write_layout(layout, sizeof(layout), &guest, "");
		send_text(connection, layout, &guest.uffd, 1);
	} else if (!strcmp(what, "again")) {
		send_text(connection, layout, &guest.uffd, 1);
		say("handed over");
		await_line();
		int second = connect_to(arguments[1]);
		send_text(second, layout, &guest.uffd, 1);
		await_close(second);
		run_guest(&guest, 1, 0);
		return 0;
	} else {
		die("unknown case %s", what);
	}
	await_close(connection);
	return 0;
}
