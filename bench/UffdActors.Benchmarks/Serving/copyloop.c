/* The least that serves a guest of another process: takes the userfaultfd of each VMM that connects, one after the other, and copies to
 * every page that faults the page of its number, out of memory. What a daemon costs over this is its own.
 * copyloop SOCKET FILE */
#include "vmm.h"
#include <poll.h>
#include <sys/stat.h>

enum { MESSAGES = 64 };

static int receive(int connection, uint64_t *base)
{
	char text[4096], control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { text, sizeof(text) - 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t length = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	if (length <= 0 || !CMSG_FIRSTHDR(&message)) die("no hand-over");
	text[length] = 0;
	int uffd;
	memcpy(&uffd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(uffd));
	*base = strtoull(strstr(text, "\"base_host_virt_addr\":") + strlen("\"base_host_virt_addr\":"), NULL, 10);
	return uffd;
}

int main(int count, char **arguments)
{
	if (count != 3) die("usage");
	struct stat file;
	int memory = open(arguments[2], O_RDONLY);
	if (memory < 0 || fstat(memory, &file)) die("%s: %s", arguments[2], strerror(errno));
	uint8_t *content = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (off_t at = 0; at < file.st_size;) {
		ssize_t part = read(memory, content + at, (size_t)(file.st_size - at));
		if (part <= 0) die("read: %s", strerror(errno));
		at += part;
	}
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, arguments[1]);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 8)) die("listen: %s", strerror(errno));
	say("serving ");
	for (;;) {
		int connection = accept(listener, NULL, NULL);
		uint64_t base;
		int uffd = receive(connection, &base);
		struct uffd_msg messages[MESSAGES];
		struct pollfd wait[2] = { { .fd = uffd, .events = POLLIN }, { .fd = connection, .events = POLLIN } };
		while (poll(wait, 2, -1) >= 0 && !wait[1].revents) {
			ssize_t got = read(uffd, messages, sizeof(messages));
			for (ssize_t i = 0; i < got / (ssize_t)sizeof(messages[0]); i++) {
				uint64_t at = messages[i].arg.pagefault.address & ~(PAGE - 1ull);
				struct uffdio_copy copy = { .dst = at, .src = (uintptr_t)content + (at - base), .len = PAGE };
				if (ioctl(uffd, UFFDIO_COPY, &copy) && errno != EEXIST) die("UFFDIO_COPY: %s", strerror(errno));
			}
		}
		close(uffd);
		close(connection);
	}
}
