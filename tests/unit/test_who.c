/* SPDX-License-Identifier: MIT */
/*
 * Who we are, as /proc tells: which boot it is, our own name, whose clock we
 * read.  Each case in a child of its own, for a boot is asked for once.
 */
#include "unit/unit.h"
#include <cmocka.h>

#include <errno.h>

#include "lib/peers.h"
#include "os/os.h"
#include "segment/object.h"

static const char *file, *text; /* what /proc holds there; NULL: nothing */
static int reads;
static struct shunt__os real;

static int
open_played(const char *path, int flags, mode_t mode)
{
	NEED(strcmp(path, file) == 0);
	return text == NULL ? -ENOENT : real.open("/dev/null", flags, mode);
}

static ssize_t
pread_played(int fd, void *buf, size_t n, off_t off)
{
	size_t len = strlen(text);

	(void)fd;
	NEED(off == 0);
	reads++;
	if (len == 0)
		return -EIO;
	len = len < n ? len : n;
	memcpy(buf, text, len);
	return (ssize_t)len;
}

static void
play(const char *path, const char *content)
{
	file = path;
	text = content;
	real = shunt__os;
	shunt__os.open = open_played;
	shunt__os.pread = pread_played;
}

#define BOOT "/proc/sys/kernel/random/boot_id"

static const struct {
	const char *text;
	uint8_t boot[16];
	int kept; /* whole: it is not asked for again */
} boots[] = {
    {"01234567-89ab-cdef-0123-456789abcdef\n",
	{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67,
	    0x89, 0xab, 0xcd, 0xef},
	1},
    {"ffffffffffffffffffffffffffffffffeeee",
	{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	    255, 255},
	1},
    {"xyz{01/:@`G", {0x01}, 0},
    {"1111111111111111", {17, 17, 17, 17, 17, 17, 17, 17}, 0},
    {"", {0}, 0},
    {NULL, {0}, 0},
};

static int
read_boot(void *arg)
{
	size_t i = *(size_t *)arg;
	uint8_t boot[16];

	play(BOOT, boots[i].text);
	for (int n = 0; n < 3; n++) {
		memset(boot, 0xee, sizeof(boot));
		shunt__who_boot(boot);
		NEED(memcmp(boot, boots[i].boot, 16) == 0);
	}
	if (text != NULL)
		NEED(reads == (boots[i].kept ? 1 : 3));
	return 0;
}

static void
the_boot_is_read_once_if_it_can_be(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(boots) / sizeof(boots[0]); i++)
		if (peer_end(peer_start(read_boot, &i)) != 0)
			fail_msg("boot %zu", i);
}

static int
read_comm(void *arg)
{
	char comm[16];

	(void)arg;
	play("/proc/self/comm", "short\n");
	shunt__who_comm(comm);
	NEED(strcmp(comm, "short") == 0);
	text = "a name of more than fifteen bytes";
	shunt__who_comm(comm);
	NEED(strcmp(comm, "a name of more ") == 0);
	text = "";
	shunt__who_comm(comm);
	NEED(comm[0] == 0);
	text = NULL;
	shunt__who_comm(comm);
	NEED(comm[0] == 0 && comm[15] == 0);
	return 0;
}

static void
our_name_is_cut_or_unknown(void **state)
{
	(void)state;
	assert_int_equal(peer_end(peer_start(read_comm, NULL)), 0);
}

static const char *link_text;
static ssize_t
readlink_played(const char *path, char *buf, size_t n)
{
	size_t len = link_text == NULL ? 0 : strlen(link_text);

	NEED(strcmp(path, "/proc/self/ns/time") == 0 && len < n);
	if (link_text == NULL)
		return -ENOENT;
	memcpy(buf, link_text, len);
	return (ssize_t)len;
}

static int
read_timens(void *arg)
{
	(void)arg;
	shunt__os.readlink = readlink_played;
	link_text = "time:[4026531834]";
	NEED(shunt__who_timens() == 4026531834u);
	link_text = "something else";
	NEED(shunt__who_timens() == 0);
	link_text = "";
	NEED(shunt__who_timens() == 0);
	link_text = NULL;
	NEED(shunt__who_timens() == 0);
	return 0;
}

static void
whose_clock_it_is_or_unknown(void **state)
{
	(void)state;
	assert_int_equal(peer_end(peer_start(read_timens, NULL)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_boot_is_read_once_if_it_can_be),
	    TEST(our_name_is_cut_or_unknown),
	    TEST(whose_clock_it_is_or_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
