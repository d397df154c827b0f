/* Paced publishers of one FLV file, which loops with rising timestamps; each video frame carries the time it was sent.
   Over RTMP, or as raw FLV over TCP. Prints "publishing" once all were granted, "end" when it stops. */
#include "client.h"

/* One tag of the file: a view of its body. */
struct tag {
  uint8_t type;
  int config; /* sent once at the start, not in the loop */
  uint32_t time, length;
  const uint8_t *body;
};

struct publisher {
  int fd, index, connected, granted, closed;
  struct client rtmp;
  char app[100], name[100];
  uint64_t began, due; /* us */
  uint64_t round, next; /* how often the file has been sent; the next tag */
  uint32_t frame;
  uint8_t *pending; /* what the socket did not take */
  size_t pending_size, pending_room;
  uint64_t sent;
};

#define CHUNK 4096

static struct tag *tags;
static size_t tag_count, config_count;
static uint32_t loop_ms;
static struct publisher *publishers;
static int count, port, raw, poll_fd;
static const char *app;
static uint64_t latest, closed; /* us behind schedule at worst */

static void read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) die(path);
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  uint8_t *all = take(1, size + 1);
  if (fread(all, 1, size, file) != size) die(path);
  fclose(file);
  size_t room = 0;
  uint32_t last_video[2] = {0, 0};
  for (size_t at = 13; at + 15 <= size;) {
    uint32_t length = be24(all + at + 1);
    if (at + 15 + length > size) break;
    const uint8_t *body = all + at + 11;
    if (tag_count == room) {
      room = room * 2 + 256;
      tags = realloc(tags, room * sizeof *tags);
      if (!tags) die("memory");
    }
    struct tag t = {.type = all[at] & 31, .time = be24(all + at + 4) | (uint32_t)all[at + 7] << 24, .length = length, .body = body};
    t.config = t.type == 18 || (length > 1 && t.type == VIDEO && body[1] == 0) ||
               (length > 1 && t.type == AUDIO && body[0] >> 4 == 10 && body[1] == 0);
    int ending = t.type == VIDEO && length > 1 && body[1] == 2;
    if (t.type == VIDEO && t.config && length > 9 && (body[9] & 3) != 3) {
      fprintf(stderr, "%s: 4-byte NAL lengths are needed\n", path);
      exit(2);
    }
    if (t.type == VIDEO && !t.config && !ending) last_video[0] = last_video[1], last_video[1] = t.time;
    if (length && !ending) tags[tag_count++] = t;
    at += 15 + length;
  }
  while (config_count < tag_count && tags[config_count].config) config_count++;
  loop_ms = last_video[1] + (last_video[1] - last_video[0]);
  if (config_count == tag_count || !loop_ms) {
    fprintf(stderr, "%s: no media\n", path);
    exit(2);
  }
}

static void leave(struct publisher *p) {
  if (p->closed) return;
  hang_up(p->fd);
  p->closed = 1, closed++;
  rtmp_free(&p->rtmp.in);
  free(p->rtmp.hello);
  free(p->pending);
  p->pending = NULL, p->pending_size = 0;
}

static void send_all(struct publisher *p, const uint8_t *b, size_t n) {
  if (!p->pending_size) {
    ssize_t k = send(p->fd, b, n, MSG_NOSIGNAL);
    if (k < 0 && errno != EAGAIN) {
      leave(p);
      return;
    }
    if (k > 0) b += k, n -= (size_t)k, p->sent += (uint64_t)k;
  }
  if (!n) return;
  if (p->pending_size + n > 32u << 20) { /* the server has stopped reading */
    leave(p);
    return;
  }
  if (p->pending_size + n > p->pending_room) {
    p->pending_room = (p->pending_size + n) * 2;
    p->pending = realloc(p->pending, p->pending_room);
    if (!p->pending) die("memory");
  }
  memcpy(p->pending + p->pending_size, b, n);
  p->pending_size += n;
}

static void drain(struct publisher *p) {
  if (!p->pending_size) return;
  ssize_t k = send(p->fd, p->pending, p->pending_size, MSG_NOSIGNAL);
  if (k <= 0) {
    if (k < 0 && errno != EAGAIN) leave(p);
    return;
  }
  p->sent += (uint64_t)k, p->pending_size -= (size_t)k;
  memmove(p->pending, p->pending + k, p->pending_size);
}

static void send_tag(struct publisher *p, const struct tag *t, uint32_t time) {
  static uint8_t body[4 << 20], out[5 << 20];
  size_t n = t->length;
  if (n + STAMP > sizeof body) return;
  if (t->type == VIDEO && !t->config && n > 5 && (t->body[0] & 15) == 7) {
    memcpy(body, t->body, 5);
    stamp_write(body + 5, now_us(), p->frame++, (uint32_t)p->index);
    memcpy(body + 5 + STAMP, t->body + 5, n - 5);
    n += STAMP;
  } else {
    memcpy(body, t->body, n);
  }
  if (raw) {
    out[0] = t->type;
    put24(out + 1, (uint32_t)n), put24(out + 4, time & 0xffffff), out[7] = time >> 24, put24(out + 8, 0);
    memcpy(out + 11, body, n);
    put32(out + 11 + n, (uint32_t)n + 11);
    send_all(p, out, n + 15);
  } else {
    int id = t->type == AUDIO ? 4 : t->type == VIDEO ? 6 : 5;
    send_all(p, out, rtmp_write(out, CHUNK, id, t->type, p->rtmp.stream, time, body, n));
  }
}

/* Writes a pattern with its %d, if it has one, replaced by a number. */
static void numbered(char *out, size_t size, const char *pattern, int number) {
  const char *at = strstr(pattern, "%d");
  if (at) snprintf(out, size, "%.*s%d%s", (int)(at - pattern), pattern, number, at + 2);
  else snprintf(out, size, "%s", pattern);
}

/* Publishers begin spread over one frame, so that their frames do not come in one burst. */
static void begin(struct publisher *p) {
  p->granted = 1;
  if (raw) send_all(p, (const uint8_t *)"FLV\1\5\0\0\0\11\0\0\0\0", 13);
  for (size_t i = 0; i < config_count && !p->closed; i++) send_tag(p, &tags[i], 0);
  p->next = config_count;
  p->began = p->due = now_us() + (uint64_t)p->index * 40000 / (uint64_t)count;
}

static void send_due(struct publisher *p, uint64_t now) {
  while (!p->closed && p->due <= now) {
    uint32_t time = (uint32_t)(p->round * loop_ms) + tags[p->next].time;
    if (now - p->due > latest) latest = now - p->due;
    if (!tags[p->next].config) send_tag(p, &tags[p->next], time);
    if (++p->next == tag_count) p->next = config_count, p->round++;
    p->due = p->began + (p->round * loop_ms + tags[p->next].time) * 1000;
  }
}

static void on_rtmp(void *owner, struct message *m) {
  struct publisher *p = owner;
  int answer = client_message(&p->rtmp, m, "publish", p->name);
  if (answer < 0) fprintf(stderr, "%s: refused\n", p->name), leave(p);
  if (answer > 0) begin(p);
}

static void readable(struct publisher *p) {
  static uint8_t buffer[65536];
  ssize_t n = recv(p->fd, buffer, sizeof buffer, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0 || (!raw && !client_push(&p->rtmp, p->app, port, buffer, (size_t)n, on_rtmp, p))) leave(p);
}

static void connected(struct publisher *p) {
  p->connected = 1;
  if (raw) begin(p);
  else client_hello(&p->rtmp);
}

static volatile sig_atomic_t stopping;
static void stop(int signal_number) { (void)signal_number, stopping = 1; }

int main(int argc, char **argv) {
  die_with_parent();
  signal(SIGTERM, stop);
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char *file = option(argc, argv, "file", NULL), *name = option(argc, argv, "name", "s%d");
  port = (int)option_number(argc, argv, "port", 0);
  raw = !strcmp(option(argc, argv, "proto", "rtmp"), "tcp");
  /* %d in the application or the name is the publisher's number. */
  app = option(argc, argv, "app", "live");
  count = (int)option_number(argc, argv, "count", 1);
  int first = (int)option_number(argc, argv, "first", 0);
  double seconds = option_number(argc, argv, "seconds", 60), ramp = option_number(argc, argv, "ramp", 200);
  if (!file || !port || count < 1) {
    fprintf(stderr, "publisher --port P --file F.flv [--proto rtmp|tcp] [--app A] [--name N, %%d is the number from --first]\n"
                    "  [--count M] [--first I] [--ramp per-second] [--seconds s]\n");
    return 2;
  }
  read_file(file);
  publishers = take((size_t)count, sizeof *publishers);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  uint64_t began = now_us(), end_at = began + (uint64_t)(seconds * 1e6);
  int entered = 0, announced = 0;
  struct epoll_event events[256];
  for (uint64_t now = began; !stopping && now < end_at && closed < (uint64_t)count; now = now_us()) {
    for (; entered < count && (double)(now - began) / 1e6 * ramp >= entered; entered++) {
      struct publisher *p = &publishers[entered];
      p->index = entered;
      numbered(p->name, sizeof p->name, name, first + entered);
      numbered(p->app, sizeof p->app, app, first + entered);
      p->fd = p->rtmp.fd = dial(port, 0);
      struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = p}};
      if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, p->fd, &e)) die("epoll");
    }
    uint64_t until = entered < count ? now + 1000 : end_at;
    int granted = 0;
    for (int i = 0; i < entered; i++) {
      struct publisher *p = &publishers[i];
      granted += p->granted;
      if (!p->granted || p->closed) continue;
      send_due(p, now);
      if (p->due < until) until = p->due;
    }
    if (granted == count && !announced) announced = 1, printf("{\"event\":\"publishing\",\"count\":%d}\n", count);
    now = now_us();
    int n = epoll_wait(poll_fd, events, 256, until > now ? (int)least((until - now) / 1000, 500) + 1 : 0);
    for (int i = 0; i < n; i++) {
      struct publisher *p = events[i].data.ptr;
      if (p->closed) continue;
      if (events[i].events & (EPOLLERR | EPOLLHUP)) {
        leave(p);
        continue;
      }
      if (events[i].events & EPOLLOUT) {
        if (!p->connected) connected(p);
        else drain(p);
      }
      if (!p->closed && events[i].events & EPOLLIN) readable(p);
    }
  }
  uint64_t sent = 0, lost = closed;
  for (int i = 0; i < entered; i++) sent += publishers[i].sent, leave(&publishers[i]);
  printf("{\"event\":\"end\",\"count\":%d,\"bytes\":%llu,\"closed\":%llu,\"latest_ms\":%.1f}\n", count,
         (unsigned long long)sent, (unsigned long long)lost, (double)latest / 1000);
  return 0;
}
