/* The floor: the least work a server must do to pass one FLV stream on to many HTTP players. One epoll loop takes raw FLV
   on --push, answers any GET on --play, and writes what --window ms gathered to each player (0: every tag by itself). */
#include "media.h"

struct player {
  int fd;
  uint8_t *rest; /* of a batch the socket did not take whole */
  size_t rest_size;
  int asked, fresh;
};

static struct player **players;
static int count, room, poll_fd;
static uint8_t *batch, *opening;
static size_t batch_size, batch_room, opening_size;
static uint64_t batch_began;
static const char REPLY[] = "HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n";

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in a = loopback(port);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4096)) die("listen");
  return fd;
}

static void leave(int at) {
  struct player *p = players[at];
  close(p->fd);
  p->fd = -1;
  free(p->rest);
  players[at] = players[--count];
  free(p);
}

/* 0 when the player has gone. */
static int write_to(struct player *p, const uint8_t *b, size_t n) {
  if (p->rest_size) return 1; /* slow: this batch is not for it */
  ssize_t k = send(p->fd, b, n, MSG_NOSIGNAL);
  if (k < 0 && errno != EAGAIN) return 0;
  size_t left = n - (size_t)(k > 0 ? k : 0);
  if (!left) return 1;
  p->rest = realloc(p->rest, left);
  if (!p->rest) die("memory");
  memcpy(p->rest, b + n - left, left);
  p->rest_size = left;
  struct epoll_event e = {EPOLLIN | EPOLLOUT, {.ptr = p}};
  epoll_ctl(poll_fd, EPOLL_CTL_MOD, p->fd, &e);
  return 1;
}

static void flush(void) {
  for (int i = count - 1; i >= 0; i--) {
    struct player *p = players[i];
    if (!p->asked) continue;
    if (p->fresh && !write_to(p, opening, opening_size)) {
      leave(i);
      continue;
    }
    p->fresh = 0;
    if (!write_to(p, batch, batch_size)) leave(i);
  }
  batch_size = 0;
}

static void append(const uint8_t *b, size_t n) {
  if (batch_size + n > batch_room) {
    batch_room = (batch_size + n) * 2;
    batch = realloc(batch, batch_room);
    if (!batch) die("memory");
  }
  if (!batch_size) batch_began = now_us();
  memcpy(batch + batch_size, b, n);
  batch_size += n;
}

static void keep_opening(const uint8_t *b, size_t n) {
  opening = realloc(opening, opening_size + n);
  if (!opening) die("memory");
  memcpy(opening + opening_size, b, n);
  opening_size += n;
}

/* Takes the whole tags of what has been received; returns how many bytes they were. */
static size_t take_tags(const uint8_t *b, size_t n, int window) {
  size_t at = 0;
  if (!opening_size) {
    if (n < 13) return 0;
    keep_opening((const uint8_t *)REPLY, sizeof REPLY - 1);
    keep_opening(b, 13);
    at = 13;
  }
  while (n - at >= 15) {
    size_t whole = 15 + be24(b + at + 1);
    if (n - at < whole) break;
    const uint8_t *body = b + at + 11;
    int type = b[at] & 31, config = type == 18 || (whole > 16 && body[1] == 0 && (type == VIDEO || body[0] >> 4 == 10));
    if (config) {
      keep_opening(b + at, whole);
    } else {
      if (batch_size && type == VIDEO && body[0] >> 4 == 1) flush(); /* a batch begins with each key frame */
      append(b + at, whole);
      if (!window) flush();
    }
    at += whole;
  }
  return at;
}

int main(int argc, char **argv) {
  die_with_parent();
  int window = (int)option_number(argc, argv, "window", 50);
  int push = listen_on((int)option_number(argc, argv, "push", 8888)), play = listen_on((int)option_number(argc, argv, "play", 8080));
  int source = -1;
  static uint8_t input[8 << 20];
  size_t input_size = 0;
  struct epoll_event events[512], e = {EPOLLIN, {.ptr = &push}};
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, push, &e);
  e.data.ptr = &play;
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, play, &e);
  for (;;) {
    int wait = 1000;
    if (batch_size) {
      uint64_t age = (now_us() - batch_began) / 1000;
      wait = age < (uint64_t)window ? window - (int)age : 0;
    }
    int n = epoll_wait(poll_fd, events, 512, wait);
    if (batch_size && (now_us() - batch_began) / 1000 >= (uint64_t)window) flush();
    for (int i = 0; i < n; i++) {
      void *what = events[i].data.ptr;
      if (what == &push) {
        int fd = accept4(push, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) continue;
        if (source >= 0) close(source);
        source = fd, input_size = opening_size = batch_size = 0;
        e = (struct epoll_event){EPOLLIN, {.ptr = &source}};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e);
      } else if (what == &source) {
        ssize_t k = recv(source, input + input_size, sizeof input - input_size, 0);
        if (k < 0 && errno == EAGAIN) continue;
        if (k <= 0) {
          close(source);
          source = -1;
          continue;
        }
        input_size += (size_t)k;
        size_t used = take_tags(input, input_size, window);
        memmove(input, input + used, input_size -= used);
      } else if (what == &play) {
        int fd = accept4(play, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) continue;
        set_nodelay(fd);
        if (count == room) {
          players = realloc(players, (size_t)(room = room * 2 + 1024) * sizeof *players);
          if (!players) die("memory");
        }
        struct player *p = players[count++] = take(1, sizeof *p);
        p->fd = fd, p->fresh = 1;
        e = (struct epoll_event){EPOLLIN, {.ptr = p}};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e);
      } else {
        struct player *p = what;
        uint8_t request[4096];
        int at = 0; /* sought, not followed: it may have been freed earlier in this pass */
        while (at < count && players[at] != p) at++;
        if (at == count) continue;
        if (events[i].events & EPOLLIN) {
          if (recv(p->fd, request, sizeof request, 0) <= 0) {
            leave(at);
            continue;
          }
          p->asked = 1;
        }
        if (events[i].events & EPOLLOUT && p->rest_size) {
          ssize_t k = send(p->fd, p->rest, p->rest_size, MSG_NOSIGNAL);
          if (k > 0) memmove(p->rest, p->rest + k, p->rest_size -= (size_t)k);
          if (!p->rest_size) {
            e = (struct epoll_event){EPOLLIN, {.ptr = p}};
            epoll_ctl(poll_fd, EPOLL_CTL_MOD, p->fd, &e);
          }
        }
      }
    }
  }
}
