/* Many players in one process: they read, check the framing, time the publisher's stamps and discard.
   Prints JSON lines: "ready" when measuring begins, "window" after each of --windows periods of --seconds, "end" with the joins. */
#include "client.h"
#include <stddef.h>

enum { HTTP_HEAD, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, RAW };

struct player {
  int fd, stalled, closed, events, gap_told;
  int stage;        /* of HTTP */
  uint32_t chunk;   /* bytes left of the HTTP chunk */
  int chunked;
  char line[1024];  /* the HTTP head, then chunk sizes */
  uint32_t have;
  struct flv flv;
  struct client rtmp;
  char name[160];   /* the path of HTTP, the stream of RTMP */
  uint64_t asked, first, media, key; /* us: request sent, first byte, first media, first key frame; 0: not yet */
  uint64_t last, bytes, gaps, max_gap;
  uint64_t got, key_at; /* bytes so far; those that had come with the first key frame */
  int key_in_first_read;
};

static struct player *players;
static int count, port, poll_fd, rtmp, measuring, parsed_every;
static const char *app;
static uint64_t reading, window_begin; /* us: the read under way */
static struct histogram delay, last_delay;
static uint64_t refused, lost, bad;

/* The latest arrival of each frame of stream 0 at any player. */
#define FRAMES 4096
static struct {
  uint32_t frame, seen;
  uint64_t worst;
} frames[FRAMES];

static void frame_done(int slot) {
  if (frames[slot].seen) histogram_add(&last_delay, frames[slot].worst);
  frames[slot].seen = 0;
}

static void on_media(void *owner, struct message *m) {
  struct player *p = owner;
  uint64_t sent;
  uint32_t frame, stream;
  if (m->type != AUDIO && m->type != VIDEO) return;
  if (!p->media) p->media = reading;
  if (!p->key && is_key(m)) p->key = reading, p->key_at = p->got, p->key_in_first_read = p->first == reading;
  if (!measuring || !stamp_read(m, &sent, &frame, &stream) || sent < window_begin) return;
  uint64_t late = reading > sent ? reading - sent : 0;
  histogram_add(&delay, late);
  if (stream) return;
  int slot = frame % FRAMES;
  if (frames[slot].frame != frame) frame_done(slot), frames[slot].worst = 0;
  frames[slot].frame = frame, frames[slot].seen++;
  if (late > frames[slot].worst) frames[slot].worst = late;
}

static void on_rtmp(void *owner, struct message *m) {
  struct player *p = owner;
  int asked = p->rtmp.stage;
  int answer = p->rtmp.stage < 4 ? client_message(&p->rtmp, m, "play", p->name) : 0;
  if (p->rtmp.stage == 3 && asked == 2) p->asked = now_us();
  if (answer < 0) refused++, p->closed = 1;
  if (p->rtmp.stage >= 3 && (m->type == AUDIO || m->type == VIDEO)) {
    if (!p->first) p->first = reading;
    on_media(p, m);
  } else if (p->rtmp.stage == 4 && (m->type == 4 || m->type == 5)) {
    client_message(&p->rtmp, m, "play", p->name);
  }
}

static int http_push(struct player *p, const uint8_t *b, size_t n) {
  while (n) {
    size_t k = 1;
    if (p->stage == HTTP_HEAD || p->stage == CHUNK_SIZE) {
      if (p->have >= sizeof p->line - 1) return 0;
      p->line[p->have++] = (char)*b;
      p->line[p->have] = 0;
      if (p->stage == HTTP_HEAD && p->have >= 4 && !memcmp(p->line + p->have - 4, "\r\n\r\n", 4)) {
        if (strncmp(p->line + 8, " 200", 4)) {
          refused++;
          return 0;
        }
        p->chunked = strcasestr(p->line, "chunked") != NULL;
        p->stage = p->chunked ? CHUNK_SIZE : RAW, p->have = 0;
      } else if (p->stage == CHUNK_SIZE && *b == '\n') {
        p->chunk = (uint32_t)strtoul(p->line, NULL, 16);
        p->stage = p->chunk ? CHUNK_DATA : CHUNK_END, p->have = 0;
      }
    } else if (p->stage == CHUNK_END) {
      if (*b == '\n') p->stage = CHUNK_SIZE;
    } else {
      k = p->stage == RAW ? n : least(n, p->chunk);
      if (!flv_push(&p->flv, b, k, on_media, p)) return 0;
      if (p->stage == CHUNK_DATA && !(p->chunk -= (uint32_t)k)) p->stage = CHUNK_END;
    }
    b += k, n -= k;
  }
  return 1;
}

static void leave(struct player *p) {
  if (p->fd < 0) return;
  hang_up(p->fd);
  p->fd = -1, p->closed = 1;
  rtmp_free(&p->rtmp.in);
  free(p->rtmp.hello);
}

static void enter(struct player *p, int stalled_rcvbuf) {
  p->fd = p->rtmp.fd = dial(port, p->stalled ? stalled_rcvbuf : 0);
  struct epoll_event e = {EPOLLOUT, {.ptr = p}};
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, p->fd, &e)) die("epoll");
}

static void connected(struct player *p) {
  struct epoll_event e = {EPOLLIN, {.ptr = p}};
  epoll_ctl(poll_fd, EPOLL_CTL_MOD, p->fd, &e);
  p->events = 1;
  p->asked = now_us();
  if (rtmp) {
    client_hello(&p->rtmp);
    return;
  }
  char ask[400];
  int n = snprintf(ask, sizeof ask, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: bench\r\n\r\n", p->name, port);
  client_send(&p->rtmp, (uint8_t *)ask, (size_t)n);
}

/* A gap counts once, also when it lasts from one window into the next. */
static void note_gap(struct player *p, uint64_t now) {
  uint64_t since = p->last ? p->last : window_begin, gap = now > since ? now - since : 0;
  if (gap > p->max_gap) p->max_gap = gap;
  if (gap > 1000000 && !p->gap_told) p->gap_told = 1, p->gaps++;
}

static void readable(struct player *p) {
  static uint8_t buffer[1 << 18];
  /* A stalled HTTP player never reads at all, an RTMP one only until it has been granted the stream. */
  if (p->stalled && (!rtmp || p->rtmp.stage == 4)) {
    epoll_ctl(poll_fd, EPOLL_CTL_DEL, p->fd, NULL);
    return;
  }
  /* Beyond the first key frame, players that are not timed have the kernel drop their bytes: thousands fit one core. */
  int timed = parsed_every < 2 || (p - players) % parsed_every == 0;
  int flags = !timed && p->key && p->asked ? MSG_TRUNC : 0;
  ssize_t n = recv(p->fd, buffer, sizeof buffer, flags);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    lost++;
    leave(p);
    return;
  }
  reading = now_us();
  p->got += (uint64_t)n;
  if (!p->first && !rtmp) p->first = reading;
  if (measuring) {
    note_gap(p, reading);
    p->bytes += (uint64_t)n;
  }
  p->last = reading, p->gap_told = 0;
  if (flags) return;
  int fine = rtmp ? client_push(&p->rtmp, app, port, buffer, (size_t)n, on_rtmp, p) : http_push(p, buffer, (size_t)n);
  if (!fine) bad++;
  if (!fine || p->closed) leave(p);
}

static void begin_window(void) {
  histogram_clear(&delay), histogram_clear(&last_delay);
  memset(frames, 0, sizeof frames);
  for (int i = 0; i < count; i++) players[i].bytes = players[i].gaps = players[i].max_gap = 0;
  window_begin = now_us();
  measuring = 1;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void end_window(int index) {
  uint64_t total = 0, gaps = 0, longest = 0, now = now_us();
  int playing = 0, gapped = 0, readers = 0;
  double *sizes = take((size_t)count + 1, sizeof *sizes);
  for (int i = 0; i < FRAMES; i++) frame_done(i);
  for (int i = 0; i < count; i++) {
    struct player *p = &players[i];
    if (p->stalled) continue;
    note_gap(p, now);
    sizes[readers++] = (double)p->bytes;
    playing += p->media && !p->closed, total += p->bytes, gaps += p->gaps, gapped += p->gaps > 0;
    if (p->max_gap > longest) longest = p->max_gap;
  }
  qsort(sizes, (size_t)readers, sizeof *sizes, by_size);
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  printf("{\"event\":\"window\",\"index\":%d,\"seconds\":%.3f,\"players\":%d,\"playing\":%d,\"bytes\":%llu,\"least\":%.0f,"
         "\"median\":%.0f,\"most\":%.0f,\"gaps\":%llu,\"gapped\":%d,\"max_gap\":%.1f,\"refused\":%llu,\"lost\":%llu,\"bad\":%llu,"
         "\"cpu\":%.3f,",
         index, (double)(now - window_begin) / 1e6, count, playing, (unsigned long long)total, sizes[0], sizes[readers / 2],
         readers ? sizes[readers - 1] : 0, (unsigned long long)gaps, gapped, (double)longest / 1000,
         (unsigned long long)refused, (unsigned long long)lost, (unsigned long long)bad,
         (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
  histogram_print("delay", &delay);
  printf(",");
  histogram_print("last", &last_delay);
  printf("}\n");
  free(sizes);
}

static void print_join(const char *name, size_t field) {
  struct histogram h = {0};
  histogram_clear(&h);
  for (int i = 0; i < count; i++) {
    uint64_t at = *(uint64_t *)((char *)&players[i] + field);
    if (at && !players[i].stalled) histogram_add(&h, at - players[i].asked);
  }
  histogram_print(name, &h);
  free(h.step);
}

static void end(void) {
  int together = 0;
  for (int i = 0; i < count; i++) together += players[i].key_in_first_read;
  printf("{\"event\":\"end\",\"together\":%d,", together);
  print_join("first_byte", offsetof(struct player, first));
  printf(",");
  print_join("first_media", offsetof(struct player, media));
  printf(",");
  print_join("first_key", offsetof(struct player, key));
  printf(",\"key_at\":[");
  for (int i = 0; i < count && i < 200; i++) printf("%s%llu", i ? "," : "", (unsigned long long)players[i].key_at);
  printf("]}\n");
}

static volatile sig_atomic_t stopping;
static void stop(int signal_number) { (void)signal_number, stopping = 1; }

int main(int argc, char **argv) {
  die_with_parent();
  signal(SIGTERM, stop);
  setvbuf(stdout, NULL, _IOLBF, 0);
  port = (int)option_number(argc, argv, "port", 0);
  rtmp = !strcmp(option(argc, argv, "proto", "flv"), "rtmp");
  app = option(argc, argv, "app", "live");
  count = (int)option_number(argc, argv, "count", 1);
  int stall = (int)option_number(argc, argv, "stall", 0), streams = (int)option_number(argc, argv, "streams", 1);
  int rcvbuf = (int)option_number(argc, argv, "stall-rcvbuf", 65536), windows = (int)option_number(argc, argv, "windows", 1);
  double ramp = option_number(argc, argv, "ramp", 500), warm = option_number(argc, argv, "warm", 1),
         seconds = option_number(argc, argv, "seconds", 5);
  const char *name = option(argc, argv, "name", rtmp ? "s%d" : "/live/s%d.flv");
  parsed_every = (int)option_number(argc, argv, "parse", 1);
  if (!port || count + stall < 1 || streams < 1) {
    fprintf(stderr, "players --port P [--proto flv|rtmp] [--app A] [--name N, %%d is the stream's number] [--streams M]\n"
                    "  [--count N] [--stall K] [--ramp per-second] [--warm s] [--seconds s] [--windows W] [--parse every]\n");
    return 2;
  }
  count += stall;
  players = take((size_t)count, sizeof *players);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < count; i++) {
    const char *at = strstr(name, "%d");
    players[i].fd = -1;
    /* Stalled players come last, so that the others are served before them. */
    players[i].stalled = i >= count - stall;
    if (at) snprintf(players[i].name, sizeof players[i].name, "%.*s%d%s", (int)(at - name), name, i % streams, at + 2);
    else snprintf(players[i].name, sizeof players[i].name, "%s", name);
  }
  uint64_t began = now_us(), begin_at = began + (uint64_t)((count / ramp + warm) * 1e6), end_at = 0;
  int entered = 0, done = 0;
  struct epoll_event events[512];
  while (!stopping && done < windows) {
    uint64_t now = now_us();
    while (entered < count && (double)(now - began) / 1e6 * ramp >= entered) enter(&players[entered++], rcvbuf);
    if (!end_at && now >= begin_at) {
      begin_window();
      printf("{\"event\":\"ready\"}\n");
      end_at = window_begin + (uint64_t)(seconds * 1e6);
    } else if (end_at && now >= end_at) {
      end_window(done++);
      begin_window();
      end_at += (uint64_t)(seconds * 1e6);
      continue;
    }
    uint64_t until = (end_at ? end_at : begin_at) - now;
    if (entered < count) until = least(until, (uint64_t)(1e6 / ramp));
    int n = epoll_wait(poll_fd, events, 512, (int)least(until / 1000 + 1, 1000));
    for (int i = 0; i < n; i++) {
      struct player *p = events[i].data.ptr;
      if (p->fd < 0) continue;
      if (!p->events) {
        if (events[i].events & (EPOLLERR | EPOLLHUP)) lost++, leave(p);
        else connected(p);
      } else {
        readable(p);
      }
    }
  }
  end();
  for (int i = 0; i < count; i++) leave(&players[i]);
  return 0;
}
