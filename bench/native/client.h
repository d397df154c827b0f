/* The client's half of an RTMP session up to publish or play: handshake, connect, createStream, then the last command. */
#ifndef CLIENT_H
#define CLIENT_H

#include "media.h"

struct client {
  int fd;
  int stage; /* 0 handshake, 1 connect sent, 2 createStream sent, 3 publish or play sent, 4 answered */
  uint32_t got; /* bytes of the handshake */
  uint8_t *hello;
  uint32_t stream; /* the message stream the server gave */
  uint32_t window, acked;
  uint64_t received;
  struct rtmp in;
};

static inline void client_send(struct client *c, const uint8_t *b, size_t n) {
  /* Requests fit any socket's buffer; a server that has gone away is noticed by the next read. */
  if (send(c->fd, b, n, MSG_NOSIGNAL) < 0 && errno != EAGAIN) return;
}

static inline void client_hello(struct client *c) {
  uint8_t b[1537] = {3};
  for (int i = 9; i < 1537; i++) b[i] = (uint8_t)(i * 31);
  c->hello = take(1, 3073);
  client_send(c, b, sizeof b);
}

static inline void client_connect(struct client *c, const char *app, int port) {
  uint8_t body[600], out[700], *p = body;
  char url[200];
  snprintf(url, sizeof url, "rtmp://127.0.0.1:%d/%s", port, app);
  p = amf_text(p, "connect", 1), p = amf_number(p, 1), *p++ = 3;
  p = amf_text(p, "app", 0), p = amf_text(p, app, 1);
  p = amf_text(p, "flashVer", 0), p = amf_text(p, "LNX 11,1,102,55", 1);
  p = amf_text(p, "tcUrl", 0), p = amf_text(p, url, 1);
  *p++ = 0, *p++ = 0, *p++ = 9;
  client_send(c, out, rtmp_write(out, 4096, 3, 20, 0, 0, body, (size_t)(p - body)));
  c->stage = 1;
}

/* Takes bytes of the server, its handshake included; false if they make no sense. */
static inline int client_push(struct client *c, const char *app, int port, const uint8_t *b, size_t n, on_message tell,
                              void *owner) {
  c->received += n;
  if (c->got < 3073) {
    size_t k = least(3073 - c->got, n);
    memcpy(c->hello + c->got, b, k);
    c->got += k, b += k, n -= k;
    if (c->got < 3073) return 1;
    if (c->hello[0] != 3) return 0;
    uint8_t size[5];
    client_send(c, c->hello + 1, 1536);
    put32(size, 4096);
    uint8_t out[32];
    client_send(c, out, rtmp_write(out, 128, 2, 1, 0, 0, size, 4));
    free(c->hello), c->hello = NULL;
    client_connect(c, app, port);
  }
  if (!rtmp_push(&c->in, b, n, tell, owner)) return 0;
  if (c->window && (uint32_t)(c->received - c->acked) > c->window / 2) {
    uint8_t body[4], out[32];
    c->acked = (uint32_t)c->received;
    put32(body, c->acked);
    client_send(c, out, rtmp_write(out, 4096, 2, 3, 0, 0, body, 4));
  }
  return 1;
}

/* Takes the session on by one message of the server. `verb` is publish or play; 1 when it was granted, -1 when refused. */
static inline int client_message(struct client *c, struct message *m, const char *verb, const char *name) {
  uint8_t body[300], out[400], *p = body;
  if (m->type == 5 && m->have >= 4) c->window = be32(m->head);
  if (m->type == 4 && m->have >= 6 && m->head[1] == 6) {
    m->head[1] = 7;
    client_send(c, out, rtmp_write(out, 4096, 2, 4, 0, 0, m->head, 6));
  }
  if (m->type != 20) return 0;
  if (c->stage == 3) {
    if (find_text(m, "\"error") || find_text(m, "error")) return -1;
    if (!find_text(m, "onStatus")) return 0;
    c->stage = 4;
    return 1;
  }
  if (find_text(m, "_error")) return -1;
  if (m->have < 19 || !find_text(m, "_result")) return 0;
  if (c->stage == 1) {
    p = amf_text(p, "createStream", 1), p = amf_number(p, 2), *p++ = 5;
    c->stage = 2;
    client_send(c, out, rtmp_write(out, 4096, 3, 20, 0, 0, body, (size_t)(p - body)));
  } else if (c->stage == 2 && m->have >= 29 && m->head[20] == 0) {
    c->stream = (uint32_t)amf_read_number(m->head + 21);
    p = amf_text(p, verb, 1), p = amf_number(p, 3), *p++ = 5, p = amf_text(p, name, 1);
    if (verb[1] == 'u') p = amf_text(p, "live", 1);
    c->stage = 3;
    client_send(c, out, rtmp_write(out, 4096, 8, 20, c->stream, 0, body, (size_t)(p - body)));
  }
  return 0;
}

#endif
