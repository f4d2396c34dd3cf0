/* A service manager as a daemon sees systemd: NOTIFY_SOCKET, a store of descriptors, LISTEN_FDS at every start. A line on its input kills
 * the service and starts it again; the end of the input kills it for good.
 * service-manager FOLDER PROGRAM ARGUMENTS... */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 256

static struct {
	char name[128];
	int descriptor;
} store[MOST];
static int stored;
static char path[108];

static void fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static void forget(const char *name)
{
	for (int i = stored - 1; i >= 0; i--) {
		if (strcmp(store[i].name, name)) continue;
		close(store[i].descriptor);
		store[i] = store[--stored];
	}
}

static int receive(int notify)
{
	char text[4096], control[CMSG_SPACE(sizeof(int) * 16)];
	struct iovec part = { text, sizeof(text) - 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t length = recvmsg(notify, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (length < 0) return 0;
	text[length] = 0;
	int descriptor = -1, removes = 0;
	char name[128] = "";
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
		if (header->cmsg_type == SCM_RIGHTS) memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "FDNAME=", 7)) snprintf(name, sizeof(name), "%s", line + 7);
		else if (!strcmp(line, "FDSTOREREMOVE=1")) removes = 1;
		else if (!strcmp(line, "READY=1") || !strcmp(line, "STOPPING=1") || !strcmp(line, "WATCHDOG=1")) {
			printf("manager: %s\n", line);
			fflush(stdout);
		}
	}
	if (removes) forget(name);
	else if (descriptor >= 0 && stored < MOST) {
		snprintf(store[stored].name, sizeof(store[stored].name), "%s", name);
		store[stored++].descriptor = descriptor;
	}
	return 1;
}

static pid_t start(char **program)
{
	pid_t child = fork();
	if (child < 0) fail("fork");
	if (child) return child;
	static int high[MOST];
	static char names[MOST * 128];
	char number[32];
	for (int i = 0; i < stored; i++) {
		if ((high[i] = fcntl(store[i].descriptor, F_DUPFD_CLOEXEC, 3 + MOST)) < 0) fail("fcntl");
		strcat(strcat(names, i ? ":" : ""), store[i].name);
	}
	for (int i = 0; i < stored; i++) if (dup2(high[i], 3 + i) < 0) fail("dup2");
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("LISTEN_PID", number, 1);
	snprintf(number, sizeof(number), "%d", stored);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	setenv("NOTIFY_SOCKET", path, 1);
	snprintf(number, sizeof(number), "%d", MOST);
	setenv("FDSTORE", number, 1);
	/* It wants to hear of the service twice in this time. */
	setenv("WATCHDOG_USEC", "200000", 1);
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("WATCHDOG_PID", number, 1);
	int nothing = open("/dev/null", O_RDONLY);
	dup2(nothing, 0);
	execvp(program[0], program);
	fail("exec");
	return 0;
}

int main(int count, char **arguments)
{
	if (count < 3) fail("usage");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(path, sizeof(path), "%s/notify", arguments[1]);
	strcpy(address.sun_path, path);
	int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify < 0 || bind(notify, (struct sockaddr *)&address, sizeof(address))) fail("bind");
	pid_t child = start(arguments + 2);
	for (;;) {
		struct pollfd wait[] = { { .fd = 0, .events = POLLIN }, { .fd = notify, .events = POLLIN } };
		if (poll(wait, 2, -1) < 0) fail("poll");
		if (wait[1].revents) receive(notify);
		if (!wait[0].revents) continue;
		char line[256];
		ssize_t length = read(0, line, sizeof(line));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (receive(notify)) { }
		if (length <= 0) break;
		printf("manager: kept %d\n", stored);
		fflush(stdout);
		child = start(arguments + 2);
	}
	unlink(path);
	return 0;
}
