/* As little as a chat server can do: epoll, what one round of reading brought joined into one buffer, one send a client.
 *
 *     limit       prints the port it listens on, and sends each line that it gets to everybody
 *
 * What a socket does not take is queued for it. Nothing is parsed but line ends, nothing is stored. A client whose line is
 * as long as its buffer (LINE bytes) is cut. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 20000
#define LINE 4096
#define EVENTS 1024

struct client {
    int open;
    size_t have, queued, room;
    char line[LINE], *queue;
};

static struct client *clients[MOST];
static int live[MOST], lives;
static char *batch;
static size_t batched, room;
static int polled;

static void leave(int fd)
{
    struct client *c = clients[fd];
    for (int i = 0; i < lives; i++)
        if (live[i] == fd)
            live[i--] = live[--lives];
    free(c->queue);
    free(c);
    clients[fd] = NULL;
    close(fd);
}

static void watch(int fd, int writing)
{
    struct epoll_event event = {EPOLLIN | (writing ? EPOLLOUT : 0), {.fd = fd}};
    epoll_ctl(polled, EPOLL_CTL_MOD, fd, &event);
}

static void put(int fd, const char *data, size_t size)
{
    struct client *c = clients[fd];
    ssize_t sent = 0;
    if (!c->queued && (sent = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0)
        sent = 0;
    if ((size_t)sent == size)
        return;
    size -= sent;
    if (c->room < c->queued + size)
        c->queue = realloc(c->queue, c->room = 2 * (c->queued + size));
    memcpy(c->queue + c->queued, data + sent, size);
    if (!c->queued)
        watch(fd, 1);
    c->queued += size;
}

static void flush(int fd)
{
    struct client *c = clients[fd];
    ssize_t sent = send(fd, c->queue, c->queued, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0)
        return;
    c->queued -= sent;
    memmove(c->queue, c->queue + sent, c->queued);
    if (!c->queued)
        watch(fd, 0);
}

static int hear(int fd)
{
    struct client *c = clients[fd];
    ssize_t n = recv(fd, c->line + c->have, LINE - c->have, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        return 0;
    if (n < 0)
        return 1;
    c->have += n;
    char *end = memrchr(c->line, '\n', c->have);
    size_t whole = end ? end + 1 - c->line : 0;
    if (room < batched + whole)
        batch = realloc(batch, room = 2 * (batched + whole));
    memcpy(batch + batched, c->line, whole);
    batched += whole;
    c->have -= whole;
    memmove(c->line, c->line + whole, c->have);
    return c->have < LINE;
}

static void greet(int listener)
{
    int fd, yes = 1;
    if ((fd = accept(listener, NULL, NULL)) < 0)
        return;
    if (fd >= MOST) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    clients[fd] = calloc(1, sizeof **clients);
    live[lives++] = fd;
    struct epoll_event event = {EPOLLIN, {.fd = fd}};
    epoll_ctl(polled, EPOLL_CTL_ADD, fd, &event);
}

int main(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&at, sizeof at) || listen(listener, 1024))
        return perror("listen"), 1;
    getsockname(listener, (void *)&at, &size);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    polled = epoll_create1(0);
    struct epoll_event ready[EVENTS], event = {EPOLLIN, {.fd = listener}};
    epoll_ctl(polled, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(polled, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener)
                greet(listener);
            else if (ready[i].events & EPOLLOUT && clients[fd]->queued)
                flush(fd);
            if (fd != listener && ready[i].events & ~EPOLLOUT && !hear(fd))
                leave(fd);
        }
        if (batched)
            for (int i = 0; i < lives; i++)
                put(live[i], batch, batched);
        batched = 0;
    }
}
