/* SPDX-License-Identifier: BSD-2-Clause */
/* deliver PORT RCPTS PER_TRANSACTION [SESSIONS [DIR]]: makes a job of a 10 KB post for RCPTS recipients in a private spool (below DIR, /tmp by default) and drains it to
 * the relay on loopback. PER_TRANSACTION 1 is VERP by transaction. */
#include "tests/bench/bench.h"

#include "listd/delivery/delivery.h"
#include "listd/delivery/verp.h"
#include "mail/log.h"

#include <ftw.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct secret secret = { { 1 } };

static void die(const struct fail *why)
{
	fprintf(stderr, "%s\n", why->text);
	exit(1);
}

static void verp_sender(void *context, const struct job *job, const struct job_rcpt *rcpt, char *sender_r, size_t size)
{
	(void)context;
	verp_write(&secret, VERP_RECIPIENT, "birds", "lists.example.org", job->id, rcpt->address, sender_r, size);
}

static void plain_sender(void *context, const struct job *job, char *sender_r, size_t size)
{
	(void)context;
	verp_write(&secret, VERP_POST, "birds", "lists.example.org", job->id, NULL, sender_r, size);
}

static int refused(void *context, const struct job *job, const struct job_rcpt *rcpt, int code, const char *reply)
{
	(void)context;
	(void)job;
	(void)code;
	fprintf(stderr, "refused %s: %s\n", rcpt->address, reply);
	return 0;
}

static void put_post(struct spool *spool, const char *id)
{
	const char *rcpts[] = { "birds@lists.example.org" };
	struct envelope envelope = { .id = id, .mail_from = "ann@example.com", .rcpts = rcpts, .rcpt_count = 1 };
	char *post = bench_post(BENCH_POST_BYTES);
	struct spool_writer *writer;
	struct fail why;

	if (spool_begin(spool, id, &writer, &why) != 0 || spool_add(writer, (struct span){ post, BENCH_POST_BYTES }, &why) != 0
		|| spool_commit(writer, &envelope, &why) != 0)
		die(&why);
	free(post);
}

/* One form: the post with a field of the list on top. */
static void put_job(struct spool *spool, const char *id, const char *job_id, unsigned long count)
{
	static const char field[] = "List-Id: <birds.lists.example.org>\r\n";
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct spooled post;
	struct job_writer *writer;
	struct fail why;
	struct iovec slices[2];
	struct job_form form = { .name = "none", .rendering = { slices, 2, BENCH_POST_BYTES + sizeof(field) - 1, sizeof(field) - 1 } };
	struct job_request request = { .id = job_id, .post_id = id, .list = "birds@lists.example.org", .forms = &form, .form_count = 1, .envelope = &post.envelope };

	if (spool_read(spool, a, SPOOL_IN, id, &post, &why) != 0)
		die(&why);
	slices[0] = (struct iovec){ (char *)(uintptr_t)field, sizeof(field) - 1 };
	slices[1] = (struct iovec){ (char *)(uintptr_t)post.message.ptr, post.message.len };
	if (job_begin(spool, &request, post.message, &writer, &why) != 0)
		die(&why);
	for (unsigned long i = 0; i < count; i++) {
		char address[64];

		snprintf(address, sizeof(address), "user%lu@example.com", i);
		if (job_add(writer, 0, address, &why) != 0)
			die(&why);
	}
	if (job_commit(writer, &why) != 0 || spool_remove(spool, SPOOL_IN, id, &why) != 0)
		die(&why);
	spool_unread(&post);
	arena_free(a);
}

static double drain(struct spool *spool, const struct delivery_options *options, const char *job_id)
{
	struct delivery_hooks hooks = { .verp_sender = verp_sender, .plain_sender = plain_sender, .refused = refused };
	char path[200];
	struct delivery *delivery;
	struct fail why;
	double from = bench_seconds(), seconds;

	snprintf(path, sizeof(path), "%s/out/%s", spool_dir(spool), job_id);
	if (delivery_start(options, spool, &hooks, &delivery, &why) != 0)
		die(&why);
	while (access(path, F_OK) == 0)
		usleep(500);
	seconds = bench_seconds() - from;
	delivery_stop(delivery, 1000);
	return seconds;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	unsigned long count;
	char dir[160], relay[40], id[SPOOL_ID_CHARS + 1], job_id[40];
	struct delivery_options options = { .relay = relay, .helo = "bench.example.org", .timeout_secs = 30, .retry_min_secs = 1, .retry_max_secs = 1, .queue_life_secs = 86400 };
	struct spool *spool;
	struct rusage usage;
	struct fail why;
	double made, seconds, cpu;

	if (argc < 4)
		return 64;
	log_open(LOG_SINK_STDERR, NULL, LOG_LEVEL_WARNING);
	count = strtoul(argv[2], NULL, 10);
	options.rcpts_max = (unsigned)atoi(argv[3]);
	options.verp = options.rcpts_max == 1 ? VERP_TRANSACTION : VERP_OFF;
	options.sessions = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
	snprintf(relay, sizeof(relay), "127.0.0.1:%s", argv[1]);
	snprintf(dir, sizeof(dir), "%.120s/listd-bench-XXXXXX", argc > 5 ? argv[5] : "/tmp");
	if (mkdtemp(dir) == NULL)
		bench_die(dir);
	if (spool_open(dir, &spool, &why) != 0)
		die(&why);
	spool_id(1700000000, id);
	snprintf(job_id, sizeof(job_id), "%s-1", id);
	made = bench_seconds();
	put_post(spool, id);
	put_job(spool, id, job_id, count);
	made = bench_seconds() - made;
	cpu = bench_cpu_seconds();
	seconds = drain(spool, &options, job_id);
	cpu = bench_cpu_seconds() - cpu;
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"bench\":\"deliver\",\"rcpts\":%lu,\"per_transaction\":%u,\"sessions\":%u,\"job_seconds\":%.3f,\"seconds\":%.3f,\"rcpts_per_s\":%.0f,\"cpu_us_per_rcpt\":%.2f,\"max_rss_kb\":%ld}\n", count,
		options.rcpts_max, options.sessions, made, seconds, (double)count / seconds, cpu * 1e6 / (double)count, usage.ru_maxrss);
	spool_close(spool);
	nftw(dir, remove_one, 10, FTW_DEPTH | FTW_PHYS);
	return 0;
}
