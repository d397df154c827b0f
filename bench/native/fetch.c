/* Fetches one address over connections that stay open, one request after another on each. Bodies are dropped in the
   kernel, so that this tool has less to do than any server it measures. Prints "end" with what it got. */
#include "bytes.h"

struct fetcher {
  int fd, waits; /* waits: it is not connected yet */
  char head[2048];
  uint32_t have;
  uint64_t left; /* bytes of the body under way */
  uint64_t asked; /* us */
};

static struct fetcher *fetchers;
static int poll_fd, port;
static char request[600];
static size_t request_size;
static uint64_t requests, bytes, bad;
static struct histogram took;

static void ask(struct fetcher *f) {
  f->have = 0, f->asked = now_us();
  if (send(f->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) die("send");
}

static void answered(struct fetcher *f) {
  requests++;
  histogram_add(&took, now_us() - f->asked);
  ask(f);
}

/* Begins the body; false if the head is not one of a whole answer. */
static int begin(struct fetcher *f, const char *end) {
  const char *length = strcasestr(f->head, "\r\ncontent-length:");
  if (strncmp(f->head + 8, " 200", 4) || !length) return 0;
  uint64_t size = strtoull(length + 17, NULL, 10), here = f->have - (uint64_t)(end + 4 - f->head);
  if (here > size) return 0;
  bytes += here, f->left = size - here;
  return 1;
}

/* One read for each time that there is something, as most clients do it. */
static int readable(struct fetcher *f) {
  static char sink[1 << 20];
  if (f->left) {
    ssize_t n = recv(f->fd, sink, least(f->left, sizeof sink), MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 1;
    if (n <= 0) return 0;
    f->left -= (uint64_t)n, bytes += (uint64_t)n;
    if (!f->left) answered(f);
    return 1;
  }
  ssize_t n = recv(f->fd, f->head + f->have, sizeof f->head - 1 - f->have, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 1;
  if (n <= 0) return 0;
  f->have += (uint32_t)n, f->head[f->have] = 0;
  const char *end = strstr(f->head, "\r\n\r\n");
  if (!end) return f->have < sizeof f->head - 1;
  if (!begin(f, end)) return 0;
  if (!f->left) answered(f);
  return 1;
}

int main(int argc, char **argv) {
  die_with_parent();
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char *path = option(argc, argv, "path", NULL);
  port = (int)option_number(argc, argv, "port", 0);
  int count = (int)option_number(argc, argv, "count", 50);
  double seconds = option_number(argc, argv, "seconds", 5);
  if (!port || !path || count < 1) {
    fprintf(stderr, "fetch --port P --path /PATH [--count N] [--seconds s]\n");
    return 2;
  }
  request_size = (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", path, port);
  if (request_size >= sizeof request) die("path");
  histogram_clear(&took);
  fetchers = take((size_t)count, sizeof *fetchers);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < count; i++) {
    fetchers[i].fd = dial(port, 0), fetchers[i].waits = 1;
    struct epoll_event e = {EPOLLOUT, {.ptr = &fetchers[i]}};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fetchers[i].fd, &e)) die("epoll");
  }
  uint64_t began = now_us(), until = began + (uint64_t)(seconds * 1e6), now = began;
  struct epoll_event events[256];
  while (now < until && bad < (uint64_t)count) {
    int n = epoll_wait(poll_fd, events, 256, (int)((until - now) / 1000) + 1);
    for (int i = 0; i < n; i++) {
      struct fetcher *f = events[i].data.ptr;
      if (f->waits) {
        struct epoll_event e = {EPOLLIN, {.ptr = f}};
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, f->fd, &e);
        f->waits = 0;
        ask(f);
      } else if (!readable(f)) {
        bad++;
        hang_up(f->fd);
      }
    }
    now = now_us();
  }
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  printf("{\"event\":\"end\",\"requests\":%llu,\"seconds\":%.3f,\"bytes\":%llu,\"bad\":%llu,\"cpu\":%.3f,",
         (unsigned long long)requests, (double)(now - began) / 1e6, (unsigned long long)bytes, (unsigned long long)bad,
         (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
             (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
  histogram_print("took", &took);
  printf("}\n");
  return 0;
}
