/* SPDX-License-Identifier: MIT */
#ifndef SHUNT_CLI_NOTIFY_H
#define SHUNT_CLI_NOTIFY_H

/* Telling who started a server that it serves. */

/* Writes a newline to @fd and closes it; 0 or -errno. */
int notify_fd(int fd);

/* A datagram to $NOTIFY_SOCKET as sd_notify(3) sends; nothing without it. */
void notify_supervisor(const char *state);

#endif /* SHUNT_CLI_NOTIFY_H */
