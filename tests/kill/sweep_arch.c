/* SPDX-License-Identifier: MIT */

/*
 * What the kill sweep must know about the instruction set.  x86-64 only: other
 * machines' orderings are the models' business, and a sweep there says that it
 * was skipped.
 */

#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "sweep_int.h"

#if defined(__x86_64__)

/*
 * The marks.  A breakpoint instruction costs no system call and stops with the
 * pc right behind it, which tells the two marks from each other and from
 * anything else that traps.
 */
__asm__(".text\n"
	".globl sweep_mark_begin, sweep_mark_begin_after\n"
	".globl sweep_mark_end, sweep_mark_end_after\n"
	".type sweep_mark_begin, @function\n"
	".type sweep_mark_end, @function\n"
	"sweep_mark_begin:\n"
	"	int3\n"
	"sweep_mark_begin_after:\n"
	"	ret\n"
	".size sweep_mark_begin, . - sweep_mark_begin\n"
	"sweep_mark_end:\n"
	"	int3\n"
	"sweep_mark_end_after:\n"
	"	ret\n"
	".size sweep_mark_end, . - sweep_mark_end\n");

void sweep_mark_begin(void);
void sweep_mark_end(void);
extern const char sweep_mark_begin_after[], sweep_mark_end_after[];

bool
arch_usable(void)
{
	return true;
}

const struct arch_marks *
arch_marks(void)
{
	static struct arch_marks m;

	m.begin = (uint64_t)(uintptr_t)sweep_mark_begin_after;
	m.end = (uint64_t)(uintptr_t)sweep_mark_end;
	m.after_end = (uint64_t)(uintptr_t)sweep_mark_end_after;
	return &m;
}

void
arch_stop_begin(void)
{
	sweep_mark_begin();
}

void
arch_stop_end(void)
{
	sweep_mark_end();
}

uint64_t
arch_pc(pid_t pid)
{
	return (uint64_t)ptrace(PTRACE_PEEKUSER, pid,
	    (void *)offsetof(struct user, regs.rip), NULL);
}

int
arch_set_pc(pid_t pid, uint64_t pc)
{
	return (int)ptrace(PTRACE_POKEUSER, pid,
	    (void *)offsetof(struct user, regs.rip), (void *)pc);
}

/* Debug register 0 on execution, enabled by bit 0 of register 7. */
int
arch_hw_set(pid_t pid, uint64_t pc)
{
	if (ptrace(PTRACE_POKEUSER, pid,
		(void *)offsetof(struct user, u_debugreg[0]), (void *)pc) < 0)
		return -errno;
	if (ptrace(PTRACE_POKEUSER, pid,
		(void *)offsetof(struct user, u_debugreg[7]), (void *)1) < 0)
		return -errno;
	return 0;
}

int
arch_hw_clear(pid_t pid)
{
	if (ptrace(PTRACE_POKEUSER, pid,
		(void *)offsetof(struct user, u_debugreg[7]), (void *)0) < 0)
		return -errno;
	return 0;
}

static bool
is_prefix(uint8_t b)
{
	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66:
	case 0x67:
		return true;
	default:
		return false;
	}
}

/*
 * A repeated string instruction traps after each of its rounds when stepped,
 * but a breakpoint on it fires once; so the trace must know it when it sees
 * one.
 */
unsigned
arch_kind(uint64_t code)
{
	bool rep = false;
	unsigned i;
	uint8_t b;

	if ((code & 0xffff) == 0x050f)
		return ARCH_SYSCALL;
	for (i = 0; i < 6; i++, code >>= 8) {
		b = code & 0xff;
		if (b == 0xf2 || b == 0xf3)
			rep = true;
		else if (!is_prefix(b) && (b & 0xf0) != 0x40)
			break;
	}
	b = code & 0xff;
	if (rep && ((b >= 0xa4 && b <= 0xa7) || (b >= 0xaa && b <= 0xaf)))
		return ARCH_REP;
	return 0;
}

uint64_t
arch_int3(uint64_t code)
{
	return (code & ~UINT64_C(0xff)) | 0xcc;
}

#else /* not x86-64 */

bool
arch_usable(void)
{
	return false;
}

const struct arch_marks *
arch_marks(void)
{
	static const struct arch_marks none;

	return &none;
}

void
arch_stop_begin(void)
{
}

void
arch_stop_end(void)
{
}

uint64_t
arch_pc(pid_t pid)
{
	(void)pid;
	return 0;
}

int
arch_set_pc(pid_t pid, uint64_t pc)
{
	(void)pid, (void)pc;
	return -ENOTSUP;
}

int
arch_hw_set(pid_t pid, uint64_t pc)
{
	(void)pid, (void)pc;
	return -ENOTSUP;
}

int
arch_hw_clear(pid_t pid)
{
	(void)pid;
	return -ENOTSUP;
}

unsigned
arch_kind(uint64_t code)
{
	(void)code;
	return 0;
}

uint64_t
arch_int3(uint64_t code)
{
	return code;
}

#endif
