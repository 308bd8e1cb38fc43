/* The floor: what it costs at least to send one mount to many listeners from one thread.
 *
 *   floor INTERVAL_MS
 *
 * Prints its port, takes one Icecast source (SOURCE) and any number of listeners (GET), and every
 * INTERVAL_MS sends what has come in since to each of them, with one send() each from one buffer.
 * Nothing else that a server needs is here: a listener whose socket does not take everything is
 * closed, a password is not looked at, and one turn sends to all. Ends with its standard input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_FDS = 20000,
    MAX_HEAD_BYTES = 2048,
    QUEUE_BYTES = 1 << 22, /* 260 s at 128 kbit/s: moved down when it is full */
    BURST_BYTES = 65535,   /* as Icecast's */
    SEND_BUFFER_BYTES = 131072,
    EVENTS_AT_ONCE = 256,
};

static const char SOURCE_OK[] = "HTTP/1.0 200 OK\r\n\r\n";
static const char LISTENER_OK[] = "HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n";

static char queue[QUEUE_BYTES];
static size_t queued, sent; /* bytes in the queue; how many of them everyone has */
static int listeners[MAX_FDS], listener_count;
static char *heads[MAX_FDS]; /* of clients that have not asked yet */
static int poller, source = -1;

static long long now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) exit(1);
}

static void accept_all(int listening) {
    for (;;) {
        int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0) return;
        if (fd >= MAX_FDS) {
            close(fd);
            continue;
        }
        heads[fd] = calloc(1, MAX_HEAD_BYTES + 1);
        watch(fd);
    }
}

static void put(const char *data, size_t size) {
    if (queued + size > QUEUE_BYTES) { /* keep the burst and what is still to be sent */
        size_t kept = queued - sent > BURST_BYTES ? queued - sent : BURST_BYTES;
        memmove(queue, queue + queued - kept, kept);
        sent -= queued - kept;
        queued = kept;
    }
    memcpy(queue + queued, data, size);
    queued += size;
}

static void read_source(void) {
    char data[65536];
    ssize_t size = recv(source, data, sizeof data, 0);
    if (size > 0) put(data, size);
    else if (size == 0 || errno != EAGAIN) exit(0);
}

/* Everyone gets the same from here on: a joiner is given all that the others have had. */
static void add_listener(int fd) {
    size_t burst = sent < BURST_BYTES ? sent : BURST_BYTES;
    if (send(fd, LISTENER_OK, sizeof LISTENER_OK - 1, MSG_NOSIGNAL | MSG_MORE) < 0 ||
        send(fd, queue + sent - burst, burst, MSG_NOSIGNAL) != (ssize_t)burst) {
        close(fd);
        return;
    }
    epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL); /* its end is seen at the next send */
    listeners[listener_count++] = fd;
}

static void read_head(int fd) {
    char *head = heads[fd];
    size_t used = strlen(head);
    ssize_t size = recv(fd, head + used, MAX_HEAD_BYTES - used, 0);
    if (size < 0 && errno == EAGAIN) return;
    char *end = size > 0 ? strstr(head, "\r\n\r\n") : NULL;
    if (size > 0 && !end && used + size < MAX_HEAD_BYTES) return;
    heads[fd] = NULL;
    if (!end) {
        close(fd);
    } else if (!strncmp(head, "SOURCE ", 7)) {
        source = fd;
        if (send(fd, SOURCE_OK, sizeof SOURCE_OK - 1, MSG_NOSIGNAL) < 0) exit(1);
        put(end + 4, head + used + size - (end + 4));
    } else {
        add_listener(fd);
    }
    free(head);
}

static void send_to_all(void) {
    const char *data = queue + sent;
    size_t size = queued - sent;
    for (int i = 0; size && i < listener_count; i++)
        while (send(listeners[i], data, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size) {
            close(listeners[i]);
            listeners[i] = listeners[--listener_count];
            if (i >= listener_count) break;
        }
    sent = queued;
}

int main(int argc, char **argv) {
    long long interval_us = argc == 2 ? atoll(argv[1]) * 1000 : 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    int buffer = SEND_BUFFER_BYTES;
    setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer); /* inherited, both */
    setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    poller = epoll_create1(0);
    if (interval_us <= 0 || bind(listening, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listening, 4096) < 0 ||
        getsockname(listening, (struct sockaddr *)&address, &length) < 0)
        return 1;
    watch(listening);
    watch(STDIN_FILENO);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (long long due = now_us() + interval_us;;) {
        struct epoll_event events[EVENTS_AT_ONCE];
        long long left = due - now_us();
        int count = epoll_wait(poller, events, EVENTS_AT_ONCE, left > 0 ? left / 1000 + 1 : 0);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == STDIN_FILENO) return 0;
            if (fd == listening) accept_all(fd);
            else if (fd == source) read_source();
            else read_head(fd);
        }
        if (now_us() >= due) {
            send_to_all();
            due += interval_us;
        }
    }
}
