/* The seed's design: poll() over a linked list of clients, and a write for each message and client.
 *
 *     seed        prints the port it listens on, and sends each line that it gets to everybody
 *
 * It has no queues: a client that takes nothing for a second holds up all others that long, and is dropped then. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LINE 4096

struct client {
    int fd, gone;
    size_t have;
    char line[LINE];
    struct client *next;
};

static struct client *clients;

static void broadcast(const char *line, size_t size)
{
    for (struct client *c = clients; c; c = c->next)
        for (size_t sent = 0; !c->gone && sent < size;) {
            ssize_t n = send(c->fd, line + sent, size - sent, MSG_NOSIGNAL);
            if (n <= 0)
                c->gone = 1;
            else
                sent += n;
        }
}

static void hear(struct client *c)
{
    ssize_t n = recv(c->fd, c->line + c->have, LINE - c->have, 0);
    if (n <= 0) {
        c->gone = 1;
        return;
    }
    c->have += n;
    char *end, *start = c->line;
    while ((end = memchr(start, '\n', c->line + c->have - start))) {
        broadcast(start, end + 1 - start);
        start = end + 1;
    }
    c->have = c->line + c->have - start;
    memmove(c->line, start, c->have);
    if (c->have == LINE)
        c->gone = 1;
}

static void greet(int listener)
{
    struct client *c = calloc(1, sizeof *c);
    int yes = 1;
    struct timeval patience = {.tv_sec = 1};
    c->fd = accept(listener, NULL, NULL);
    if (c->fd < 0) {
        free(c);
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    c->next = clients;
    clients = c;
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
    for (;;) {
        int count = 1;
        for (struct client *c = clients; c; c = c->next)
            count++;
        struct pollfd polled[count];
        polled[0] = (struct pollfd){listener, POLLIN, 0};
        int i = 1;
        for (struct client *c = clients; c; c = c->next)
            polled[i++] = (struct pollfd){c->fd, POLLIN, 0};
        if (poll(polled, count, -1) < 0)
            return perror("poll"), 1;
        i = 1;
        for (struct client *c = clients; c; c = c->next)
            if (polled[i++].revents)
                hear(c);
        for (struct client **at = &clients; *at;) {
            struct client *c = *at;
            if (c->gone) {
                *at = c->next;
                close(c->fd);
                free(c);
            } else
                at = &c->next;
        }
        if (polled[0].revents)
            greet(listener);
    }
}
