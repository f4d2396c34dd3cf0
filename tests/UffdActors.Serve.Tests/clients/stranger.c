/* Another user, who says a line to a Unix socket and shows what is answered. stranger SOCKET USER LINE */
#define _GNU_SOURCE
#include <grp.h>
#include "vmm.h"

int main(int count, char **arguments)
{
	if (count < 4) die("usage");
	uid_t user = (uid_t)atoi(arguments[2]);
	if (setgroups(0, NULL) || setresgid(user, user, user) || setresuid(user, user, user)) die("setresuid: %s", strerror(errno));
	int connection = connect_to(arguments[1]);
	char text[4096];
	size_t length = (size_t)snprintf(text, sizeof(text), "%s\n", arguments[3]);
	/* It may be closed before. */
	(void)!send(connection, text, length, MSG_NOSIGNAL);
	ssize_t got;
	while ((got = read(connection, text, sizeof(text))) > 0) {
		fwrite(text, 1, (size_t)got, stdout);
		fflush(stdout);
	}
	return 0;
}
