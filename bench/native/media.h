/* FLV tags and RTMP messages as the load tools read them: the head of each is kept, the rest is counted. */
#ifndef MEDIA_H
#define MEDIA_H

#include "bytes.h"

#define HEAD 320
#define AUDIO 8
#define VIDEO 9

/* The beginning of one tag or message; told when its last byte has arrived. */
struct message {
  uint8_t type;
  uint32_t length;
  uint32_t have;
  uint8_t head[HEAD];
};
typedef void (*on_message)(void *owner, struct message *m);

static inline uint32_t head_wanted(uint8_t type, uint32_t length) {
  return (uint32_t)least(length, type == AUDIO || type == VIDEO ? 48 : HEAD);
}

static inline int is_key(const struct message *m) {
  return m->type == VIDEO && m->have >= 2 && m->head[0] >> 4 == 1 && m->head[1] != 0;
}

/* The stamp: an SEI NAL unit (ISO 14496-10 D.1.6, user_data_unregistered) in front of the frame's own units, so the frame
   stays decodable. Its bytes are never 0 to 3, hence need no emulation prevention. 4-byte NAL lengths are assumed. */
#define STAMP 42
static const char STAMP_ID[17] = "mediad-bench-clk";

static inline void put7(uint8_t *b, int bytes, uint64_t v) {
  while (bytes--) b[bytes] = 0x80 | (v & 0x7f), v >>= 7;
}

static inline uint64_t get7(const uint8_t *b, int bytes) {
  uint64_t v = 0;
  while (bytes--) v = v << 7 | (*b++ & 0x7f);
  return v;
}

/* Writes the 42 bytes of a stamp: when it was sent (us), the frame's number and the stream's. */
static inline void stamp_write(uint8_t *b, uint64_t sent, uint32_t frame, uint32_t stream) {
  put32(b, 38);
  b[4] = 6, b[5] = 5, b[6] = 34;
  memcpy(b + 7, STAMP_ID, 16);
  put7(b + 23, 10, sent), put7(b + 33, 5, frame), put7(b + 38, 3, stream);
  b[41] = 0x80;
}

/* Reads the stamp of a video message; false where there is none. */
static inline int stamp_read(const struct message *m, uint64_t *sent, uint32_t *frame, uint32_t *stream) {
  if (m->type != VIDEO || m->have < 5 + 41 || memcmp(m->head + 5 + 7, STAMP_ID, 16)) return 0;
  const uint8_t *b = m->head + 5;
  *sent = get7(b + 23, 10), *frame = (uint32_t)get7(b + 33, 5), *stream = (uint32_t)get7(b + 38, 3);
  return 1;
}

/* FLV: 13 bytes of header, then tags of 11 + length + 4 bytes. */
struct flv {
  int stage; /* 0 file header, 1 tag header, 2 head of the body, 3 rest of the body, 4 the size after it */
  uint32_t have, want, left;
  uint8_t bytes[13];
  struct message m;
};

/* Reads more of the file; false if it is not FLV. */
static inline int flv_push(struct flv *f, const uint8_t *b, size_t n, on_message tell, void *owner) {
  while (n) {
    size_t k;
    if (f->stage < 2) {
      uint32_t want = f->stage ? 11 : 13;
      k = least(want - f->have, n);
      memcpy(f->bytes + f->have, b, k);
      if ((f->have += k) == want) {
        if (!f->stage && memcmp(f->bytes, "FLV\1", 4)) return 0;
        f->have = 0;
        if (f->stage++) {
          f->m.type = f->bytes[0] & 31;
          f->left = f->m.length = be24(f->bytes + 1);
          f->m.have = 0;
          f->want = head_wanted(f->m.type, f->m.length);
        }
      }
    } else if (f->stage == 2) {
      k = least(f->want - f->m.have, n);
      memcpy(f->m.head + f->m.have, b, k);
      f->m.have += k, f->left -= k;
      if (f->m.have == f->want) f->stage = 3;
    } else if (f->stage == 3) {
      k = least(f->left, n);
      f->left -= k;
      if (!f->left) tell(owner, &f->m), f->stage = 4, f->left = 4;
    } else {
      k = least(f->left, n);
      f->left -= k;
      if (!f->left) f->stage = 1;
    }
    b += k, n -= k;
  }
  return 1;
}

/* RTMP after the handshake: chunks of interleaved messages (RTMP 1.0, 5.3.1). */
struct chunks {
  struct message m;
  uint32_t left;
  int extended;
};

struct rtmp {
  uint32_t size; /* chunk size of the other side */
  uint32_t have, want, left;
  uint8_t header[18];
  struct chunks *now, *of[64];
};

static inline void rtmp_free(struct rtmp *r) {
  for (int i = 0; i < 64; i++) free(r->of[i]);
}

/* Reads more of the connection; false on bytes that cannot be a chunk. Set Chunk Size is followed here. */
static inline int rtmp_push(struct rtmp *r, const uint8_t *b, size_t n, on_message tell, void *owner) {
  static const uint32_t SIZES[4] = {11, 7, 3, 0};
  if (!r->size) r->size = 128, r->want = 1;
  while (n || (r->now && !r->left)) {
    if (r->now) {
      struct message *m = &r->now->m;
      size_t k = least(r->left, n), keep = least(k, head_wanted(m->type, m->length) - m->have);
      memcpy(m->head + m->have, b, keep);
      m->have += keep, r->left -= k, r->now->left -= k, b += k, n -= k;
      if (r->left) continue;
      if (!r->now->left) {
        if (m->type == 1 && m->have >= 4) r->size = be32(m->head) & 0x7fffffff;
        if (!r->size) return 0;
        tell(owner, m);
      }
      r->now = NULL, r->have = 0, r->want = 1;
      continue;
    }
    size_t k = least(r->want - r->have, n);
    memcpy(r->header + r->have, b, k);
    r->have += k, b += k, n -= k;
    if (r->have < r->want) return 1;
    int form = r->header[0] >> 6, id = r->header[0] & 63;
    if (id < 2) return 0; /* none of the servers uses chunk streams above 63 */
    if (!r->of[id]) r->of[id] = take(1, sizeof **r->of);
    struct chunks *c = r->of[id];
    uint32_t whole = 1 + SIZES[form];
    if (r->have == 1 && whole > 1) {
      r->want = whole;
      continue;
    }
    if (r->have == whole) {
      if (form < 3) c->extended = be24(r->header + 1) == 0xffffff;
      if (c->extended) {
        r->want = whole + 4;
        continue;
      }
    }
    if (form < 2) c->m.length = be24(r->header + 4), c->m.type = r->header[7];
    if (!c->left) c->left = c->m.length, c->m.have = 0;
    r->now = c;
    r->left = (uint32_t)least(c->left, r->size);
  }
  return 1;
}

/* A type 0 chunk header and the message in chunks of `size`; returns the bytes written to `out`. */
static inline size_t rtmp_write(uint8_t *out, uint32_t size, int id, uint8_t type, uint32_t stream, uint32_t time,
                                const uint8_t *body, size_t length) {
  uint8_t *p = out;
  int extended = time >= 0xffffff;
  *p++ = (uint8_t)id;
  put24(p, extended ? 0xffffff : time), put24(p + 3, (uint32_t)length), p[6] = type;
  p[7] = stream, p[8] = stream >> 8, p[9] = stream >> 16, p[10] = stream >> 24, p += 11;
  if (extended) put32(p, time), p += 4;
  for (size_t at = 0; at < length || !length;) {
    size_t k = least(size, length - at);
    memcpy(p, body + at, k);
    p += k, at += k;
    if (at >= length) break;
    *p++ = (uint8_t)(0xc0 | id);
    if (extended) put32(p, time), p += 4;
  }
  return (size_t)(p - out);
}

/* AMF0 (strings below 64 kB). */
static inline uint8_t *amf_text(uint8_t *p, const char *text, int marker) {
  size_t n = strlen(text);
  if (marker) *p++ = 2;
  *p++ = n >> 8, *p++ = n;
  memcpy(p, text, n);
  return p + n;
}

static inline uint8_t *amf_number(uint8_t *p, double v) {
  uint64_t bits;
  memcpy(&bits, &v, 8);
  *p++ = 0;
  put32(p, bits >> 32), put32(p + 4, (uint32_t)bits);
  return p + 8;
}

static inline double amf_read_number(const uint8_t *b) {
  uint64_t bits = (uint64_t)be32(b) << 32 | be32(b + 4);
  double v;
  memcpy(&v, &bits, 8);
  return v;
}

static inline const char *find_text(const struct message *m, const char *text) {
  return memmem(m->head, m->have, text, strlen(text));
}

#endif
