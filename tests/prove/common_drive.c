/* SPDX-License-Identifier: MIT */
/*
 * A main() for fuzz targets where there is no libFuzzer: what gcov counts is
 * compiled by gcc.  First each file that is named, of folders each of theirs;
 * then inputs of our own, the same ones each time, as long as there is time:
 *
 *	TARGET [--seconds=N] [FILE|FOLDER...]
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4096, PATCHES = 24 };

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t
rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void
one_file(const char *path)
{
	static uint8_t data[1 << 16];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return;
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
}

static void
files(const char *path)
{
	DIR *dir = opendir(path);
	char name[1024];
	struct dirent *d;

	if (dir == NULL) {
		one_file(path);
		return;
	}
	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, d->d_name);
		one_file(name);
	}
	closedir(dir);
}

/* Numbers that lengths, positions and states stumble over. */
static uint64_t
odd_number(void)
{
	static const uint64_t odd[] = {0, 1, 2, 3, 7, 8, 63, 64, 127, 128, 255,
	    256, 4095, 4096, 65535, 0x7fffffff, 0x80000000, 0xffffffff,
	    0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
	    0xffffffffffffffc0, 0xffffffffffffffff};
	uint64_t x = rnd();

	switch (x % 4) {
	case 0:
		return rnd();
	case 1:
		return (x >> 8) % 8192;
	case 2:
		return 1ull << ((x >> 8) % 64);
	default:
		return odd[(x >> 8) % (sizeof(odd) / sizeof(odd[0]))];
	}
}

/* {offset, length, bytes}, as images are patched; words mostly whole. */
static size_t
patches(uint8_t *data)
{
	size_t n = 0, count = 1 + rnd() % PATCHES;

	while (count-- > 0 && n + 16 < MOST) {
		uint64_t off = rnd() % 4 == 0 ? rnd() : rnd() % 6000;
		uint64_t word = odd_number();
		size_t len = rnd() % 3 == 0 ? 4 : 8;

		off -= off % len;
		data[n++] = (uint8_t)off;
		data[n++] = (uint8_t)(off >> 8);
		data[n++] = (uint8_t)len;
		memcpy(data + n, &word, len);
		n += len;
	}
	return n + rnd() % 4;
}

static size_t
bytes(uint8_t *data)
{
	size_t n = rnd() % 600;

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)rnd();
	return n;
}

int
main(int argc, char **argv)
{
	uint8_t *data = calloc(1, MOST + 8);
	unsigned long runs = 0;
	time_t until = time(NULL);

	if (data == NULL)
		return 1;
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--seconds=", 10) == 0)
			until += atoi(argv[i] + 10);
		else
			files(argv[i]);
	for (; time(NULL) < until; runs++)
		LLVMFuzzerTestOneInput(
		    data, rnd() % 8 == 0 ? bytes(data) : patches(data));
	printf("%lu inputs of our own\n", runs);
	free(data);
	return 0;
}
