/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_VERSION_H
#define SHUNT_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/* The library that these headers belong to. */
#define SHUNT_VERSION "0.1.0"

/**
 * shunt_version() - the version of the library that is loaded.
 *
 * May differ from SHUNT_VERSION, which is the one compiled against.  Layouts
 * in shared memory have versions of their own: see docs/layout.md.
 *
 * Returns: a static string such as "0.1.0".
 *
 * Memory:  static, never freed.
 * Threads: safe from any thread.
 * Blocks:  never.
 * Signals: async-signal-safe.
 * Death:   touches nothing shared.
 * Fork:    usable in the child.
 * Since:   0.1
 */
const char *shunt_version(void);

#ifdef __cplusplus
}
#endif
#endif /* SHUNT_VERSION_H */
