/* Bytes, clocks, sockets and histograms that the load tools share. */
#ifndef BYTES_H
#define BYTES_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Wall clock, microseconds: publisher and players run on one machine, so their difference is a delay. */
static inline uint64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static inline uint32_t be24(const uint8_t *b) { return (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2]; }
static inline uint32_t be32(const uint8_t *b) { return (uint32_t)b[0] << 24 | be24(b + 1); }
static inline void put24(uint8_t *b, uint32_t v) { b[0] = v >> 16, b[1] = v >> 8, b[2] = v; }
static inline void put32(uint8_t *b, uint32_t v) { b[0] = v >> 24, put24(b + 1, v); }
static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }

__attribute__((noreturn)) static inline void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(2);
}

static inline void *take(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (!memory) die("memory");
  return memory;
}

/* A tool never outlives the runner that started it, and may hold as many sockets as the system lets it. */
static inline void die_with_parent(void) {
  struct rlimit files;
  if (!getrlimit(RLIMIT_NOFILE, &files)) files.rlim_cur = files.rlim_max, setrlimit(RLIMIT_NOFILE, &files);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static inline struct sockaddr_in loopback(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

static inline void set_nodelay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Begins a connection to a port of this machine; rcvbuf 0 leaves the kernel's choice. */
static inline int dial(int port, int rcvbuf) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  if (rcvbuf) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
  set_nodelay(fd);
  struct sockaddr_in a = loopback(port);
  if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS) die("connect");
  return fd;
}

/* Closes at once, leaving no TIME_WAIT behind: thousands of players must not use up the ports. */
static inline void hang_up(int fd) {
  struct linger now = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
}

/* Values in steps of 0.05 ms up to 20 s; the last step takes what is above. */
#define STEPS 400000
struct histogram {
  uint32_t *step;
  uint64_t count;
  uint64_t max;
};

static inline void histogram_clear(struct histogram *h) {
  if (!h->step) h->step = take(STEPS + 1, sizeof *h->step);
  memset(h->step, 0, (STEPS + 1) * sizeof *h->step);
  h->count = h->max = 0;
}

static inline void histogram_add(struct histogram *h, uint64_t us) {
  if (us > (uint64_t)INT64_MAX) us = 0; /* a clock that was set back */
  h->step[least(us / 50, STEPS)]++;
  h->count++;
  if (us > h->max) h->max = us;
}

static inline double histogram_ms(const struct histogram *h, double share) {
  uint64_t below = 0, wanted = (uint64_t)(share * (double)h->count);
  for (uint32_t i = 0; i <= STEPS; i++) {
    below += h->step[i];
    if (below > wanted) return (i * 50 + 25) / 1000.0;
  }
  return 0;
}

static inline void histogram_print(const char *name, const struct histogram *h) {
  printf("\"%s\":{\"count\":%llu,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name, (unsigned long long)h->count,
         histogram_ms(h, 0.5), histogram_ms(h, 0.99), (double)h->max / 1000);
}

/* The value of --name on the command line, or the default. */
static inline const char *option(int argc, char **argv, const char *name, const char *otherwise) {
  for (int i = 1; i + 1 < argc; i++)
    if (!strncmp(argv[i], "--", 2) && !strcmp(argv[i] + 2, name)) return argv[i + 1];
  return otherwise;
}

static inline double option_number(int argc, char **argv, const char *name, double otherwise) {
  const char *text = option(argc, argv, name, NULL);
  return text ? atof(text) : otherwise;
}

#endif
