/* A lean Modbus TCP responder for benchmarks: it must never be the limit of what is measured.
 *
 *   cc -O2 -o modbus_server modbus_server.c && ./modbus_server <first port> <count> <registers>
 *
 * Listens on `count` ports of 127.0.0.1 from <first port> on (0: free ports), one device each, and
 * prints "ready <port> <port> ..." when all of them listen. Ends on SIGTERM and with its parent.
 *
 * Function codes 3 and 4 read the same `registers` registers of the device:
 *   0-1   uint32, big-endian: +1 for each request that covers register 0, starts at 1, per port
 *   2k    float32, big-endian, k >= 1: device * 1000 + k + tick / 1000, where the device counts from
 *         0 and tick counts tenths of a second, modulo 1000
 * Requests may be pipelined; the answers to what came in one piece leave in one piece.
 * Exception 1 for other functions, 2 past the last register, 3 for 0 or more than 125 registers.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST = 12, HEADER = 9, IN = 16 * 1024, OUT = 512 * 1024, EVENTS = 256 };

typedef struct {
    uint8_t *image; /* the registers, big-endian */
    uint32_t reads;
    int number, tick;
} Device;

typedef struct {
    int fd, listens;
    Device *device;
    uint8_t *in, *out;
    size_t have, start, end; /* bytes in `in`; unsent bytes of `out` */
} Peer;

static int registers, epoll_fd;

static void fail(const char *what) { perror(what); exit(1); }

static void put16(uint8_t *at, unsigned v) { at[0] = v >> 8; at[1] = v; }
static void put32(uint8_t *at, uint32_t v) { put16(at, v >> 16); put16(at + 2, v & 0xFFFF); }
static unsigned get16(const uint8_t *at) { return at[0] << 8 | at[1]; }

static void refresh(Device *d) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    int tick = (int)((now.tv_sec * 10 + now.tv_nsec / 100000000) % 1000);
    if (tick == d->tick) return;
    d->tick = tick;
    for (int k = 1; 2 * k + 1 < registers; k++) {
        float value = d->number * 1000.0f + k + tick / 1000.0f;
        uint32_t bits;
        memcpy(&bits, &value, 4);
        put32(d->image + 4 * k, bits);
    }
}

static void watch(Peer *p, uint32_t events, int op) {
    struct epoll_event event = {.events = events, .data.ptr = p};
    if (epoll_ctl(epoll_fd, op, p->fd, &event)) fail("epoll_ctl");
}

static void drop(Peer *p) {
    close(p->fd);
    free(p->in);
    free(p->out);
    free(p);
}

/* Appends the answer to one request; the room was checked. */
static void answer(Peer *p, const uint8_t *q) {
    uint8_t *o = p->out + p->end;
    unsigned function = q[7], first = get16(q + 8), count = get16(q + 10), code = 0;
    if (function != 3 && function != 4) code = 1;
    else if (count < 1 || count > 125) code = 3;
    else if (first + count > (unsigned)registers) code = 2;
    memcpy(o, q, 4);
    o[6] = q[6];
    if (code) {
        put16(o + 4, 3);
        o[7] = function | 0x80;
        o[8] = code;
        p->end += HEADER;
        return;
    }
    refresh(p->device);
    if (first == 0) put32(p->device->image, ++p->device->reads);
    put16(o + 4, 3 + 2 * count);
    o[7] = function;
    o[8] = 2 * count;
    memcpy(o + HEADER, p->device->image + 2 * first, 2 * count);
    p->end += HEADER + 2 * count;
}

/* Sends what there is; 0 when the peer is gone. While something is left nothing more is read. */
static int flush(Peer *p) {
    while (p->start < p->end) {
        ssize_t n = send(p->fd, p->out + p->start, p->end - p->start, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch(p, EPOLLOUT, EPOLL_CTL_MOD);
            return 1;
        }
        if (n < 0) return 0;
        p->start += n;
    }
    p->start = p->end = 0;
    return 1;
}

static int take(Peer *p) {
    ssize_t n = recv(p->fd, p->in + p->have, IN - p->have, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 1;
    if (n <= 0) return 0;
    p->have += n;
    size_t at = 0;
    for (; p->have - at >= REQUEST; at += REQUEST) { /* 16 kB of requests are 360 kB of answers */
        const uint8_t *q = p->in + at;
        if (get16(q + 2) != 0 || get16(q + 4) != 6) return 0; /* reads only: 12 bytes each */
        answer(p, q);
    }
    memmove(p->in, p->in + at, p->have - at);
    p->have -= at;
    return flush(p);
}

static void take_peer(Peer *listener) {
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Peer *p = calloc(1, sizeof *p);
    if (!p || !(p->in = malloc(IN)) || !(p->out = malloc(OUT))) fail("malloc");
    p->fd = fd;
    p->device = listener->device;
    watch(p, EPOLLIN, EPOLL_CTL_ADD);
}

static int listen_on(int port, int number) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof address;
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Peer *p = calloc(1, sizeof *p);
    Device *d = calloc(1, sizeof *d);
    if (!p || !d || !(d->image = calloc(registers, 2))) fail("malloc");
    d->number = number;
    d->tick = -1;
    p->device = d;
    p->listens = 1;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(p->fd, (struct sockaddr *)&address, size) || listen(p->fd, 512)) fail("listen");
    if (getsockname(p->fd, (struct sockaddr *)&address, &size)) fail("getsockname");
    watch(p, EPOLLIN, EPOLL_CTL_ADD);
    return ntohs(address.sin_port);
}

int main(int argc, char **argv) {
    if (argc != 4 || (registers = atoi(argv[3])) < 2 || registers > 65536) {
        fprintf(stderr, "usage: %s <first port> <count> <registers 2..65536>\n", argv[0]);
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    printf("ready");
    for (int i = 0, first = atoi(argv[1]); i < atoi(argv[2]); i++)
        printf(" %d", listen_on(first ? first + i : 0, i));
    printf("\n");
    fflush(stdout);
    struct epoll_event events[EVENTS];
    for (;;) {
        int n = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            Peer *p = events[i].data.ptr;
            if (p->listens) { take_peer(p); continue; }
            if (events[i].events & EPOLLOUT) {
                if (!flush(p)) drop(p);
                else if (p->end == 0) watch(p, EPOLLIN, EPOLL_CTL_MOD);
            } else if (!take(p)) drop(p);
        }
    }
}
