/* The load of `bench.compare`: members on sockets that are connected and logged in, some of which talk.
 *
 * The senders from `own` on talk to themselves: nobody else must see that. What they see of it acknowledges it.
 *
 * Each text holds MARK, a sender of 3 digits, `n` and a number of 10 digits. Every member must see the numbers of every
 * sender rise by one: a load that saw anything else returns an error, and has no figures. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MARK "~#~#"
#define TAG 18 /* of MARK, sender, n and number */
#define READ (1 << 18)

enum { DONE, DISORDER = -1, LOST = -2, CLOSED = -3, NO_MEMORY = -4 };

/* A frame that says something; where the request id (4 bytes), the counter of the nonce (8 bytes) and the number of the
 * text are in it, or -1. */
struct frame {
    const char *data;
    int32_t size, id_at, nonce_at, number_at;
};

struct load {
    const int *fds;
    int members, senders, own, witness, echoes; /* echoes: whether who says something gets it too */
    const struct frame *frames;
    int64_t *next;   /* of each sender: the number of its next text; kept from run to run */
    int64_t *seen;   /* members x senders: the number that was seen last */
    char *rest;      /* members x TAG: a cut mark */
    int *rests;
    double *sent_at; /* when not NULL: of text number modulo `times`, of all senders */
    int times;
    double *took;
    int64_t takes, most_takes;
    int64_t delivered, acked; /* texts for all, and those of senders to themselves */
    int *due; /* of each sender: how many of its texts the witness, or itself, saw since */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void big_endian(char *at, int64_t value, int size)
{
    for (int i = size; i--; value >>= 8)
        at[i] = value;
}

static int say(struct load *l, int sender, int count)
{
    const struct frame *f = &l->frames[sender];
    char all[count * f->size];
    for (int i = 0; i < count; i++) {
        char *at = all + i * f->size;
        int64_t number = l->next[sender]++, rest = number;
        memcpy(at, f->data, f->size);
        if (f->id_at >= 0)
            big_endian(at + f->id_at, number + (1 << 17), 4);
        if (f->nonce_at >= 0)
            big_endian(at + f->nonce_at, number, 8);
        for (int digit = 10; digit--; rest /= 10)
            at[f->number_at + digit] = '0' + rest % 10;
        if (l->sent_at)
            l->sent_at[number % l->times * l->senders + sender] = now();
    }
    for (int done = 0; done < count * f->size;) {
        ssize_t n = send(l->fds[sender], all + done, count * f->size - done, MSG_NOSIGNAL);
        if (n > 0)
            done += n;
        else if (errno == EAGAIN)
            poll(&(struct pollfd){l->fds[sender], POLLOUT, 0}, 1, 100);
        else
            return CLOSED;
    }
    return DONE;
}

/* Read once from a member, and look at what came. */
static int hear(struct load *l, int member)
{
    static char buffer[TAG + READ];
    int have = l->rests[member];
    memcpy(buffer, l->rest + member * TAG, have);
    ssize_t n = recv(l->fds[member], buffer + have, READ, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN ? DONE : CLOSED;
    if (n == 0)
        return CLOSED;
    double at = l->sent_at ? now() : 0;
    char *end = buffer + have + n, *from = buffer, *found;
    while ((found = memmem(from, end - from, MARK, 4)) && end - found >= TAG) {
        int sender = 0;
        int64_t number = 0;
        for (int i = 4; i < 7; i++)
            sender = sender * 10 + found[i] - '0';
        for (int i = 8; i < TAG; i++)
            number = number * 10 + found[i] - '0';
        if (sender < 0 || sender >= l->senders || number != ++l->seen[member * l->senders + sender])
            return DISORDER;
        int own = sender >= l->own;
        if (own && member != sender)
            return DISORDER;
        own ? l->acked++ : l->delivered++;
        if (l->sent_at && l->takes < l->most_takes && (own || l->own == l->senders))
            l->took[l->takes++] = at - l->sent_at[number % l->times * l->senders + sender];
        if (own || member == l->witness)
            l->due[sender]++;
        from = found + TAG;
    }
    if (!found && end - from >= 4)
        found = end - 3;
    else if (!found)
        found = from;
    l->rests[member] = end - found;
    memmove(l->rest + member * TAG, found, end - found);
    return DONE;
}

static int64_t missing(const struct load *l)
{
    int64_t count = 0;
    for (int member = 0; member < l->members; member++)
        for (int sender = 0; sender < l->senders; sender++)
            if (sender >= l->own ? member == sender : member != sender || l->echoes)
                count += l->next[sender] - 1 - l->seen[member * l->senders + sender];
    return count;
}

/* Flood, where `window` texts of each sender are under way until the witness has seen them, and `own_window` of those
 * that talk to themselves; or, with `rate`, so many texts a second in all, by the clock. Then wait until everybody has
 * everything. It never sleeps, so that no send has to wake its core. */
int run(struct load *l, int window, int own_window, double rate, double seconds)
{
    int polled = epoll_create1(0), error = DONE;
    struct epoll_event ready[256];
    l->due = calloc(l->senders, sizeof(int));
    if (!l->due)
        return NO_MEMORY;
    for (int i = 0; i < l->members; i++) {
        struct epoll_event event = {EPOLLIN, {.u32 = i}};
        epoll_ctl(polled, EPOLL_CTL_ADD, l->fds[i], &event);
    }
    double start = now(), last = start;
    int64_t said = 0;
    for (int i = 0; rate == 0 && i < l->senders && !error; i++)
        error = say(l, i, i < l->own ? window : own_window);
    while (!error) {
        double at = now();
        int over = at - start >= seconds;
        if (rate > 0 && !over) {
            for (; !error && said < (at - start) * rate; said++)
                error = say(l, said % l->senders, 1);
        }
        int count = epoll_wait(polled, ready, 256, 0);
        for (int i = 0; i < count && !error; i++)
            error = hear(l, ready[i].data.u32);
        for (int i = 0; i < l->senders && !error; i++)
            if (l->due[i]) {
                if (rate == 0 && !over)
                    error = say(l, i, l->due[i]);
                l->due[i] = 0;
            }
        if (count > 0)
            last = at;
        if (over && count == 0 && missing(l) == 0)
            break;
        if (!error && over && at - last > 20)
            error = LOST;
    }
    close(polled);
    free(l->due);
    return error;
}
