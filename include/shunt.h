/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_H
#define SHUNT_H

/* Everything at once.  Each part may also be included by itself. */

#include <shunt/call.h>
#include <shunt/error.h>
#include <shunt/event.h>
#include <shunt/inspect.h>
#include <shunt/lock.h>
#include <shunt/log.h>
#include <shunt/logd.h>
#include <shunt/queue.h>
#include <shunt/segment.h>
#include <shunt/semaphore.h>
#include <shunt/stream.h>
#include <shunt/sysv.h>
#include <shunt/text.h>
#include <shunt/topic.h>
#include <shunt/version.h>
#include <shunt/wait.h>

#endif /* SHUNT_H */
