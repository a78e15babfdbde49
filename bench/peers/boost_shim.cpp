/* SPDX-License-Identifier: MIT */

/*
 * Boost.Interprocess.  Waiting by a limit reads the clock, so it is tried
 * without first: what is there is taken at once, as its plain calls would.
 */

#include "boost_shim.h"

#include <boost/date_time/posix_time/posix_time_types.hpp>
#include <boost/interprocess/ipc/message_queue.hpp>

using boost::interprocess::message_queue;

static boost::posix_time::ptime
in_ms(int ms)
{
	return boost::posix_time::microsec_clock::universal_time() +
	       boost::posix_time::milliseconds(ms);
}

extern "C" void *
boost_shim_open(const char *name, size_t depth, size_t size)
{
	try {
		return new message_queue(boost::interprocess::create_only, name,
		    depth, size, boost::interprocess::permissions(0600));
	} catch (...) {
		return NULL;
	}
}

extern "C" void
boost_shim_close(void *queue, const char *name)
{
	delete static_cast<message_queue *>(queue);
	message_queue::remove(name);
}

extern "C" int
boost_shim_send(void *queue, const void *msg, size_t len, int ms)
{
	message_queue *q = static_cast<message_queue *>(queue);

	try {
		return q->try_send(msg, len, 0) ||
		       (ms > 0 && q->timed_send(msg, len, 0, in_ms(ms)));
	} catch (...) {
		return -1;
	}
}

extern "C" int
boost_shim_recv(void *queue, void *buf, size_t cap, size_t *len, int ms)
{
	message_queue *q = static_cast<message_queue *>(queue);
	message_queue::size_type n = 0;
	unsigned priority;
	bool got;

	try {
		got = q->try_receive(buf, cap, n, priority) ||
		      (ms > 0 &&
			  q->timed_receive(buf, cap, n, priority, in_ms(ms)));
	} catch (...) {
		return -1;
	}
	*len = n;
	return got;
}
