/* SPDX-License-Identifier: MIT */
/* Requests and replies in several parts: the room of all, filled in place. */
#include "base/gather.h"
#include "channel/call.h"

int
shunt_client_sendv(struct shunt_client *client, const struct iovec *parts,
    int n, uint64_t *id, const struct shunt_call_options *opts)
{
	size_t len;
	void *room;
	int e = shunt__gather_length(parts, n, &len);

	if (e == 0)
		e = shunt_client_reserve(client, len, &room, opts);
	if (e != 0)
		return e;
	shunt__gather_copy(room, parts, n);
	return shunt_client_commit(client, len, id);
}

int
shunt_service_replyv(struct shunt_service *service, int32_t status,
    const struct iovec *parts, int n)
{
	size_t len;
	void *room;
	int e = shunt__gather_length(parts, n, &len);

	if (e == 0)
		e = shunt_service_reserve(service, len, &room);
	if (e != 0)
		return e;
	shunt__gather_copy(room, parts, n);
	return shunt_service_commit(service, status, len);
}
