/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shunt.h>

#include "proc/libsoak_log.h"

#define CLIENTS   4
#define LIVES     4096 /* of one client */
#define STOP_MOST 40   /* ms: below the server's hold, so nothing is late */

/* Memory that outlives who writes it. */
struct ledger {
	_Atomic uint32_t sent[CLIENTS][LIVES]; /* calls that returned */
	_Atomic int stop;
};

struct stage {
	char name[64];
	char path[256];
	struct ledger *ledger;
	uint32_t *seen;         /* lines of each client and life in the file */
	pid_t pid[CLIENTS + 1]; /* the last is the server */
	uint32_t life[CLIENTS + 1];
	uint64_t rng, kills, stops;
};

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint32_t
roll(struct stage *s, uint32_t below)
{
	s->rng = s->rng * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(s->rng >> 33) % below;
}

static void
pause_us(long us)
{
	struct timespec ts = {us / 1000000, us % 1000000 * 1000};

	nanosleep(&ts, NULL);
}

static _Noreturn void
client(struct stage *s, uint32_t id, uint32_t life)
{
	struct shunt_log_options o = {.sz = sizeof(o),
	    .full = SHUNT_LOG_FULL_WAIT,
	    .lanes = 16,
	    .lane_bytes = 16384,
	    .tag = "soak"};
	struct shunt_log *log;
	uint32_t n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (shunt_log_open(&log, s->name, &o) < 0)
		_exit(1);
	while (!s->ledger->stop) {
		/* Filler of a length that its number tells. */
		if (shunt_log_printf(log, SHUNT_LOG_INFO, "%u %u %u %0*d", id,
			life, n, (int)(n * 7 % 200) + 1, 0) != 0)
			_exit(1);
		s->ledger->sent[id][life] = ++n;
		if (n % 64 == 0)
			pause_us(200);
	}
	shunt_log_close(&log);
	_exit(0);
}

static _Noreturn void
server(struct stage *s)
{
	struct shunt_logd_options o = {
	    .sz = sizeof(o), .file = s->path, .sync_ns = SHUNT_SYNC_BATCH};
	struct shunt_logd *logd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (shunt_logd_open(&logd, s->name, &o) < 0 ||
	    shunt_logd_run(logd) < 0) {
		printf("soak log: %s\n", shunt_error_detail());
		fflush(stdout);
		_exit(1);
	}
	shunt_logd_close(&logd);
	_exit(0);
}

static void
start(struct stage *s, uint32_t who)
{
	fflush(stdout);
	s->pid[who] = fork();
	if (s->pid[who] != 0)
		return;
	if (who == CLIENTS)
		server(s);
	client(s, who, s->life[who]);
}

static void
kill_one(struct stage *s, uint32_t who)
{
	kill(s->pid[who], SIGKILL);
	waitpid(s->pid[who], NULL, 0);
	s->kills++;
	if (s->life[who] + 1 < LIVES)
		s->life[who]++;
	start(s, who);
}

static void
stop_one(struct stage *s, uint32_t who)
{
	kill(s->pid[who], SIGSTOP);
	pause_us((long)roll(s, STOP_MOST * 1000));
	kill(s->pid[who], SIGCONT);
	s->stops++;
}

/* Clients end by themselves, then the server, which drains first. */
static int
finish(struct stage *s)
{
	int bad = 0, status;

	s->ledger->stop = 1;
	for (uint32_t i = 0; i < CLIENTS; i++) {
		waitpid(s->pid[i], &status, 0);
		bad |= status != 0;
	}
	if (shunt_logd_request_stop(s->name, NULL, INT64_C(10000000000)) != 0)
		bad = 1;
	waitpid(s->pid[CLIENTS], &status, 0);
	return bad | (status != 0);
}

/* 1 if a line is out of its client's order or not as it was logged. */
static int
wrong(struct stage *s, const char *line)
{
	unsigned id, life, n;
	int at = 0;
	/* PID: 24 characters of the date, then the message. */
	const char *msg = strchr(line, ' ');

	if (msg == NULL || strlen(msg) < 27 ||
	    sscanf(msg + 26, "%u %u %u %n", &id, &life, &n, &at) != 3 ||
	    id >= CLIENTS || life >= LIVES)
		return 1;
	const char *fill = msg + 26 + at;
	if (strspn(fill, "0") != n * 7 % 200 + 1 ||
	    fill[n * 7 % 200 + 1] != '\n')
		return 1;
	return n != s->seen[id * LIVES + life]++;
}

static int
judge(struct stage *s, uint64_t ms)
{
	FILE *f = fopen(s->path, "r");
	char line[512];
	uint64_t lines = 0, sent = 0, lost = 0, more = 0, bad = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		lines++;
		bad += (uint64_t)wrong(s, line);
	}
	if (f != NULL)
		fclose(f);
	for (uint32_t i = 0; i < CLIENTS; i++)
		for (uint32_t l = 0; l <= s->life[i]; l++) {
			uint32_t a = s->ledger->sent[i][l];
			uint32_t b = s->seen[i * LIVES + l];
			sent += a;
			lost += b < a ? a - b : 0;
			/* Killed between commit and count: one, at most. */
			more += b > a + (l < s->life[i]) ? b - a : 0;
		}
	printf("soak log: %llu s, %llu kills, %llu stops, %llu messages: "
	       "%llu lines, %llu lost, %llu too many, %llu wrong\n",
	    (unsigned long long)ms / 1000, (unsigned long long)s->kills,
	    (unsigned long long)s->stops, (unsigned long long)sent,
	    (unsigned long long)lines, (unsigned long long)lost,
	    (unsigned long long)more, (unsigned long long)bad);
	return lost != 0 || more != 0 || bad != 0 || sent == 0;
}

int
soak_log(uint64_t seed, uint64_t ms)
{
	const char *tmp = getenv("TMPDIR");
	struct shunt_remove_options force = {
	    .sz = sizeof(force), .flags = SHUNT_REMOVE_FORCE};
	struct stage s = {.rng = seed};
	int bad = 0;

	snprintf(s.name, sizeof(s.name), "/shunt-soak-log-%d", (int)getpid());
	snprintf(s.path, sizeof(s.path), "%s/soak-%d.log",
	    tmp != NULL ? tmp : "/tmp", (int)getpid());
	s.ledger = mmap(NULL, sizeof(*s.ledger), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s.seen = calloc(CLIENTS * LIVES, sizeof(*s.seen));
	if (s.ledger == MAP_FAILED || s.seen == NULL)
		return 1;
	for (uint32_t i = 0; i <= CLIENTS; i++)
		start(&s, i);
	for (uint64_t end = now_ms() + ms; now_ms() < end;) {
		pause_us(1000 + (long)roll(&s, 8000));
		uint32_t who = roll(&s, CLIENTS + 1);
		if (roll(&s, 3) == 0)
			stop_one(&s, who);
		else
			kill_one(&s, who);
	}
	bad = finish(&s);
	bad |= judge(&s, ms);
	shunt_remove(s.name, &force);
	unlink(s.path);
	munmap(s.ledger, sizeof(*s.ledger));
	free(s.seen);
	return bad;
}
