/* SPDX-License-Identifier: MIT */
/* A log's figures, from inside and from outside. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "log/server.h"
#include "os/os.h"
#include "segment/wait.h"
#include "sync/bell.h"

/* One read of a word that its server writes plainly. */
static uint64_t
peek(const uint64_t *word)
{
	return shunt__load64((const struct shunt__u64 *)(const void *)word);
}

static void
stat_lanes(struct shunt__object *obj, struct shunt_logd_stat *out)
{
	uint32_t high = shunt__object_high(obj);

	for (uint32_t i = 0; i < high; i++) {
		struct shunt__lane_lay *ctl = shunt__object_lane(obj, i);
		uint64_t tail = shunt__acquire64(&ctl->ln_tail);
		int corrupt;

		out->clients += shunt__lane_held(obj, i) == 1;
		out->dropped += shunt__load64(&ctl->ln_dropped);
		if ((tail & 7) == 0 && shunt__object_probe_lane(obj, i) == 0)
			out->waiting +=
			    shunt__lane_unread(shunt__object_ring(obj, i),
				obj->geo.lane_bytes, tail, &corrupt);
	}
}

static void
stat_server(struct shunt__object *obj, struct shunt_logd_stat *out)
{
	const struct shunt__log_server_lay *sv = shunt__log_server(obj);
	uint64_t since = shunt__load64(&obj->control->ct_since);
	uint64_t now = shunt__now();

	out->server_pid = shunt__load32(&obj->control->ct_pid);
	out->server_age_ns = now > since ? (int64_t)(now - since) : 0;
	out->disk_full = shunt__load32(&sv->sv_disk_full) != 0;
}

/* @mine: we are the server, so the byte looks free to us. */
static void
log_stat(struct shunt__object *obj, struct shunt_logd_stat *out, int mine)
{
	const struct shunt__log_server_lay *sv = shunt__log_server(obj);
	const struct shunt__log_count_lay *c = &sv->sv_count;

	memset(out, 0, sizeof(*out));
	out->lines = peek(&c->lc_lines);
	out->bytes = peek(&c->lc_bytes);
	out->batches = peek(&c->lc_batches);
	out->syncs = shunt__load64(&sv->sv_syncs);
	out->late = peek(&c->lc_late);
	out->skewed = peek(&c->lc_skewed);
	out->repeated = peek(&c->lc_repeated);
	memcpy(out->file, sv->sv_file, sizeof(out->file) - 1);
	if (mine || shunt__object_held(obj, SHUNT__BYTE_RECEIVER) == 1)
		stat_server(obj, out);
	stat_lanes(obj, out);
}

int
shunt_logd_stat(struct shunt_logd *l, struct shunt_logd_stat *out)
{
	struct shunt_logd_stat st;

	if (l == NULL || out == NULL)
		return -EINVAL;
	if (*shunt__fork_page != l->fork_mark)
		return SHUNT_E_FORKED;
	if (l->sources[0]->lost)
		return SHUNT_E_TRUNCATED;
	log_stat(l->sources[0]->obj, &st, 1);
	return shunt__answer_write(out, &st, sizeof(st));
}

static int
attach(struct shunt__object **obj, const char *name, const char *owner,
    int readonly)
{
	char room[SHUNT__LOG_NAME_ROOM];
	struct shunt__spec spec;
	int e;

	shunt__log_spec(&spec, 0, 0);
	spec.owner = owner;
	spec.existing = 1;
	spec.readonly = readonly;
	e = shunt__object_attach(
	    obj, shunt__log_name(name, room, sizeof(room)), &spec);
	if (e < 0)
		return e;
	e = shunt__log_check(*obj);
	/* Another time namespace: the figures are right all the same. */
	if (e == SHUNT_E_TIMENS && readonly)
		e = 0;
	if (e < 0) {
		shunt__object_detach(*obj, NULL);
		*obj = NULL;
	}
	return e;
}

int
shunt_logd_status(
    const char *name, const char *owner, struct shunt_logd_stat *out)
{
	struct shunt_logd_stat st;
	struct shunt__object *obj;
	int e;

	if (out == NULL)
		return -EINVAL;
	e = attach(&obj, name, owner, 1);
	if (e < 0)
		return e;
	log_stat(obj, &st, 0);
	shunt__object_detach(obj, NULL);
	return shunt__answer_write(out, &st, sizeof(st));
}

static int
wait_until_stopped(struct shunt__object *obj, int64_t wait_ns)
{
	uint64_t deadline = shunt__deadline(wait_ns);
	int64_t nap = 1000000;

	while (shunt__object_held(obj, SHUNT__BYTE_RECEIVER) == 1) {
		if (wait_ns == SHUNT_NOWAIT)
			return -EAGAIN;
		if (deadline != 0 && shunt__now() >= deadline)
			return shunt__fail(-ETIMEDOUT,
			    "%s: its server, process %u, has not stopped yet",
			    shunt__quote(obj->name.shown),
			    shunt__load32(&obj->control->ct_pid));
		shunt__os.nanosleep(nap);
		if (nap < 16000000)
			nap *= 2;
	}
	return 0;
}

int
shunt_logd_request_stop(const char *name, const char *owner, int64_t wait_ns)
{
	struct shunt__object *obj;
	int e = attach(&obj, name, owner, 0);

	if (e < 0)
		return e;
	if (shunt__object_held(obj, SHUNT__BYTE_RECEIVER) == 0) {
		e = shunt__fail(SHUNT_E_NOSERVER,
		    "%s: no server serves this log",
		    shunt__quote(obj->name.shown));
	} else {
		shunt__store32(&shunt__log_server(obj)->sv_stop, 1);
		shunt__bell_ring(&obj->control->ct_bell,
		    SHUNT__BELL_ASLEEP | SHUNT__BELL_NAP);
		e = wait_until_stopped(obj, wait_ns);
	}
	/* Whoever is last takes an ephemeral log away that is drained. */
	shunt__object_detach(obj, shunt__log_unread);
	return e;
}
