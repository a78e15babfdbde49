/* SPDX-License-Identifier: MIT */
/* The grammar of names: any bytes are a name or an error, and what is shown
 * of it is harmless. */
#include <stdlib.h>
#include <string.h>

#include <shunt/text.h>

#include "base/error.h"
#include "base/name.h"
#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shunt__name name;
	/* A name of 256 bytes is too long, and a long one so is no news. */
	image_shape.most = 320;
	char *text = malloc(size + 1);
	char *out = malloc(SHUNT_TEXT_ROOM(size));

	memcpy(text, data, size);
	text[size] = 0;
	int e = shunt__name_parse(&name, text);
	if (e == 0 && name.backend == SHUNT__POSIX &&
	    (strncmp(name.path, "/dev/shm/", 9) != 0 ||
		strchr(name.path + 9, '/') != NULL || name.path[9] == 0))
		abort();
	if (e != 0 && e != SHUNT_E_NAME)
		abort();
	size_t n = shunt_text_escape(out, data, size);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
			abort();
	free(text);
	free(out);
	return 0;
}
