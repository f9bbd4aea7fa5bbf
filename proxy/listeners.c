/* SPDX-License-Identifier: Apache-2.0 */
/* Making, keeping and closing the listening sockets. */
#include "proxy/listeners.h"

#include "base/local_socket.h"
#include "base/log.h"
#include "proxy/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

enum { ADDRESSES_MOST = 2 };

/* --- which addresses a section means --- */

static size_t addresses_of(const struct listen_options *listen, struct ip ips[ADDRESSES_MOST])
{
	if (listen->path)
		return 0;
	if (strcmp(listen->address, "*") == 0) {
		ips[0] = (struct ip){.family = 4};
		ips[1] = (struct ip){.family = 6};
		return 2;
	}
	return ip_parse(slice_of(listen->address), &ips[0]) ? 1 : 0;
}

static bool is_address_of(const struct listen_options *listen, const struct listener *listener)
{
	struct ip ips[ADDRESSES_MOST];
	size_t count = addresses_of(listen, ips);

	if (listen->path || listener->path)
		return listen->path && listener->path && strcmp(listen->path, listener->path) == 0;
	for (size_t i = 0; i < count; i++) {
		if (listen->port == listener->port && ip_equals(&ips[i], &listener->ip))
			return true;
	}
	return false;
}

const struct listen_options *listeners_section(
	const struct listener *listener, const struct configuration *configuration)
{
	for (size_t i = 0; i < configuration->listen_count; i++) {
		if (is_address_of(configuration->listens[i], listener))
			return configuration->listens[i];
	}
	return NULL;
}

/* --- life --- */

static int listener_close(struct listener *listener)
{
	for (size_t i = 0; i < talloc_array_length(listener->descriptors); i++)
		close(listener->descriptors[i]);
	return 0;
}

struct listeners *listeners_new(const void *parent)
{
	struct listeners *listeners = talloc_zero(parent, struct listeners);

	listeners->items = talloc_array(listeners, struct listener *, 0);
	return listeners;
}

static struct listener *listener_find(
	struct listeners *listeners, const struct ip *ip, uint16_t port)
{
	for (size_t i = 0; i < listeners->count; i++) {
		const struct listener *listener = listeners->items[i];
		if (!listener->path && listener->port == port && ip_equals(&listener->ip, ip))
			return listeners->items[i];
	}
	return NULL;
}

static struct listener *listener_find_path(struct listeners *listeners, const char *path)
{
	for (size_t i = 0; i < listeners->count; i++) {
		if (listeners->items[i]->path && strcmp(listeners->items[i]->path, path) == 0)
			return listeners->items[i];
	}
	return NULL;
}

static struct listener *listener_add(
	struct listeners *listeners, const struct ip *ip, uint16_t port)
{
	struct listener *listener = talloc_zero(listeners, struct listener);

	listener->number = ++listeners->last_number;
	listener->ip = *ip;
	listener->port = port;
	listener->descriptors = talloc_array(listener, int, 0);
	talloc_set_destructor(listener, listener_close);
	listeners->items = talloc_realloc(
		listeners, listeners->items, struct listener *, listeners->count + 1);
	listeners->items[listeners->count++] = listener;
	return listener;
}

/* --- sockets --- */

static void set(int descriptor, int level, int option)
{
	const int on = 1;

	if (setsockopt(descriptor, level, option, &on, sizeof on) < 0)
		log_event(LEVEL_WARNING, "listener", "option %d: %s", option, strerror(errno));
}

static int socket_bind(const struct ip *ip, uint16_t port, bool shared)
{
	struct sockaddr_storage address;
	socklen_t size = ip_to_sockaddr(ip, port, &address);
	int descriptor = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (descriptor < 0)
		return -1;
	set(descriptor, SOL_SOCKET, SO_REUSEADDR);
	if (shared)
		set(descriptor, SOL_SOCKET, SO_REUSEPORT);
	set(descriptor, IPPROTO_TCP, TCP_NODELAY); /* inherited by what is accepted */
	if (ip->family == 6)
		set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY);
	if (bind(descriptor, (struct sockaddr *)&address, size) == 0)
		return descriptor;
	int error = errno;
	close(descriptor);
	errno = error;
	return -1;
}

static bool has_address(int descriptor, const struct ip *ip, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;
	uint16_t its_port;

	if (getsockname(descriptor, (struct sockaddr *)&address, &size) < 0)
		return false;
	struct ip its = ip_of_sockaddr((struct sockaddr *)&address, &its_port);
	return its_port == port && ip_equals(&its, ip);
}

/* SO_REUSEPORT would let us share an address with another postern and take half of its mail: so try without first. */
static bool is_free(const struct ip *ip, uint16_t port)
{
	int descriptor = socket_bind(ip, port, false);

	if (descriptor < 0)
		return false;
	close(descriptor);
	return true;
}

/* The processes of a master that was killed take a moment to notice, and hold its addresses meanwhile. */
static bool becomes_free(const struct ip *ip, uint16_t port)
{
	static const struct timespec pause = {.tv_nsec = 20000000};

	for (int tries = 0; tries < 50; tries++) {
		if (is_free(ip, port))
			return true;
		if (errno != EADDRINUSE)
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* What systemd bound for us, or -1. */
static int socket_activated(const struct ip *ip, uint16_t port)
{
	int count = sd_listen_fds(0);

	for (int i = 0; i < count; i++) {
		int descriptor = SD_LISTEN_FDS_START + i;

		if (sd_is_socket(descriptor, AF_UNSPEC, SOCK_STREAM, -1) > 0 &&
			has_address(descriptor, ip, port))
			return descriptor;
	}
	return -1;
}

/* systemd passes sockets that block, unless it is told otherwise: a worker would stand still in accept(). */
static void make_ours(int descriptor)
{
	int flags = fcntl(descriptor, F_GETFL);

	if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0)
		log_event(LEVEL_ERROR, "listener", "O_NONBLOCK: %s", strerror(errno));
	set(descriptor, IPPROTO_TCP, TCP_NODELAY);
}

static int socket_for_slot(const struct ip *ip, uint16_t port, bool first)
{
	int activated = socket_activated(ip, port);

	if (activated >= 0) {
		make_ours(activated);
		return fcntl(activated, F_DUPFD_CLOEXEC, 0);
	}
	return first && !becomes_free(ip, port) ? -1 : socket_bind(ip, port, true);
}

/* --- local sockets --- */

/* Who is in the group may connect, nobody else: whoever can may say that mail came from anywhere. */
static bool allow_group(const char *path, const char *group)
{
	const struct group *entry = group ? getgrnam(group) : NULL;

	return (!entry || chown(path, (uid_t)-1, entry->gr_gid) == 0) && chmod(path, 0660) == 0;
}

/* A file that a crash has left is taken away, one that is no socket is not. */
static int local_bind(const char *path, const char *group)
{
	struct sockaddr_un address;
	int descriptor;
	mode_t before;

	if (!local_socket_address(path, &address))
		return -1;
	if (!local_socket_vacate(&address)) {
		errno = EADDRINUSE;
		return -1;
	}
	descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (descriptor < 0)
		return -1;
	before = umask(0177);
	bool good = bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0 &&
		allow_group(path, group);
	int error = errno;
	umask(before);
	if (good)
		return descriptor;
	close(descriptor);
	errno = error;
	return -1;
}

/* All slots share the one socket. */
static bool fill_path(struct listener *listener, const struct listen_options *listen, size_t slots)
{
	for (size_t i = talloc_array_length(listener->descriptors); i < slots; i++) {
		int descriptor = i == 0 ? local_bind(listen->path, listen->group)
					: fcntl(listener->descriptors[0], F_DUPFD_CLOEXEC, 0);

		if (descriptor < 0)
			return false;
		listener->descriptors = talloc_realloc(listener, listener->descriptors, int, i + 1);
		listener->descriptors[i] = descriptor;
	}
	return true;
}

static bool listener_fill(struct listener *listener, size_t slots)
{
	for (size_t i = talloc_array_length(listener->descriptors); i < slots; i++) {
		int descriptor = socket_for_slot(&listener->ip, listener->port, i == 0);

		if (descriptor < 0)
			return false;
		listener->descriptors = talloc_realloc(listener, listener->descriptors, int, i + 1);
		listener->descriptors[i] = descriptor;
	}
	return true;
}

/* --- all of them --- */

/* A machine without IPv6 still has "*". */
static bool is_missing_family(const struct listen_options *listen, const struct ip *ip, int error)
{
	return ip->family == 6 && strcmp(listen->address, "*") == 0 &&
		(error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}

static void listener_drop(struct listeners *listeners, size_t index)
{
	talloc_free(listeners->items[index]);
	listeners->items[index] = listeners->items[--listeners->count];
}

static bool open_address(
	struct listeners *listeners, const struct listen_options *listen, const struct ip *ip)
{
	uint16_t port = (uint16_t)listen->port;
	struct listener *listener = listener_find(listeners, ip, port);

	if (!listener)
		listener = listener_add(listeners, ip, port);
	if (listener_fill(listener, listeners->slots))
		return true;
	int error = errno;
	bool fresh = talloc_array_length(listener->descriptors) == 0;
	if (fresh)
		listener_drop(listeners, listeners->count - 1);
	errno = error;
	return fresh && is_missing_family(listen, ip, error);
}

static bool open_path(struct listeners *listeners, const struct listen_options *listen)
{
	struct listener *listener = listener_find_path(listeners, listen->path);

	if (!listener) {
		listener = listener_add(listeners, &(struct ip){0}, 0);
		listener->path = talloc_strdup(listener, listen->path);
	}
	if (fill_path(listener, listen, listeners->slots))
		return true;
	int error = errno;
	if (!talloc_array_length(listener->descriptors))
		listener_drop(listeners, listeners->count - 1);
	errno = error;
	return false;
}

static bool open_section(struct listeners *listeners, const struct listen_options *listen)
{
	struct ip ips[ADDRESSES_MOST];
	size_t count = addresses_of(listen, ips);

	if (listen->path)
		return open_path(listeners, listen);

	for (size_t i = 0; i < count; i++) {
		if (!open_address(listeners, listen, &ips[i]))
			return false;
	}
	return true;
}

static void complain(const struct configuration *configuration, const struct listen_options *listen,
	struct complaints *complaints)
{
	const char *reason = strerror(errno);

	if (listen->is_milter)
		complaint_error(complaints, (struct place){.file = configuration->file},
			"cannot listen on %s: %s", configuration->socket, reason);
	else
		complaint_error(complaints,
			settings_place(configuration->settings, listen, "address"),
			"cannot listen on %s port %d: %s", listen->address, (int)listen->port,
			reason);
}

bool listeners_open(struct listeners *listeners, const struct configuration *configuration,
	size_t slots, struct complaints *complaints)
{
	bool good = true;

	if (slots > listeners->slots)
		listeners->slots = slots;
	for (size_t i = 0; i < configuration->listen_count; i++) {
		const struct listen_options *listen = configuration->listens[i];

		if (open_section(listeners, listen))
			continue;
		complain(configuration, listen, complaints);
		good = false;
	}
	return good;
}

static void listener_listen(const struct listener *listener, int backlog)
{
	for (size_t i = 0; i < talloc_array_length(listener->descriptors); i++) {
		if (listen(listener->descriptors[i], backlog) < 0)
			log_event(LEVEL_ERROR, "listener", "listen: %s", strerror(errno));
	}
}

void listeners_listen(struct listeners *listeners, const struct configuration *configuration)
{
	for (size_t i = 0; i < listeners->count; i++) {
		const struct listen_options *section =
			listeners_section(listeners->items[i], configuration);

		if (section)
			listener_listen(listeners->items[i], (int)section->backlog);
	}
}

void listeners_retire(struct listeners *listeners, const struct configuration *configuration)
{
	for (size_t i = listeners->count; i > 0; i--) {
		if (!listeners_section(listeners->items[i - 1], configuration))
			listener_drop(listeners, i - 1);
	}
}

void listeners_remove(const struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++) {
		if (listeners->items[i]->path)
			unlink(listeners->items[i]->path);
	}
}

void listeners_close(struct listeners *listeners)
{
	while (listeners->count > 0)
		listener_drop(listeners, listeners->count - 1);
}

/* --- to the program that takes our place --- */

void listeners_hand_over(const struct listeners *listeners, struct handover *handover)
{
	handover->last_listener = listeners->last_number;
	handover->slots = (uint32_t)listeners->slots;
	handover->listeners = talloc_array(handover, struct handover_listener, listeners->count);
	for (size_t i = 0; i < listeners->count; i++) {
		const struct listener *listener = listeners->items[i];

		handover->listeners[i] = (struct handover_listener){.number = listener->number,
			.path = listener->path,
			.ip = listener->ip,
			.port = listener->port,
			.descriptors = listener->descriptors};
	}
}

void listeners_take_over(struct listeners *listeners, const struct handover *handover)
{
	for (size_t i = 0; i < talloc_array_length(handover->listeners); i++) {
		const struct handover_listener *given = &handover->listeners[i];
		struct listener *listener = listener_add(listeners, &given->ip, given->port);

		listener->number = given->number;
		listener->path = given->path ? talloc_strdup(listener, given->path) : NULL;
		talloc_free(listener->descriptors);
		listener->descriptors = talloc_memdup(
			listener, given->descriptors, talloc_get_size(given->descriptors));
		talloc_set_type(listener->descriptors, int);
	}
	listeners->slots = handover->slots;
	listeners->last_number = handover->last_listener;
}

/* LISTEN_PID says whom they are meant for. */
static void inherit_activated(void)
{
	char parent[16], own[16];
	const char *meant = getenv("LISTEN_PID");

	snprintf(parent, sizeof parent, "%d", (int)getppid());
	snprintf(own, sizeof own, "%d", (int)getpid());
	if (meant && strcmp(meant, parent) == 0)
		setenv("LISTEN_PID", own, 1);
}

void listeners_keep_activated(bool are_of_parent)
{
	if (are_of_parent)
		inherit_activated();
	int count = sd_listen_fds(0);
	for (int i = 0; i < count; i++)
		fcntl(SD_LISTEN_FDS_START + i, F_SETFD, 0);
}
