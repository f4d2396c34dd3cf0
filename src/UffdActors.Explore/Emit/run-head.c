#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Headers older than the calls. */
#ifndef UFFDIO_POISON
struct uffdio_poison { struct uffdio_range range; __u64 mode; __s64 updated; };
#define UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct uffdio_poison)
#endif
#ifndef UFFDIO_MOVE
struct uffdio_move { __u64 dst, src, len, mode; __s64 move; };
#define UFFDIO_MOVE _IOWR(UFFDIO, 0x05, struct uffdio_move)
#endif
#ifndef UFFDIO_CONTINUE
struct uffdio_continue { struct uffdio_range range; __u64 mode; __s64 mapped; };
#define UFFDIO_CONTINUE _IOWR(UFFDIO, 0x07, struct uffdio_continue)
#endif
#ifndef UFFDIO_WRITEPROTECT
struct uffdio_writeprotect { struct uffdio_range range; __u64 mode; };
#define UFFDIO_WRITEPROTECT _IOWR(UFFDIO, 0x06, struct uffdio_writeprotect)
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define U __attribute__((unused))
#define PAGE 4096UL
#define ALIAS 0x80000ULL
#define UNTOUCHED LONG_MIN
#define PATIENCE_US 5000000L

enum { IDLE, RUNNING, ENDED };

struct thread {
	const char *name;
	const char *what;
	pthread_t id;
	sem_t go;
	atomic_int tid;
	atomic_int in_call;
	atomic_int state;
	int result;		/* an errno, or the signal of an access */
	long out;
	uint64_t value;
};

#define MOST_THREADS 16

static int checked, differ, thread_count;
static struct thread *threads[MOST_THREADS];
static long out U;
static char zeros[16 * PAGE] __attribute__((aligned(4096))) U;
static __thread sigjmp_buf escape;

static void die(const char *what)
{
	perror(what);
	_exit(3);
}

static void verdict(void) __attribute__((noreturn));
static void verdict(void)
{
	printf("%s: %d of %d results are those of the run\n", differ ? "DIFFERENT" : "SAME", checked - differ, checked);
	fflush(stdout);
	_exit(differ ? 1 : 0);
}

static void no_end(int signal)
{
	static const char text[] = "DIFFERENT: the program does not end\n";

	(void)signal;
	if (write(1, text, sizeof(text) - 1) < 0)
		_exit(1);
	_exit(1);
}

static void on_signal(int signal)
{
	siglongjmp(escape, signal);
}

static void set_up(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	signal(SIGALRM, no_end);
	alarm(120);
}

static void fill_source(char *source, int page, uint64_t word) U;
static void fill_source(char *source, int page, uint64_t word)
{
	for (unsigned long i = 0; i < PAGE; i += sizeof(word))
		memcpy(source + page * PAGE + i, &word, sizeof(word));
}

static int new_file(unsigned long bytes) U;
static int new_file(unsigned long bytes)
{
	int fd = memfd_create("uffd-run", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, bytes))
		die("memfd_create");
	return fd;
}

static void map(uint64_t at, unsigned long bytes, int fd, int is_private) U;
static void map(uint64_t at, unsigned long bytes, int fd, int is_private)
{
	int flags = MAP_FIXED_NOREPLACE | (is_private ? MAP_PRIVATE : MAP_SHARED) | (fd < 0 ? MAP_ANONYMOUS : 0);

	if (mmap((void *)at, bytes, PROT_READ | PROT_WRITE, flags, fd, 0) != (void *)at)
		die("mmap");
	madvise((void *)at, bytes, MADV_NOHUGEPAGE);
}

static int open_uffd(uint64_t features) U;
static int open_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		die("userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api))
		die("UFFDIO_API");
	return fd;
}

static int register_call(int fd, uint64_t at, unsigned long bytes, int mode) U;
static int register_call(int fd, uint64_t at, unsigned long bytes, int mode)
{
	struct uffdio_register call = { .range = { at, bytes }, .mode = mode };

	return ioctl(fd, UFFDIO_REGISTER, &call) ? errno : 0;
}

static void register_range(int fd, uint64_t at, unsigned long bytes, int mode) U;
static void register_range(int fd, uint64_t at, unsigned long bytes, int mode)
{
	errno = register_call(fd, at, bytes, mode);
	if (errno)
		die("UFFDIO_REGISTER");
}

static int unregister(int fd, uint64_t at, unsigned long bytes) U;
static int unregister(int fd, uint64_t at, unsigned long bytes)
{
	struct uffdio_range call = { at, bytes };

	return ioctl(fd, UFFDIO_UNREGISTER, &call) ? errno : 0;
}

static int wake(int fd, uint64_t at, unsigned long bytes) U;
static int wake(int fd, uint64_t at, unsigned long bytes)
{
	struct uffdio_range call = { at, bytes };

	return ioctl(fd, UFFDIO_WAKE, &call) ? errno : 0;
}

static int copy(int fd, uint64_t at, unsigned long bytes, const void *source, int mode, long *out_field) U;
static int copy(int fd, uint64_t at, unsigned long bytes, const void *source, int mode, long *out_field)
{
	struct uffdio_copy call = { .dst = at, .src = (uintptr_t)source, .len = bytes, .mode = mode, .copy = UNTOUCHED };
	int error = ioctl(fd, UFFDIO_COPY, &call) ? errno : 0;

	*out_field = call.copy;
	return error;
}

static int zeropage(int fd, uint64_t at, unsigned long bytes, long *out_field) U;
static int zeropage(int fd, uint64_t at, unsigned long bytes, long *out_field)
{
	struct uffdio_zeropage call = { .range = { at, bytes }, .zeropage = UNTOUCHED };
	int error = ioctl(fd, UFFDIO_ZEROPAGE, &call) ? errno : 0;

	*out_field = call.zeropage;
	return error;
}

static int cont(int fd, uint64_t at, unsigned long bytes, long *out_field) U;
static int cont(int fd, uint64_t at, unsigned long bytes, long *out_field)
{
	struct uffdio_continue call = { .range = { at, bytes }, .mapped = UNTOUCHED };
	int error = ioctl(fd, UFFDIO_CONTINUE, &call) ? errno : 0;

	*out_field = call.mapped;
	return error;
}

static int poison(int fd, uint64_t at, unsigned long bytes, long *out_field) U;
static int poison(int fd, uint64_t at, unsigned long bytes, long *out_field)
{
	struct uffdio_poison call = { .range = { at, bytes }, .updated = UNTOUCHED };
	int error = ioctl(fd, UFFDIO_POISON, &call) ? errno : 0;

	*out_field = call.updated;
	return error;
}

static int move(int fd, uint64_t to, uint64_t from, unsigned long bytes, long *out_field) U;
static int move(int fd, uint64_t to, uint64_t from, unsigned long bytes, long *out_field)
{
	struct uffdio_move call = { .dst = to, .src = from, .len = bytes, .move = UNTOUCHED };
	int error = ioctl(fd, UFFDIO_MOVE, &call) ? errno : 0;

	*out_field = call.move;
	return error;
}

static int write_protect(int fd, uint64_t at, unsigned long bytes, int protect) U;
static int write_protect(int fd, uint64_t at, unsigned long bytes, int protect)
{
	struct uffdio_writeprotect call = { .range = { at, bytes }, .mode = protect };

	return ioctl(fd, UFFDIO_WRITEPROTECT, &call) ? errno : 0;
}

static int close_uffd(int fd) U;
static int close_uffd(int fd)
{
	return close(fd) ? errno : 0;
}

static int advise(uint64_t at, unsigned long bytes, int advice) U;
static int advise(uint64_t at, unsigned long bytes, int advice)
{
	return madvise((void *)at, bytes, advice) ? errno : 0;
}

static int unmap(uint64_t at, unsigned long bytes) U;
static int unmap(uint64_t at, unsigned long bytes)
{
	return munmap((void *)at, bytes) ? errno : 0;
}

static int remap(uint64_t at, unsigned long bytes, uint64_t to) U;
static int remap(uint64_t at, unsigned long bytes, uint64_t to)
{
	return mremap((void *)at, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)to) == MAP_FAILED ? errno : 0;
}

static int punch(int fd, unsigned long at, unsigned long bytes) U;
static int punch(int fd, unsigned long at, unsigned long bytes)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, bytes) ? errno : 0;
}

static int fork_child(void) U;
static int fork_child(void)
{
	/* Not the C library's fork: it would hold locks while it waits for the event to be read. */
	long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		syscall(SYS_exit_group, 0);
	return child < 0 ? errno : 0;
}

static int touch(uint64_t at, int is_write, uint64_t value, uint64_t *read_value) U;
static int touch(uint64_t at, int is_write, uint64_t value, uint64_t *read_value)
{
	volatile uint64_t *word = (volatile uint64_t *)at;
	int signal = sigsetjmp(escape, 1);

	if (signal)
		return signal;
	if (is_write)
		*word = value;
	else
		*read_value = *word;
	return 0;
}

/* Reads until EAGAIN. A context's handler wakes threads in a range that an event has removed, and those that faulted beside it. */
static int read_all(int fd, int serves) U;
static int read_all(int fd, int serves)
{
	uint64_t faults[64];
	struct uffd_msg msg;
	int count = 0, events = 0, messages = 0;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		messages++;
		switch (msg.event) {
		case UFFD_EVENT_PAGEFAULT:
			printf("  fault at 0x%llx, flags %llu\n", msg.arg.pagefault.address, msg.arg.pagefault.flags);
			if (count < 64)
				faults[count++] = msg.arg.pagefault.address & ~(PAGE - 1);
			break;
		case UFFD_EVENT_FORK:
			printf("  event FORK\n");
			close(msg.arg.fork.ufd);
			events++;
			break;
		case UFFD_EVENT_REMAP:
			printf("  event REMAP 0x%llx to 0x%llx\n", msg.arg.remap.from, msg.arg.remap.to);
			if (serves)
				wake(fd, msg.arg.remap.from, msg.arg.remap.len);
			events++;
			break;
		case UFFD_EVENT_REMOVE:
			printf("  event REMOVE 0x%llx to 0x%llx\n", msg.arg.remove.start, msg.arg.remove.end);
			events++;
			break;
		case UFFD_EVENT_UNMAP:
			printf("  event UNMAP 0x%llx to 0x%llx\n", msg.arg.remove.start, msg.arg.remove.end);
			if (serves)
				wake(fd, msg.arg.remove.start, msg.arg.remove.end - msg.arg.remove.start);
			events++;
			break;
		}
	}
	for (int i = 0; serves && events && i < count; i++)
		wake(fd, faults[i], PAGE);
	return messages ? 0 : errno;
}

static void enter(struct thread *me) U;
static void enter(struct thread *me)
{
	me->tid = syscall(SYS_gettid);
}

static void begin(struct thread *me) U;
static void begin(struct thread *me)
{
	while (sem_wait(&me->go))
		;
	me->in_call = 1;
}

static void end(struct thread *me) U;
static void end(struct thread *me)
{
	me->in_call = 0;
	me->state = ENDED;
}

static void spawn(struct thread *thread, void *(*run)(void *)) U;
static void spawn(struct thread *thread, void *(*run)(void *))
{
	sem_init(&thread->go, 0, 0);
	if (thread_count == MOST_THREADS)
		die("too many threads");
	threads[thread_count++] = thread;
	if (pthread_create(&thread->id, NULL, run, thread))
		die("pthread_create");
	while (!thread->tid)
		usleep(100);
}

/* The thread is in its call, and the kernel says that it sleeps there. */
static int sleeps(struct thread *thread)
{
	char path[64], text[512], *mark;
	int found = 0;
	FILE *file;

	if (!thread->in_call)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread->tid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fgets(text, sizeof(text), file)) {
		mark = strrchr(text, ')');
		found = mark && mark[1] && (mark[2] == 'S' || mark[2] == 'D');
	}
	fclose(file);
	return found && thread->in_call;
}

/* Waits until every thread has ended its call or sleeps in it. */
static void settle(void) U;
static void settle(void)
{
	for (int i = 0; i < thread_count; i++)
		for (int asleep = 0; threads[i]->state == RUNNING && asleep < 3; usleep(300))
			asleep = sleeps(threads[i]) ? asleep + 1 : 0;
}

/* Reads until there is nothing more, also from threads that have continued because of it. */
static void serve(int fd) U;
static void serve(int fd)
{
	do
		settle();
	while (!read_all(fd, 1));
}

/* Lets a thread begin its next call, and waits until it has ended it or sleeps in it. */
static void start(struct thread *thread, const char *what) U;
static void start(struct thread *thread, const char *what)
{
	settle();
	if (thread->state == RUNNING)
		return;
	printf("%s: %s\n", thread->name, what);
	thread->what = what;
	thread->state = RUNNING;
	sem_post(&thread->go);
	settle();
}

static int waits(struct thread *thread)
{
	for (long us = 0; thread->state != ENDED && us < PATIENCE_US; us += 200)
		usleep(200);
	return thread->state != ENDED;
}

static void differs(struct thread *thread, const char *how, long long expected, long long came)
{
	differ++;
	printf("DIFFERENT: %s, %s: %s %lld, in the run %lld\n", thread->name, thread->what, how, came, expected);
}

static int ended(struct thread *thread) U;
static int ended(struct thread *thread)
{
	if (!waits(thread))
		return 1;
	checked++;
	differ++;
	printf("DIFFERENT: %s, %s: has not ended, and did in the run\n", thread->name, thread->what);
	return 0;
}

static void not_ended(struct thread *thread) U;
static void not_ended(struct thread *thread)
{
	checked++;
	if (thread->state != ENDED)
		return;
	differ++;
	printf("DIFFERENT: %s, %s: has ended, and did not in the run\n", thread->name, thread->what);
}

static void ended_call(struct thread *thread, int error) U;
static void ended_call(struct thread *thread, int error)
{
	if (!ended(thread))
		return;
	checked++;
	if (thread->result != error)
		differs(thread, "errno", error, thread->result);
}

static void ended_access(struct thread *thread, int signal, int is_read, uint64_t value) U;
static void ended_access(struct thread *thread, int signal, int is_read, uint64_t value)
{
	if (!ended(thread))
		return;
	checked++;
	if (thread->result != signal)
		differs(thread, "signal", signal, thread->result);
	else if (is_read && !signal && thread->value != value) {
		differ++;
		printf("DIFFERENT: %s, %s: read 0x%llx, in the run 0x%llx\n", thread->name, thread->what,
		       (unsigned long long)thread->value, (unsigned long long)value);
	}
}

static void expect(const char *what, int error, int expected) U;
static void expect(const char *what, int error, int expected)
{
	checked++;
	printf("resolver: %s: errno %d\n", what, error);
	if (error == expected)
		return;
	differ++;
	printf("DIFFERENT: %s: errno %d, in the run %d\n", what, error, expected);
}

static void expect_fill(const char *what, int error, int expected, long expected_out) U;
static void expect_fill(const char *what, int error, int expected, long expected_out)
{
	expect(what, error, expected);
	if (error == expected && expected_out != UNTOUCHED && out != expected_out) {
		differ++;
		printf("DIFFERENT: %s: out field %ld, in the run %ld\n", what, out, expected_out);
	}
}

