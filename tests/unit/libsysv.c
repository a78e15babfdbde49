/* SPDX-License-Identifier: MIT */
#include "unit/unit.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <shunt/error.h>

#include "lib/peers.h"
#include "unit/sysv.h"

static pid_t owner;
static uint32_t prefix;
static uint32_t count;

static void
remove_ours(void)
{
	if (getpid() != owner)
		return;
	for (uint32_t i = 1; i <= count; i++) {
		int id = shmget((key_t)(prefix + i), 0, 0);
		if (id >= 0)
			shmctl(id, IPC_RMID, NULL);
	}
}

int
sysv_setup(void **state)
{
	struct shm_info info;

	(void)state;
	if (shmctl(0, SHM_INFO, (void *)&info) < 0 && errno == ENOSYS) {
		printf("this kernel has no System V shared memory\n");
		exit(77);
	}
	owner = getpid();
	prefix = 0x5e000000u + ((uint32_t)owner & 0xffff) * 256;
	if (geteuid() != 0 || unshare(CLONE_NEWIPC) != 0)
		atexit(remove_ours);
	return 0;
}

int
sysv_may_unshare(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(geteuid() == 0 && unshare(CLONE_NEWIPC) == 0);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

key_t
sysv_key(void)
{
	count++;
	assert_in_range(count, 1, 255);
	return (key_t)(prefix + count);
}

const char *
sysv_name(key_t key)
{
	static char names[4][24];
	static unsigned turn;
	char *name = names[turn++ % 4];

	snprintf(name, sizeof(names[0]), "sysv:0x%08x", (uint32_t)key);
	return name;
}

int
sysv_plain(key_t key, size_t size, int mode)
{
	int id = shmget(key, size, IPC_CREAT | IPC_EXCL | mode);

	assert_true(id >= 0);
	return id;
}

struct shunt_sysv_info
sysv_stat(const char *name)
{
	struct shunt_sysv_info info = {.sz = sizeof(info)};

	if (shunt_sysv_stat(name, &info) < 0)
		fail_msg("%s", shunt_error_detail());
	return info;
}

int
sysv_there(key_t key)
{
	return shmget(key, 0, 0) >= 0;
}

void
sysv_nobody(void)
{
	NEED(setgroups(0, NULL) == 0);
	NEED(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	NEED(setresuid(NOBODY, NOBODY, NOBODY) == 0);
}
