/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shunt/text.h>

#include "base/error.h"

/*
 * A thread's texts stand on the heap, made when first needed: the library's
 * static thread-local memory must stay small, or dlopen(3) refuses it.
 */
struct texts {
	char detail[1024];
	char ring[4][SHUNT_TEXT_ROOM(160) + 4];
	unsigned turn;
};

static _Thread_local struct texts *texts;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int have_key;

/* The thread ends; a destructor of another key may still come to us. */
static void
drop_texts(void *arg)
{
	texts = NULL;
	free(arg);
}

static void
make_key(void)
{
	have_key = pthread_key_create(&key, drop_texts) == 0;
}

static struct texts *
this_thread(void)
{
	if (texts != NULL)
		return texts;
	pthread_once(&once, make_key);
	if (!have_key)
		return NULL;
	texts = calloc(1, sizeof(*texts));
	if (texts != NULL && pthread_setspecific(key, texts) != 0) {
		free(texts);
		texts = NULL;
	}
	return texts;
}

const char *
shunt_error_detail(void)
{
	return texts == NULL ? "" : texts->detail;
}

int
shunt__fail(int code, const char *fmt, ...)
{
	struct texts *t = this_thread();
	va_list ap;

	if (t == NULL)
		return code; /* out of memory: the code alone must do */
	va_start(ap, fmt);
	vsnprintf(t->detail, sizeof(t->detail), fmt, ap);
	va_end(ap);
	return code;
}

int
shunt__nowhere(void)
{
	return shunt__fail(
	    -EINVAL, "no place for the handle: the call was given NULL for it");
}

/* Nothing is allocated for it: without texts there is no sentence. */
void
shunt__fail_none(void)
{
	if (texts != NULL)
		texts->detail[0] = 0;
}

const char *
shunt__quote(const char *name)
{
	struct texts *t = this_thread();
	size_t len = strlen(name);

	if (t == NULL)
		return "?";
	char *out = t->ring[t->turn++ % 4];
	size_t n = shunt_text_escape(out, name, len < 160 ? len : 160);
	if (len > 160)
		memcpy(out + n, "...", 4);
	return out;
}

struct entry {
	int code;
	const char *name;
	const char *text;
};

static const struct entry own[] = {
#define SHUNT_ERR(symbol, text) {SHUNT_E_##symbol, "SHUNT_E_" #symbol, text},
#include "base/err.def"
#undef SHUNT_ERR
};

static const struct entry *
find(int code)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i].code == code)
			return &own[i];
	return NULL;
}

/* Not every C library knows what a code is called. */
#define NAME(code) [code] = #code

/* clang-format off */
static const char *const errno_names[] = {
	NAME(EPERM), NAME(ENOENT), NAME(ESRCH), NAME(EINTR), NAME(EIO),
	NAME(ENXIO), NAME(E2BIG), NAME(ENOEXEC), NAME(EBADF), NAME(ECHILD),
	NAME(EAGAIN), NAME(ENOMEM), NAME(EACCES), NAME(EFAULT), NAME(ENOTBLK),
	NAME(EBUSY), NAME(EEXIST), NAME(EXDEV), NAME(ENODEV), NAME(ENOTDIR),
	NAME(EISDIR), NAME(EINVAL), NAME(ENFILE), NAME(EMFILE), NAME(ENOTTY),
	NAME(ETXTBSY), NAME(EFBIG), NAME(ENOSPC), NAME(ESPIPE), NAME(EROFS),
	NAME(EMLINK), NAME(EPIPE), NAME(EDOM), NAME(ERANGE), NAME(EDEADLK),
	NAME(ENAMETOOLONG), NAME(ENOLCK), NAME(ENOSYS), NAME(ENOTEMPTY),
	NAME(ELOOP), NAME(ENOMSG), NAME(EIDRM), NAME(ECHRNG), NAME(EL2NSYNC),
	NAME(EL3HLT), NAME(EL3RST), NAME(ELNRNG), NAME(EUNATCH), NAME(ENOCSI),
	NAME(EL2HLT), NAME(EBADE), NAME(EBADR), NAME(EXFULL), NAME(ENOANO),
	NAME(EBADRQC), NAME(EBADSLT), NAME(EBFONT), NAME(ENOSTR),
	NAME(ENODATA), NAME(ETIME), NAME(ENOSR), NAME(ENONET), NAME(ENOPKG),
	NAME(EREMOTE), NAME(ENOLINK), NAME(EADV), NAME(ESRMNT), NAME(ECOMM),
	NAME(EPROTO), NAME(EMULTIHOP), NAME(EDOTDOT), NAME(EBADMSG),
	NAME(EOVERFLOW), NAME(ENOTUNIQ), NAME(EBADFD), NAME(EREMCHG),
	NAME(ELIBACC), NAME(ELIBBAD), NAME(ELIBSCN), NAME(ELIBMAX),
	NAME(ELIBEXEC), NAME(EILSEQ), NAME(ERESTART), NAME(ESTRPIPE),
	NAME(EUSERS), NAME(ENOTSOCK), NAME(EDESTADDRREQ), NAME(EMSGSIZE),
	NAME(EPROTOTYPE), NAME(ENOPROTOOPT), NAME(EPROTONOSUPPORT),
	NAME(ESOCKTNOSUPPORT), NAME(EOPNOTSUPP), NAME(EPFNOSUPPORT),
	NAME(EAFNOSUPPORT), NAME(EADDRINUSE), NAME(EADDRNOTAVAIL),
	NAME(ENETDOWN), NAME(ENETUNREACH), NAME(ENETRESET), NAME(ECONNABORTED),
	NAME(ECONNRESET), NAME(ENOBUFS), NAME(EISCONN), NAME(ENOTCONN),
	NAME(ESHUTDOWN), NAME(ETOOMANYREFS), NAME(ETIMEDOUT),
	NAME(ECONNREFUSED), NAME(EHOSTDOWN), NAME(EHOSTUNREACH),
	NAME(EALREADY), NAME(EINPROGRESS), NAME(ESTALE), NAME(EUCLEAN),
	NAME(ENOTNAM), NAME(ENAVAIL), NAME(EISNAM), NAME(EREMOTEIO),
	NAME(EDQUOT), NAME(ENOMEDIUM), NAME(EMEDIUMTYPE), NAME(ECANCELED),
	NAME(ENOKEY), NAME(EKEYEXPIRED), NAME(EKEYREVOKED), NAME(EKEYREJECTED),
	NAME(EOWNERDEAD), NAME(ENOTRECOVERABLE), NAME(ERFKILL),
	NAME(EHWPOISON),
};
/* clang-format on */

static const char *
errno_name(int err)
{
	if ((size_t)err >= sizeof(errno_names) / sizeof(errno_names[0]))
		return NULL;
	return errno_names[err];
}

const char *
shunt_error_name(int code)
{
	const struct entry *e = find(code);
	const char *name = NULL;

	if (e != NULL)
		return e->name;
	if (code == 0)
		return "0";
	if (code < 0 && code >= -4095)
		name = errno_name(-code);
	return name != NULL ? name : "unknown error";
}

/* strerror() answers from a table, but not in every libc without a lock. */
const char *
shunt_error_text(int code)
{
	const struct entry *e = find(code);
	const char *text = NULL;

	if (e != NULL)
		return e->text;
	if (code == 0)
		return "success";
	if (code == -EAGAIN)
		return "nothing to be had without waiting";
	if (code == -EOVERFLOW)
		return "there are as many as there may be";
#ifdef __GLIBC__
	if (code < 0 && code >= -4095)
		text = strerrordesc_np(-code);
#else
	/* There, too, it has something to say of codes that are none. */
	if (code < 0 && code >= -4095 && errno_name(-code) != NULL)
		text = strerror(-code);
#endif
	return text != NULL ? text : "unknown error";
}

const char *
shunt__why(int code)
{
	return shunt_error_text(code);
}
