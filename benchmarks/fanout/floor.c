/* The floor: what sending one source's audio to many listeners costs at least, in C.
 *
 *   floor INTERVAL_MS
 *
 * Prints the port that it listens on. A client whose first byte is 'S' or 'P' (SOURCE, PUT) is the
 * source; every other one is a listener, which gets 65,535 bytes at once and from then on every
 * INTERVAL_MS what has come, by one send() each. Listeners stand in groups of 250 whose turns are
 * spread over the interval, as those of the server it is measured beside. Nothing else: no second
 * mount, no metadata, no slow listeners (who takes less than a whole slice is dropped and counted).
 * A source that disconnects ends its listeners. Ends with its standard input. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GROUP = 250, MAX_GROUPS = 128, MAX_FD = 65536, BURST = 65535, CAPACITY = 16 << 20 };
static const double GOLDEN_RATIO = 0.618034;
static const char HEAD[] = "HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n";

struct group { int fds[GROUP], count; size_t cursor; double due; };

static struct group groups[MAX_GROUPS];
static int group_count, poller, source = -1, dropped;
static char audio[CAPACITY];  /* all that has come: a benchmark ends before it is full */
static size_t end;
static enum { NEW = 0, LISTENER } kind[MAX_FD];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void forget(int fd) {
    for (int g = 0; g < group_count; g++)
        for (int i = 0; i < groups[g].count; i++)
            if (groups[g].fds[i] == fd) groups[g].fds[i] = groups[g].fds[--groups[g].count];
    kind[fd] = NEW;
    close(fd);
}

static void end_broadcast(void) {
    for (int g = 0; g < group_count; g++)
        for (int i = 0; i < groups[g].count; i++) { kind[groups[g].fds[i]] = NEW; close(groups[g].fds[i]); }
    close(source);
    group_count = 0, source = -1, end = 0;
}

static void join(int fd, double interval) {
    if (!group_count || groups[group_count - 1].count == GROUP) {
        if (group_count == MAX_GROUPS) { close(fd); return; }
        struct group *new = &groups[group_count];
        double phase = group_count++ * GOLDEN_RATIO;
        new->count = 0, new->cursor = end, new->due = now() + (phase - (long)phase) * interval;
    }
    struct group *group = &groups[group_count - 1];
    size_t start = end > BURST ? end - BURST : 0;
    /* In step from the first byte: what its group has had since its last turn is not sent twice. */
    if (start > group->cursor) start = group->cursor;
    send(fd, HEAD, sizeof HEAD - 1, MSG_MORE);
    if (send(fd, audio + start, group->cursor - start, MSG_NOSIGNAL) != (ssize_t)(group->cursor - start)) dropped++;
    kind[fd] = LISTENER;
    group->fds[group->count++] = fd;
}

static void receive(int fd, double interval) {
    char request[4096];
    if (fd == source) {
        ssize_t got = recv(fd, audio + end, CAPACITY - end, 0);
        if (got > 0) end += got;
        else if (got == 0 || errno != EAGAIN) end_broadcast();
        return;
    }
    ssize_t got = recv(fd, request, sizeof request, 0);
    if (got <= 0) { if (got == 0 || errno != EAGAIN) forget(fd); return; }
    if (kind[fd] == LISTENER) return;
    if (request[0] == 'S' || request[0] == 'P') {
        source = fd;
        send(fd, "HTTP/1.0 200 OK\r\n\r\n", 19, 0);
    } else join(fd, interval);
}

static void send_due(double interval) {
    double at = now();
    for (int g = 0; g < group_count; g++) {
        struct group *group = &groups[g];
        if (group->due > at) continue;
        size_t size = end - group->cursor;
        for (int i = 0; size && i < group->count; i++)
            if (send(group->fds[i], audio + group->cursor, size, MSG_NOSIGNAL) != (ssize_t)size) dropped++;
        group->cursor = end;
        group->due += interval;
    }
}

static int wait_ms(void) {
    double first = now() + 0.1;
    for (int g = 0; g < group_count; g++) if (groups[g].due < first) first = groups[g].due;
    double wait = (first - now()) * 1000;
    return wait < 0 ? 0 : (int)wait + 1;
}

int main(int count, char **arguments) {
    if (count != 2) { fprintf(stderr, "usage: floor INTERVAL_MS\n"); return 2; }
    double interval = atof(arguments[1]) / 1000;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1, buffer = 131072;
    setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    if (bind(listening, (struct sockaddr *)&address, size) || listen(listening, 4096)) { perror("floor"); return 1; }
    getsockname(listening, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    poller = epoll_create1(0);
    watch(listening);
    watch(STDIN_FILENO);
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(poller, events, 64, wait_ms());
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == STDIN_FILENO) { fprintf(stderr, dropped ? "floor: %d dropped\n" : "", dropped); return 0; }
            if (fd != listening) { receive(fd, interval); continue; }
            int client = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
            if (client >= 0 && client < MAX_FD) watch(client);
        }
        send_due(interval);
    }
}
