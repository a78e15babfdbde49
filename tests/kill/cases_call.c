/* SPDX-License-Identifier: MIT */
/*
 * A service of one pair of small lanes, whose positions stand 1,000 bytes
 * before the end of their rings, so that what a victim sends and answers goes
 * over them with a pad.  The requests of a set-up are those of a client that
 * was killed after it had sent them; what was replied is read in its lane.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shunt.h>

#include "cases.h"
#include "channel/call_layout.h"
#include "ring/lane.h"
#include "segment/object.h"

static const struct shunt_call_options now = {
    .sz = sizeof(now), .wait_ns = SHUNT_NOWAIT};
static const struct shunt_call_options brief = {
    .sz = sizeof(brief), .wait_ns = 200000};

static struct shunt_service_options
options(uint32_t flags)
{
	return (struct shunt_service_options){
	    .sz = sizeof(struct shunt_service_options),
	    .flags = flags,
	    .lane_bytes = 4096,
	    .clients = 1,
	    .servers = 2};
}

static struct shunt_client *
caller(const struct world *w, uint32_t flags)
{
	struct shunt_service_options o = options(flags);
	struct shunt_client *c = NULL;

	if (shunt_client_open(&c, w->name, &o) < 0)
		printf("%s\n", shunt_error_detail());
	return c;
}

static struct shunt_service *
server(const struct world *w)
{
	struct shunt_service_options o = options(0);
	struct shunt_service *s = NULL;

	if (shunt_service_open(&s, w->name, &o) < 0)
		printf("%s\n", shunt_error_detail());
	return s;
}

static int
ask(struct shunt_client *c, uint32_t i)
{
	int e =
	    shunt_client_send(c, message_text(i), message_size[i], NULL, &now);

	if (e != 0)
		printf("%s\n", shunt_error_name(e));
	return e;
}

/* Which request is open in @s, or -1 for none. */
static int
next(struct shunt_service *s)
{
	const void *msg;
	ssize_t n = shunt_service_next(s, &msg, NULL, &now);

	for (uint32_t i = 0; n >= 0 && i < MESSAGES; i++)
		if (message_right(msg, (size_t)n, i))
			return (int)i;
	return n == -EAGAIN ? -1 : -2;
}

/* The reply to a request is the same bytes; its status is its number. */
static int
answer(struct shunt_service *s, uint32_t i)
{
	return shunt_service_reply(
	    s, (int32_t)i, message_text(i), message_size[i]);
}

/* There and back, both ends here. */
static int
round_trips(const struct world *w, int rounds)
{
	struct shunt_client *c = caller(w, SHUNT_SERVICE_EXISTING);
	struct shunt_service *s = server(w);
	struct shunt_reply info = {.sz = sizeof(info)};
	unsigned char buf[2048];

	CHECK(c != NULL && s != NULL);
	for (int round = 0; round < rounds; round++)
		for (uint32_t i = 0; i < MESSAGES; i++) {
			CHECK(ask(c, i) == 0);
			CHECK(next(s) == (int)i);
			CHECK(answer(s, i) == 0);
			ssize_t n =
			    shunt_client_poll(c, buf, sizeof(buf), &info, &now);
			CHECK(n >= 0 && message_right(buf, (size_t)n, i));
			CHECK(info.status == (int32_t)i);
		}
	CHECK(next(s) == -1);
	shunt_client_close(&c);
	shunt_service_close(&s);
	CHECK(world_leftovers(w) == 0);
	return 0;
}

/* ---- set-ups ---- */

static struct world *
make_world(const char *stem)
{
	struct world *w = world_make(stem);
	unsigned char buf[1024] = {0};
	const void *msg;
	struct shunt_client *c;
	struct shunt_service *s;

	if (w == NULL)
		return NULL;
	c = caller(w, SHUNT_SERVICE_PERSISTENT | SHUNT_SERVICE_EXCLUSIVE);
	s = server(w);
	if (c == NULL || s == NULL)
		return NULL;
	for (int i = 0; i < 3; i++)
		if (shunt_client_send(c, buf, 1020, NULL, &now) != 0 ||
		    shunt_service_next(s, &msg, NULL, &now) != 1020 ||
		    shunt_service_reply(s, 0, buf, 1020) != 0 ||
		    shunt_client_poll(c, buf, 1020, NULL, &now) != 1020)
			return NULL;
	shunt_client_close(&c);
	shunt_service_close(&s);
	return w;
}

/* Once in a process, which is killed with it. */
static int
sends_all(struct world *w)
{
	struct shunt_client *c = caller(w, 0);

	CHECK(c != NULL);
	for (uint32_t i = 0; i < MESSAGES; i++)
		CHECK(ask(c, i) == 0);
	return 0;
}

static int
begins_one(struct world *w)
{
	struct shunt_service *s = server(w);

	CHECK(s != NULL);
	CHECK(next(s) == 0);
	return 0;
}

static int
answers_two(struct world *w)
{
	struct shunt_service *s = server(w);

	CHECK(s != NULL);
	for (uint32_t i = 0; i < 2; i++) {
		CHECK(next(s) == (int)i);
		CHECK(answer(s, i) == 0);
	}
	return 0;
}

static int
done_and_killed(struct world *w, int (*f)(struct world *))
{
	pid_t pid = world_holder(w, f);

	if (pid != 0)
		world_kill(pid);
	return pid != 0;
}

static void *
setup(
    const char *stem, int (*first)(struct world *), int (*then)(struct world *))
{
	struct world *w = make_world(stem);

	if (w == NULL || (first != NULL && !done_and_killed(w, first)) ||
	    (then != NULL && !done_and_killed(w, then)))
		return NULL;
	world_keep(w);
	return w;
}

static void *
setup_empty(void *arg)
{
	return setup(arg, NULL, NULL);
}

static void *
setup_asked(void *arg)
{
	return setup(arg, sends_all, NULL);
}

static void *
setup_begun(void *arg)
{
	return setup(arg, sends_all, begins_one);
}

static void *
setup_replied(void *arg)
{
	return setup(arg, sends_all, answers_two);
}

/* ---- what is there afterwards ---- */

/* Requests of the world, in order, from one of [@least, @most] on, are there
 * up to one of [@end_least, @end_most]; none of them twice. */
static int
rest_is(struct world *w, uint32_t least, uint32_t most, uint32_t end_least,
    uint32_t end_most)
{
	struct shunt_service *s = server(w);
	uint32_t at = UINT32_MAX;
	int got;

	CHECK(s != NULL);
	while ((got = next(s)) >= 0) {
		if (at == UINT32_MAX) {
			at = (uint32_t)got;
			CHECK(at >= least && at <= most);
		}
		CHECK((uint32_t)got == at);
		CHECK(answer(s, at) == 0);
		at++;
	}
	CHECK(got == -1);
	if (at == UINT32_MAX)
		CHECK(most >= end_least);
	else
		CHECK(at >= end_least && at <= end_most);
	shunt_service_close(&s);
	return 0;
}

/* How many replies lie in the lane; whole, to @first and those behind it, in
 * order; or -1. */
static int
replies(const struct world *w, uint32_t first)
{
	struct shunt__header_lay h;
	struct shunt__geometry geo;
	int fd = open(w->path, O_RDONLY | O_CLOEXEC), n = 0;
	unsigned char *base = MAP_FAILED;

	if (fd < 0 || shunt__header_read(fd, &h, &geo, "it") < 0)
		return -1;
	base = mmap(NULL, geo.size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (base == MAP_FAILED)
		return -1;
	/* Lane 1, that of the replies. */
	const unsigned char *ring = base + geo.rings_off + geo.lane_bytes;
	const struct shunt__lane_lay *ctl =
	    (void *)(base + geo.lanes_off + SHUNT__LANE_BLOCK);
	uint64_t pos = shunt__load64(&ctl->ln_tail);
	for (;;) {
		const struct shunt__u64 *word =
		    shunt__lane_word(ring, geo.lane_bytes, pos);
		uint64_t head = shunt__load64(word);
		if (head == 0)
			break;
		int64_t len = shunt__lane_check(head, pos, geo.lane_bytes);
		if (len == -1) {
			pos += geo.lane_bytes - (pos & (geo.lane_bytes - 1));
			continue;
		}
		if (len < 8 ||
		    (uint32_t)shunt__load64(word + 1) != first + (uint32_t)n ||
		    !message_right((const unsigned char *)(word + 2),
			(size_t)len - 8, first + (uint32_t)n)) {
			n = -1;
			break;
		}
		n++;
		pos += shunt__lane_need((uint64_t)len);
	}
	munmap(base, geo.size);
	return n;
}

/* ---- a client ---- */

static void
victim_send(void *ctx)
{
	struct world *w = ctx;
	struct shunt_client *c = caller(w, 0);
	void *room;

	sweep_require(c != NULL);
	/* Takes the lanes; nothing is sent. */
	sweep_require(shunt_client_reserve(c, 8, &room, &now) == 0);
	shunt_client_abort(c);
	sweep_begin();
	for (uint32_t i = 0; i < MESSAGES; i++) {
		sweep_require(ask(c, i) == 0);
		w->p->done[0] = i + 1;
	}
	sweep_end();
}

/* The first request of a thread: it takes its lanes in the call, in which
 * replies to the dead lie. */
static void
victim_claim(void *ctx)
{
	struct world *w = ctx;
	struct shunt_client *c = caller(w, 0);

	sweep_require(c != NULL);
	sweep_begin();
	sweep_require(ask(c, 0) == 0);
	w->p->done[0] = 1;
	sweep_end();
}

static int
check_sent(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t done = w->p->done[0];

	(void)point;
	CHECK(rest_is(w, 0, 0, done, done + 1) == 0);
	return round_trips(w, 3);
}

/* Requests 2 to 5 of the dead, then perhaps the victim's. */
static int
check_claimed(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_service *s = server(w);
	int got;

	(void)point;
	CHECK(s != NULL);
	for (uint32_t i = 2; i < MESSAGES; i++) {
		CHECK(next(s) == (int)i);
		CHECK(answer(s, i) == 0);
	}
	got = next(s);
	CHECK(got == 0 || (got == -1 && w->p->done[0] == 0));
	if (got == 0)
		CHECK(answer(s, 0) == 0);
	CHECK(next(s) == -1);
	shunt_service_close(&s);
	return round_trips(w, 3);
}

static void
victim_cancel(void *ctx)
{
	struct world *w = ctx;
	struct shunt_client *c = caller(w, 0);
	uint64_t id[3];

	sweep_require(c != NULL);
	for (uint32_t i = 0; i < 3; i++)
		sweep_require(shunt_client_send(c, message_text(i),
				  message_size[i], &id[i], &now) == 0);
	sweep_begin();
	for (uint32_t i = 0; i < 2; i++) {
		sweep_require(shunt_client_cancel(c, id[i]) == 0);
		w->p->done[0] = i + 1;
	}
	sweep_end();
}

static int
check_cancelled(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t done = w->p->done[0];

	(void)point;
	CHECK(rest_is(w, done, done + 1, 3, 3) == 0);
	return round_trips(w, 3);
}

/* Nobody serves: it spins, sleeps, and gives the call up. */
static void
victim_alone(void *ctx)
{
	struct world *w = ctx;
	struct shunt_client *c = caller(w, 0);

	sweep_require(c != NULL);
	sweep_begin();
	sweep_require(shunt_client_call(c, message_text(0), message_size[0],
			  NULL, 0, NULL, &brief) == -ETIMEDOUT);
	w->p->done[0] = 1;
	sweep_end();
}

static int
check_alone(void *ctx, unsigned long point)
{
	struct world *w = ctx;

	(void)point;
	CHECK(rest_is(w, 0, 0, 0, w->p->done[0] ? 0 : 1) == 0);
	return round_trips(w, 3);
}

/* ---- a server ---- */

static void
serve_all(struct world *w, struct shunt_service *s)
{
	int got;

	while ((got = next(s)) >= 0) {
		w->p->done[0] = (uint32_t)got + 1;
		sweep_require(answer(s, (uint32_t)got) == 0);
		w->p->done[1] = (uint32_t)got + 1;
	}
	sweep_require(got == -1);
}

static void
victim_serve(void *ctx)
{
	struct world *w = ctx;
	struct shunt_service *s = server(w);

	sweep_require(s != NULL);
	sweep_begin();
	serve_all(w, s);
	sweep_end();
}

/* Opens it as well: in the slot of one who died with a request. */
static void
victim_recover(void *ctx)
{
	struct world *w = ctx;

	sweep_begin();
	struct shunt_service *s = server(w);
	sweep_require(s != NULL);
	serve_all(w, s);
	sweep_end();
}

/* Requests that the victim saw never come again, and at most one that it had
 * not yet seen is lost with it; a reply for each that it says it gave. */
static int
served(struct world *w, uint32_t first)
{
	uint32_t seen = w->p->done[0], told = w->p->done[1];
	int n = replies(w, first);

	if (seen < first)
		seen = first;
	if (told < first)
		told = first;
	CHECK(n >= 0);
	CHECK((uint32_t)n + first >= told && (uint32_t)n + first <= told + 1);
	CHECK((uint32_t)n + first <= seen);
	CHECK(rest_is(w, seen, seen + 1, MESSAGES, MESSAGES) == 0);
	return round_trips(w, 3);
}

static int
check_served(void *ctx, unsigned long point)
{
	(void)point;
	return served(ctx, 0);
}

static int
check_recovered(void *ctx, unsigned long point)
{
	(void)point;
	return served(ctx, 1);
}

/* No request: it spins, sleeps and times out. */
static void
victim_park(void *ctx)
{
	struct world *w = ctx;
	struct shunt_service *s = server(w);
	const void *msg;

	sweep_require(s != NULL);
	sweep_begin();
	sweep_require(shunt_service_next(s, &msg, NULL, &brief) == -ETIMEDOUT);
	sweep_end();
}

static int
check_empty(void *ctx, unsigned long point)
{
	(void)point;
	CHECK(rest_is(ctx, 0, 0, 0, 0) == 0);
	return round_trips(ctx, 3);
}

/* ---- both in one: what has no other end to wait for ---- */

/* It takes a reply that is there. */
static void
victim_poll(void *ctx)
{
	struct world *w = ctx;
	struct shunt_client *c = caller(w, 0);
	struct shunt_service *s = server(w);
	unsigned char buf[2048];
	ssize_t n;

	sweep_require(c != NULL && s != NULL);
	sweep_require(ask(c, 1) == 0 && next(s) == 1 && answer(s, 1) == 0);
	sweep_begin();
	n = shunt_client_poll(c, buf, sizeof(buf), NULL, &now);
	sweep_end();
	sweep_require(n >= 0 && message_right(buf, (size_t)n, 1));
}

/* A request and its reply that are written in place. */
static void
victim_in_place(void *ctx)
{
	struct world *w = ctx;
	struct shunt_client *c = caller(w, 0);
	struct shunt_service *s = server(w);
	size_t len = message_size[0];
	void *room;

	sweep_require(c != NULL && s != NULL);
	sweep_begin();
	sweep_require(shunt_client_reserve(c, len, &room, &now) == 0);
	memcpy(room, message_text(0), len);
	sweep_require(shunt_client_commit(c, len, NULL) == 0);
	w->p->done[0] = 1;
	w->p->done[1] = 1; /* from here on the server may have it */
	sweep_require(next(s) == 0);
	sweep_require(shunt_service_reserve(s, len, &room) == 0);
	memcpy(room, message_text(0), len);
	sweep_require(shunt_service_commit(s, 0, len) == 0);
	w->p->done[2] = 1;
	sweep_end();
}

static int
check_in_place(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t there = w->p->done[0] && !w->p->done[1];
	int n = replies(w, 0);

	(void)point;
	CHECK(n >= (int)w->p->done[2] && n <= (int)w->p->done[1]);
	CHECK(rest_is(w, 0, 0, there, n == 0) == 0);
	return round_trips(w, 3);
}

static void
victim_finish(void *ctx)
{
	struct world *w = ctx;
	struct shunt_service *s = server(w);

	sweep_require(s != NULL);
	sweep_begin();
	sweep_require(shunt_service_finish(s) == 0);
	w->p->done[0] = 1;
	sweep_end();
}

/* Finished or not; what was asked before is served in either case. */
static int
check_finished(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	struct shunt_service *s = server(w);
	struct shunt_client *c = caller(w, 0);
	int e, got;

	(void)point;
	CHECK(s != NULL && c != NULL);
	for (int i = 0; i < MESSAGES; i++)
		CHECK(next(s) == i && answer(s, (uint32_t)i) == 0);
	e = shunt_client_send(c, message_text(0), message_size[0], NULL, &now);
	CHECK(e == SHUNT_E_CLOSED || (e == 0 && w->p->done[0] == 0));
	got = next(s);
	CHECK(e == 0 ? got == 0 : got == -2);
	shunt_client_close(&c);
	shunt_service_close(&s);
	return 0;
}

/* ---- client against server ---- */

/* Half of the requests, in a process that is killed with it. */
static int
sends_half(struct world *w)
{
	struct shunt_client *c = caller(w, 0);

	CHECK(c != NULL);
	for (uint32_t i = 0; i < MESSAGES / 2; i++)
		CHECK(ask(c, i) == 0);
	return 0;
}

static void *
setup_half(void *arg)
{
	return setup(arg, sends_half, NULL);
}

/* Takes the lanes of the dead in its first call, and sends the other half. */
static void
victim_other_half(void *ctx)
{
	struct world *w = ctx;
	struct shunt_client *c = caller(w, 0);

	sweep_require(c != NULL);
	sweep_begin();
	for (uint32_t i = MESSAGES / 2; i < MESSAGES; i++) {
		sweep_require(ask(c, i) == 0);
		w->p->done[2] = i + 1;
	}
	sweep_end();
}

/* First a call that nobody answers: whoever serves is stopped, then dead, and
 * is not waited for longer than was said.  Then two requests. */
static void
victim_calls(void *ctx)
{
	struct world *w = ctx;
	struct shunt_client *c = caller(w, 0);
	uint32_t i = MESSAGES / 2;

	sweep_require(c != NULL);
	sweep_begin();
	sweep_require(shunt_client_call(c, message_text(i), message_size[i],
			  NULL, 0, NULL, &brief) == -ETIMEDOUT);
	while (++i < MESSAGES) {
		sweep_require(ask(c, i) == 0);
		w->p->done[2] = i + 1;
	}
	sweep_end();
}

/* The server lived and had all that was there; what the client committed
 * since then is there still, and nothing was lost in between. */
static int
check_client_died(void *ctx, unsigned long point)
{
	struct world *w = ctx;
	uint32_t had = w->p->done[1], sent = w->p->done[2];

	(void)point;
	CHECK(had >= MESSAGES / 2 && had == w->p->done[0]);
	if (sent < had)
		sent = had;
	CHECK(rest_is(w, had, had, sent, sent + 1) == 0);
	return round_trips(w, 3);
}

/* The client lived: all that the dead server had not seen is there, but for
 * the one that was on its way to it, and what was given up. */
static int
check_server_died(void *ctx, unsigned long point)
{
	static const int left[] = {0, 1, 2, 4, 5, -1};
	struct world *w = ctx;
	struct shunt_service *s = server(w);
	uint32_t at = w->p->done[0];

	(void)point;
	CHECK(s != NULL && w->p->done[2] == MESSAGES && at <= MESSAGES / 2);
	int got = next(s);
	if (got != left[at])
		at++;
	while (got >= 0) {
		CHECK(got == left[at++]);
		CHECK(answer(s, (uint32_t)got) == 0);
		got = next(s);
	}
	CHECK(got == -1 && left[at] == -1);
	shunt_service_close(&s);
	return round_trips(w, 3);
}

static const struct sweep_case other_server = {.name = "other-server",
    .setup = setup_half,
    .victim = victim_serve,
    .check = check_client_died,
    .teardown = world_free,
    .image = world_image,
    .arg = (void *)"grid-cs"};

static const struct sweep_case other_client = {.name = "other-client",
    .setup = setup_half,
    .victim = victim_calls,
    .check = check_server_died,
    .teardown = world_free,
    .image = world_image,
    .arg = (void *)"grid-sc"};

#define CASE(n, s, v, c)                                                       \
	{                                                                      \
		.name = n, .setup = s, .victim = v, .check = c,                \
		.teardown = world_free, .rearm = world_rearm,                  \
		.image = world_image, .arg = (void *)n                         \
	}

const struct sweep_case call_cases[] = {
    CASE("call-send", setup_empty, victim_send, check_sent),
    CASE("call-claim", setup_replied, victim_claim, check_claimed),
    CASE("call-cancel", setup_empty, victim_cancel, check_cancelled),
    CASE("call-alone", setup_empty, victim_alone, check_alone),
    CASE("call-serve", setup_asked, victim_serve, check_served),
    CASE("call-recover", setup_begun, victim_recover, check_recovered),
    CASE("call-park", setup_empty, victim_park, check_empty),
    CASE("call-poll", setup_empty, victim_poll, check_empty),
    CASE("call-in-place", setup_empty, victim_in_place, check_in_place),
    CASE("call-finish", setup_asked, victim_finish, check_finished),
    {.name = "grid-call-serve",
	.setup = setup_half,
	.victim = victim_other_half,
	.check = check_client_died,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image,
	.arg = (void *)"grid-cs",
	.peer = &other_server,
	.grid_points = 150},
    {.name = "grid-serve-call",
	.setup = setup_half,
	.victim = victim_serve,
	.check = check_server_died,
	.teardown = world_free,
	.rearm = world_rearm,
	.image = world_image,
	.arg = (void *)"grid-sc",
	.peer = &other_client,
	.grid_points = 150},
};

const size_t call_case_count = sizeof(call_cases) / sizeof(call_cases[0]);
