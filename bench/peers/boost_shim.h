/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PEERS_BOOST_SHIM_H
#define BENCH_PEERS_BOOST_SHIM_H

/* Boost's message_queue as C sees it; boost_shim.cpp is built if it can be. */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *boost_shim_open(const char *name, size_t depth, size_t size);
void boost_shim_close(void *queue, const char *name);
/* 1: done; 0: not now, or not within @ms; -1: it threw. */
int boost_shim_send(void *queue, const void *msg, size_t len, int ms);
int boost_shim_recv(void *queue, void *buf, size_t cap, size_t *len, int ms);

#ifdef __cplusplus
}
#endif
#endif /* BENCH_PEERS_BOOST_SHIM_H */
