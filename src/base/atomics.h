/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_BASE_ATOMICS_H
#define SHUNT_BASE_ATOMICS_H

/*
 * Words of shared memory.  They are structs, so that a plain read of one does
 * not compile; each function below is exactly one access.  The partner of an
 * ordered access is named where it is used: docs/ordering.md has the list.
 *
 *   relaxed   no order; only that the word is read or written whole, once
 *   acquire   what the partner did before its release is visible after it
 *   release   what was done before it is visible to the partner's acquire
 *   fence     full: stores before it are visible before loads after it run
 */

#include <stdatomic.h>
#include <stdint.h>

struct shunt__u32 {
	_Atomic uint32_t v;
};

struct shunt__u64 {
	_Alignas(8) _Atomic uint64_t v;
};

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "32-bit words are lock-free");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit words are lock-free");
_Static_assert(sizeof(struct shunt__u32) == 4, "no hidden lock");
_Static_assert(sizeof(struct shunt__u64) == 8, "no hidden lock");

#define SHUNT__WORD(bits)                                                      \
	static inline uint##bits##_t shunt__load##bits(                        \
	    const struct shunt__u##bits *w)                                    \
	{                                                                      \
		return atomic_load_explicit(                                   \
		    &((struct shunt__u##bits *)w)->v, memory_order_relaxed);   \
	}                                                                      \
	static inline uint##bits##_t shunt__acquire##bits(                     \
	    const struct shunt__u##bits *w)                                    \
	{                                                                      \
		return atomic_load_explicit(                                   \
		    &((struct shunt__u##bits *)w)->v, memory_order_acquire);   \
	}                                                                      \
	static inline void shunt__store##bits(                                 \
	    struct shunt__u##bits *w, uint##bits##_t x)                        \
	{                                                                      \
		atomic_store_explicit(&w->v, x, memory_order_relaxed);         \
	}                                                                      \
	static inline void shunt__release##bits(                               \
	    struct shunt__u##bits *w, uint##bits##_t x)                        \
	{                                                                      \
		atomic_store_explicit(&w->v, x, memory_order_release);         \
	}                                                                      \
	static inline uint##bits##_t shunt__exchange##bits(                    \
	    struct shunt__u##bits *w, uint##bits##_t x)                        \
	{                                                                      \
		return atomic_exchange_explicit(                               \
		    &w->v, x, memory_order_seq_cst);                           \
	}                                                                      \
	static inline uint##bits##_t shunt__or##bits(                          \
	    struct shunt__u##bits *w, uint##bits##_t x)                        \
	{                                                                      \
		return atomic_fetch_or_explicit(                               \
		    &w->v, x, memory_order_seq_cst);                           \
	}                                                                      \
	static inline uint##bits##_t shunt__and##bits(                         \
	    struct shunt__u##bits *w, uint##bits##_t x)                        \
	{                                                                      \
		return atomic_fetch_and_explicit(                              \
		    &w->v, x, memory_order_seq_cst);                           \
	}                                                                      \
	static inline uint##bits##_t shunt__add##bits(                         \
	    struct shunt__u##bits *w, uint##bits##_t x)                        \
	{                                                                      \
		return atomic_fetch_add_explicit(                              \
		    &w->v, x, memory_order_seq_cst);                           \
	}                                                                      \
	static inline int shunt__cas##bits(                                    \
	    struct shunt__u##bits *w, uint##bits##_t *old, uint##bits##_t x)   \
	{                                                                      \
		return atomic_compare_exchange_strong_explicit(&w->v, old, x,  \
		    memory_order_seq_cst, memory_order_seq_cst);               \
	}

SHUNT__WORD(32)
SHUNT__WORD(64)

/*
 * The one full fence.  TSan does not understand it, so nothing but waking
 * rests on it: a wake that is missed in a TSan run is bounded anyway.
 */
static inline void
shunt__fence(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

/*
 * Loads before it are done before loads after it: was what I read still whole?
 * Of a copy whose words are relaxed loads, which TSan follows without it.
 */
static inline void
shunt__fence_acquire(void)
{
	atomic_thread_fence(memory_order_acquire);
}

/* Keeps the compiler, not the processor, from moving accesses across. */
static inline void
shunt__compiler_barrier(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/*
 * A clock is no memory, so fences for memory do not order its reading.
 * before: after an exchange, the store is visible before the clock is read;
 * on x86 the exchange and the vDSO see to that.  after: later loads are done
 * after the clock was read; rdtsc alone may be overtaken by them.
 */
static inline void
shunt__fence_before_clock(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dsb ish\n\tisb" ::: "memory");
#elif !defined(__x86_64__)
	shunt__fence();
#endif
}

static inline void
shunt__fence_after_clock(void)
{
#if defined(__x86_64__)
	__builtin_ia32_lfence();
#elif defined(__aarch64__)
	__asm__ volatile("dsb ish\n\tisb" ::: "memory");
#else
	shunt__fence();
#endif
}

/* Asks for a line to be ours before it is written.  The builtin asks x86 for
 * a shared copy, which would be of no use. */
static inline void
shunt__prefetch_write(const void *line)
{
#if defined(__x86_64__)
	__asm__("prefetchw %0" : : "m"(*(const char *)line));
#else
	__builtin_prefetch(line, 1);
#endif
}

/* One turn of a spin loop. */
static inline void
shunt__pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	shunt__compiler_barrier();
#endif
}

#endif /* SHUNT_BASE_ATOMICS_H */
