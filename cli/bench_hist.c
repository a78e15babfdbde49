/* SPDX-License-Identifier: MIT */
#include "bench.h"

/* What is in the middle of a bucket, by the inverse of bench_hist_add(). */
static double
bucket_value(unsigned i)
{
	unsigned high = i < 64 ? 0 : i / 32 - 1;
	double low = (double)((uint64_t)(i - high * 32) << high);

	return low + (double)((UINT64_C(1) << high) - 1) / 2;
}

double
bench_hist_at(const struct bench_hist *h, double p)
{
	uint64_t want = (uint64_t)(p * (double)h->n), seen = 0;

	for (unsigned i = 0; i < BENCH_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen > want) {
			double v = bucket_value(i);

			return v < (double)h->max ? v : (double)h->max;
		}
	}
	return (double)h->max;
}
