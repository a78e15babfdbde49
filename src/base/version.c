/* SPDX-License-Identifier: MIT */
#include <shunt/version.h>

const char *
shunt_version(void)
{
	return SHUNT_VERSION;
}
